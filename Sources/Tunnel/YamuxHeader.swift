public import NIOCore

/// The flags of a yamux frame that belongs to a stream, or of a ping.
public struct YamuxFlags: OptionSet, Sendable, Hashable {
    /// The sixteen bits on the wire.
    public let rawValue: UInt16

    /// Flags with these bits set.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Starts a stream, or asks for a ping's echo.
    public static let syn = Self(rawValue: 1)
    /// Accepts a stream, or is a ping's echo.
    public static let ack = Self(rawValue: 2)
    /// The sender will send no more data on the stream.
    public static let fin = Self(rawValue: 4)
    /// The stream is over at once, in both directions.
    public static let rst = Self(rawValue: 8)

    static let known: Self = [.syn, .ack, .fin, .rst]
}

/// The twelve bytes before everything on a yamux connection.
///
/// Version (1), kind (1), flags (2), stream (4), length (4), all big endian. The length counts payload bytes in a data
/// frame, is the credit in a window update, the echoed number in a ping and the reason in a go-away.
public struct YamuxHeader: Sendable, Hashable {
    /// What a frame is for.
    public enum Kind: UInt8, Sendable, Hashable {
        /// Payload of a stream follows.
        case data = 0
        /// The sender is ready to receive `length` more bytes of the stream.
        case windowUpdate = 1
        /// A question whether the peer lives, or the answer.
        case ping = 2
        /// The sender ends the session, or accepts no more streams.
        case goAway = 3
    }

    /// Bytes of a header on the wire.
    public static let size = 12

    /// What the frame is for.
    public var kind: Kind
    /// The frame's flags.
    public var flags: YamuxFlags
    /// The stream the frame belongs to; 0 for pings and go-aways.
    public var stream: UInt32
    /// Payload bytes, credit, ping number or reason, by `kind`.
    public var length: UInt32

    /// A header with these four fields.
    public init(_ kind: Kind, flags: YamuxFlags = [], stream: UInt32 = 0, length: UInt32 = 0) {
        self.kind = kind
        self.flags = flags
        self.stream = stream
        self.length = length
    }

    /// The first eight bytes, read as one number.
    @inlinable
    public var leadingWord: UInt64 {
        UInt64(self.kind.rawValue) << 48 | UInt64(self.flags.rawValue) << 32 | UInt64(self.stream)
    }

    /// Appends the twelve bytes.
    @inlinable
    public func write(into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(self.leadingWord, self.length)
    }

    /// Puts the twelve bytes right before `buffer`'s readable bytes; false, and nothing done, when there is no room.
    @inlinable
    public func prepend(to buffer: inout ByteBuffer) -> Bool {
        let start = buffer.readerIndex - Self.size
        guard start >= 0 else { return false }
        buffer.setInteger(self.leadingWord, at: start)
        buffer.setInteger(self.length, at: start + 8)
        buffer.moveReaderIndex(to: start)
        return true
    }

    /// Reads a header from its two words; throws on another version, an unknown kind or unknown flags.
    init(leadingWord: UInt64, length: UInt32) throws(TunnelError) {
        let version = UInt8(truncatingIfNeeded: leadingWord >> 56)
        guard version == 0 else { throw .violation("the peer speaks version \(version) of yamux; only 0 is known") }
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: leadingWord >> 48)) else {
            throw .violation("the peer sent a frame of unknown type \(UInt8(truncatingIfNeeded: leadingWord >> 48))")
        }
        let flags = YamuxFlags(rawValue: UInt16(truncatingIfNeeded: leadingWord >> 32))
        guard flags.isSubset(of: .known) else {
            throw .violation("the peer sent a frame with unknown flags \(flags.rawValue)")
        }
        self.init(kind, flags: flags, stream: UInt32(truncatingIfNeeded: leadingWord), length: length)
    }
}
