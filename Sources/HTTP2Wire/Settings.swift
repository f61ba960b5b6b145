/// One parameter of a SETTINGS frame; RFC 9113 section 6.5.
public struct Setting: Hashable, Sendable {
    /// Which parameter.
    public struct Name: RawRepresentable, Hashable, Sendable {
        /// The number on the wire.
        public let rawValue: UInt16

        /// A name from its number.
        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        /// The largest dynamic table the sender keeps for fields it decodes.
        public static let headerTableSize = Name(rawValue: 1)
        /// Whether the sender takes pushed responses.
        public static let enablePush = Name(rawValue: 2)
        /// How many streams the sender lets the other end have at a time.
        public static let maximumConcurrentStreams = Name(rawValue: 3)
        /// How much of each body may come before the sender makes room.
        public static let initialWindowSize = Name(rawValue: 4)
        /// The longest payload the sender takes.
        public static let maximumFrameSize = Name(rawValue: 5)
        /// The largest list of fields the sender takes.
        public static let maximumHeaderListSize = Name(rawValue: 6)
        /// Whether extended CONNECT may be used; RFC 8441.
        public static let enableConnectProtocol = Name(rawValue: 8)
    }

    /// Which parameter.
    public var name: Name
    /// Its value.
    public var value: UInt32

    /// A parameter from its parts.
    public init(_ name: Name, _ value: UInt32) {
        self.name = name
        self.value = value
    }

    /// How many bytes a parameter takes.
    public static let length = 6

    /// The parameters in the payload of a SETTINGS frame, in order; nil when its length is not a multiple of six.
    public static func list(_ payload: UnsafeRawBufferPointer) -> [Setting]? {
        guard payload.count % Self.length == 0 else {
            return nil
        }
        return stride(from: 0, to: payload.count, by: Self.length).map { start in
            Setting(
                Name(rawValue: UInt16(bigEndian: payload.loadUnaligned(fromByteOffset: start, as: UInt16.self))),
                UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: start + 2, as: UInt32.self))
            )
        }
    }

    /// What is wrong with the value, if something is; RFC 9113 section 6.5.2.
    public var violation: ErrorCode? {
        switch self.name {
        case .enablePush, .enableConnectProtocol: self.value > 1 ? .protocolError : nil
        case .initialWindowSize: self.value > 0x7fff_ffff ? .flowControl : nil
        case .maximumFrameSize: (16_384...16_777_215).contains(self.value) ? nil : .protocolError
        default: nil
        }
    }
}
