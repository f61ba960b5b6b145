public import NIOCore

/// What a mirror's stream carries after its PROXY header: copies of bytes, each behind five bytes that say what it is and
/// how long.
///
///     kind (1 byte) | length (4 bytes, big-endian) | so many bytes
///
/// One stream is for one exchange: `request`, `response`, `end`, or only `missed` and `end`. A `missed` of exchanges
/// before may come first. A reader passes over kinds it does not know.
public enum MirrorRecord: Sendable, Hashable {
    /// Bytes of the request, as the client sent them.
    case request(ByteBuffer)
    /// Bytes of the original's response, as it sent them.
    case response(ByteBuffer)
    /// So many exchanges were not copied.
    case missed(MirrorMiss, count: UInt32)
    /// Nothing more follows.
    case end

    /// The record's bytes in the pieces they are written in: copied bytes are not copied again.
    public var pieces: [ByteBuffer] {
        switch self {
        case .request(let bytes): [Self.header(1, bytes.readableBytes), bytes]
        case .response(let bytes): [Self.header(2, bytes.readableBytes), bytes]
        case .missed(let reason, let count):
            [Self.header(3, 5), ByteBuffer(integer: reason.rawValue), ByteBuffer(integer: count)]
        case .end: [Self.header(4, 0)]
        }
    }

    private static func header(_ kind: UInt8, _ length: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(kind)
        buffer.writeInteger(UInt32(length))
        return buffer
    }

    /// Takes the record at the front of `buffer`; nil, and nothing taken, while it is not there whole.
    ///
    /// - Throws: ``TunnelError`` with code `protocolViolation` for a record longer than `longest`.
    public static func read(from buffer: inout ByteBuffer, longest: Int) throws(TunnelError) -> MirrorRecord? {
        while true {
            let start = buffer.readerIndex
            guard let (kind, length) = buffer.readMultipleIntegers(as: (UInt8, UInt32).self) else { return nil }
            guard length <= longest else {
                throw TunnelError(.protocolViolation, "a mirror's record of \(length) bytes is longer than \(longest)")
            }
            guard var bytes = buffer.readSlice(length: Int(length)) else {
                buffer.moveReaderIndex(to: start)
                return nil
            }
            switch kind {
            case 1: return .request(bytes)
            case 2: return .response(bytes)
            case 3:
                if let (code, count) = bytes.readMultipleIntegers(as: (UInt8, UInt32).self),
                    let reason = MirrorMiss(rawValue: code)
                {
                    return .missed(reason, count: count)
                }
            case 4: return .end
            default: break
            }
        }
    }
}
