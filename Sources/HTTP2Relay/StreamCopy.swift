public import HTTP2Wire
public import NIOCore
import ProxyCore

/// What a copy of a stream's two messages is written with.
struct StreamCopy: Sendable {
    var request = CopyWriter()
    var response = CopyWriter()
}

/// Writes one message as the frames of a stream of its own, so that it can be read without the connection it came by.
struct CopyWriter: Sendable {
    private var link = Link()

    mutating func write(fields: FieldList, endsStream: Bool) -> ByteBuffer {
        self.link.writeFields(stream: 1, fields, endsStream: endsStream)
        return self.link.takeOutput() ?? ByteBuffer()
    }

    mutating func write(body: ByteBuffer, endsStream: Bool) -> ByteBuffer {
        self.link.writeData(stream: 1, body, endsStream: endsStream)
        return self.link.takeOutput() ?? ByteBuffer()
    }
}

extension HTTP2Relay {
    /// Makes no more copies of a stream.
    public mutating func stopCopying(_ id: UInt32) {
        self.streams[id]?.copy = nil
    }

    mutating func copy(_ id: UInt32, _ direction: Direction, fields: FieldList, endsStream: Bool) {
        self.copy(id, direction) { $0.write(fields: fields, endsStream: endsStream) }
    }

    mutating func copy(_ id: UInt32, _ direction: Direction, body: ByteBuffer, endsStream: Bool) {
        self.copy(id, direction) { $0.write(body: body, endsStream: endsStream) }
    }

    private mutating func copy(_ id: UInt32, _ direction: Direction, _ write: (inout CopyWriter) -> ByteBuffer) {
        guard var copy = self.streams[id]?.copy else {
            return
        }
        let bytes = direction == .up ? write(&copy.request) : write(&copy.response)
        self.streams[id]?.copy = copy
        self.actions.append(.copy(id, direction == .up ? .client : .original, bytes))
    }
}

/// A request or a response of HTTP/2, put together from its frames (RFC 9113 section 8.1). Interim responses are passed over.
public struct CopiedMessage: Hashable, Sendable {
    /// Its fields, the pseudo-header fields among them.
    public var fields = FieldList()
    /// Its body.
    public var body = ByteBuffer()
    /// The fields behind the body.
    public var trailers = FieldList()

    /// A message by its parts.
    public init(fields: FieldList, body: ByteBuffer = ByteBuffer(), trailers: FieldList = FieldList()) {
        self.fields = fields
        self.body = body
        self.trailers = trailers
    }

    /// The message in frames as `HTTP2Relay.Action.copy` gives them; nil when they are not one whole message and no more.
    public init?(frames: ByteBuffer) {
        var link = Link()
        link.receive(frames)
        var reader = MessageReader()
        while case .frame(let header, let payload) = link.nextFrame() {
            guard !reader.isWhole, reader.read(header, payload) else {
                return nil
            }
        }
        guard reader.isWhole, link.inbox.readableBytes == 0 else {
            return nil
        }
        self = reader.message
    }

    /// The message as frames of a stream of its own.
    public var frames: ByteBuffer {
        var writer = CopyWriter()
        let hasTrailers = self.trailers.count > 0
        var bytes = writer.write(fields: self.fields, endsStream: self.body.readableBytes == 0 && !hasTrailers)
        var rest = self.body
        while let part = rest.readSlice(length: min(rest.readableBytes, FrameHeader.smallestMaximum)),
            part.readableBytes > 0
        {
            bytes.writeImmutableBuffer(
                writer.write(body: part, endsStream: rest.readableBytes == 0 && !hasTrailers)
            )
        }
        if hasTrailers { bytes.writeImmutableBuffer(writer.write(fields: self.trailers, endsStream: true)) }
        return bytes
    }
}

/// Puts one message together.
struct MessageReader: Sendable {
    private(set) var message = CopiedMessage(fields: FieldList())
    /// Whether its end has come.
    private(set) var isWhole = false
    private var decoder = HPACKDecoder()
    private var block: Link.Block?

    /// Takes a frame of the message's stream; `false` when it cannot be.
    mutating func read(_ header: FrameHeader, _ payload: ByteBuffer) -> Bool {
        guard let fragment = payload.unpadded(header.type == .continuation ? [] : header.flags), !self.isWhole,
            (self.block != nil) == (header.type == .continuation)
        else {
            return false
        }
        switch header.type {
        case .data:
            guard self.message.fields.count > 0 else { return false }
            self.message.body.writeImmutableBuffer(fragment)
            self.isWhole = header.flags.contains(.endStream)
            return true
        case .headers:
            var fragment = fragment
            if header.flags.contains(.priority), fragment.readSlice(length: 5) == nil { return false }
            let endsStream = header.flags.contains(.endStream)
            self.block = Link.Block(stream: 1, endsStream: endsStream, bytes: Array(fragment.readableBytesView))
        case .continuation: self.block?.bytes.append(contentsOf: fragment.readableBytesView)
        default: return true
        }
        guard self.block?.bytes.count ?? 0 <= Bounds.compressedBlock else {
            return false
        }
        return header.flags.contains(.endHeaders) ? self.endBlock() : true
    }

    private mutating func endBlock() -> Bool {
        guard let block = self.block,
            let read = try? block.bytes.withUnsafeBytes({ try self.decoder.decode($0, limit: Bounds.fieldBlock) }),
            !read.isTooLong
        else {
            return false
        }
        self.block = nil
        if self.message.fields.count > 0 {
            self.message.trailers = read.fields
            self.isWhole = true
            return block.endsStream
        }
        if let status = read.fields.status, status < 200, !block.endsStream {
            return true
        }
        self.message.fields = read.fields
        self.isWhole = block.endsStream
        return true
    }
}
