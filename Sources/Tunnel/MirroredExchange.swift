public import NIOCore

/// What one stream of a mirror brought: a request with the original's response, and what was not copied before.
///
/// A value that records are added to; without I/O.
public struct MirroredExchange: Sendable, Hashable {
    /// The longest request or response that is copied, in bytes.
    public static let longest = 1 << 20

    /// What both messages are written in, by its name in ALPN (RFC 7301): nil for HTTP/1.1 as it was sent, `h2` for the frames
    /// of a stream of its own.
    public let applicationProtocol: String?
    /// The request as the client sent it; empty when the stream brings only counts.
    public private(set) var request = ByteBuffer()
    /// The original's response as it sent it, interim responses included.
    public private(set) var response = ByteBuffer()
    /// How many exchanges were not copied, by why.
    public private(set) var missed: [MirrorMiss: Int] = [:]
    /// Whether all of it is there.
    public private(set) var isWhole = false

    /// An exchange of which nothing is there.
    public init(applicationProtocol: String? = nil) {
        self.applicationProtocol = applicationProtocol
    }

    /// Adds the records at the front of `buffer`, which keeps what is no whole record yet.
    ///
    /// - Throws: ``TunnelError`` with code `protocolViolation` for more bytes than are ever copied.
    public mutating func add(from buffer: inout ByteBuffer) throws(TunnelError) {
        while !self.isWhole, let record = try MirrorRecord.read(from: &buffer, longest: Self.longest) {
            switch record {
            case .request(let bytes): self.request.writeImmutableBuffer(bytes)
            case .response(let bytes): self.response.writeImmutableBuffer(bytes)
            case .missed(let reason, let count): self.missed[reason, default: 0] += Int(count)
            case .end: self.isWhole = true
            }
            guard max(self.request.readableBytes, self.response.readableBytes) <= Self.longest else {
                throw TunnelError(.protocolViolation, "a mirror's copy is longer than \(Self.longest) bytes")
            }
        }
    }
}
