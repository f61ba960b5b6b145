/// What a frame is about; RFC 9113 section 6. Types that are not listed here are ignored, as section 4.1 says.
public struct FrameType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt8

    /// A type from its number.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A part of a body.
    public static let data = FrameType(rawValue: 0)
    /// The beginning of a field block.
    public static let headers = FrameType(rawValue: 1)
    /// Advice on order that RFC 9113 has withdrawn.
    public static let priority = FrameType(rawValue: 2)
    /// The end of one stream, at once.
    public static let resetStream = FrameType(rawValue: 3)
    /// What an end can take.
    public static let settings = FrameType(rawValue: 4)
    /// A request the server foresees.
    public static let pushPromise = FrameType(rawValue: 5)
    /// Eight bytes that come back.
    public static let ping = FrameType(rawValue: 6)
    /// No more streams.
    public static let goAway = FrameType(rawValue: 7)
    /// Room for more of a body.
    public static let windowUpdate = FrameType(rawValue: 8)
    /// More of a field block.
    public static let continuation = FrameType(rawValue: 9)
}

/// The flags of a frame; a bit means different things in different types.
public struct FrameFlags: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Flags from their bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// DATA, HEADERS: nothing more comes on this stream.
    public static let endStream = FrameFlags(rawValue: 0x1)
    /// SETTINGS, PING: an answer.
    public static let acknowledgement = FrameFlags(rawValue: 0x1)
    /// HEADERS, CONTINUATION: the field block ends here.
    public static let endHeaders = FrameFlags(rawValue: 0x4)
    /// DATA, HEADERS: the payload begins with the length of its padding.
    public static let padded = FrameFlags(rawValue: 0x8)
    /// HEADERS: five bytes of priority come first.
    public static let priority = FrameFlags(rawValue: 0x20)
}

/// The nine bytes before every frame's payload; RFC 9113 section 4.1.
public struct FrameHeader: Hashable, Sendable {
    /// How long the header is.
    public static let length = 9
    /// The longest payload that every end takes.
    public static let smallestMaximum = 16_384

    /// The payload's length in bytes.
    public var length: Int
    /// What the frame is about.
    public var type: FrameType
    /// Its flags.
    public var flags: FrameFlags
    /// The stream, 0 for the connection; the reserved bit is dropped.
    public var stream: UInt32

    /// A header from its parts.
    public init(length: Int, type: FrameType, flags: FrameFlags = [], stream: UInt32 = 0) {
        self.length = length
        self.type = type
        self.flags = flags
        self.stream = stream
    }

    /// The header at the start of `bytes`; nil while there are fewer than nine.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.length else {
            return nil
        }
        self.length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        self.type = FrameType(rawValue: bytes[3])
        self.flags = FrameFlags(rawValue: bytes[4])
        self.stream = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 5, as: UInt32.self)) & 0x7fff_ffff
    }

    /// Whether the frame can be the first of a server: SETTINGS that acknowledge nothing, of a sensible length.
    public var beginsConnection: Bool {
        self.type == .settings && self.flags.isEmpty && self.stream == 0 && self.length % 6 == 0
            && self.length <= Self.smallestMaximum
    }
}

/// Why a stream or a connection ends; RFC 9113 section 7. Any number may come.
public struct ErrorCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt32

    /// A code from its number.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Nothing is wrong.
    public static let noError = ErrorCode(rawValue: 0)
    /// The rules were broken.
    public static let protocolError = ErrorCode(rawValue: 1)
    /// Something went wrong here.
    public static let internalError = ErrorCode(rawValue: 2)
    /// More was sent than there was room for.
    public static let flowControl = ErrorCode(rawValue: 3)
    /// A frame on a stream that has ended.
    public static let streamClosed = ErrorCode(rawValue: 5)
    /// A frame of a length it cannot have.
    public static let frameSize = ErrorCode(rawValue: 6)
    /// The stream was not looked at; it may be asked for again.
    public static let refusedStream = ErrorCode(rawValue: 7)
    /// The stream is not wanted any more.
    public static let cancel = ErrorCode(rawValue: 8)
    /// The state of the field compression is lost.
    public static let compression = ErrorCode(rawValue: 9)
    /// Too much of something.
    public static let enhanceYourCalm = ErrorCode(rawValue: 11)
}

/// The bytes a client's connection begins with; RFC 9113 section 3.4.
public let connectionPreface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
