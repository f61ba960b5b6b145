public import NIOCore

/// The first bytes of a diverted connection: a PROXY protocol version 2 header.
///
/// It tells the far end whose connection this is (the original addresses) and, in two fields of Detour's own, which route
/// and which Service port it came by. Without addresses the header says "unspecified", which is legal.
public struct ProxyHeader: Sendable, Hashable {
    /// One type-length-value field.
    public struct Field: Sendable, Hashable {
        /// What the value is.
        public var type: UInt8
        /// The value.
        public var value: [UInt8]

        /// A field.
        public init(type: UInt8, value: [UInt8]) {
            self.type = type
            self.value = value
        }
    }

    /// The field that carries the route's identifier, from the range left to applications.
    public static let routeType: UInt8 = 0xe0
    /// The field that carries the Service port as two bytes, from the range left to applications.
    public static let servicePortType: UInt8 = 0xe1
    /// The field that carries the name, as in ALPN (RFC 7301), of what the bytes behind the header speak.
    public static let applicationProtocolType: UInt8 = 0x01
    /// The field that says that the stream carries a ``MirrorRecord`` after the other, from the range left to applications.
    public static let mirrorType: UInt8 = 0xe2
    /// The field that carries a CRC-32C of the whole header.
    public static let checksumType: UInt8 = 0x03
    /// The longest header that is accepted; the format would allow 65,551 bytes.
    public static let longest = 4096

    /// The client's end; nil when it is not told.
    public var source: ProxyEndpoint?
    /// The end the client connected to; nil when it is not told.
    public var destination: ProxyEndpoint?
    /// The route the connection was diverted by.
    public var route: String?
    /// The Service port the client used.
    public var servicePort: UInt16?
    /// Further fields, in their order.
    public var fields: [Field] = []

    /// Whether what follows is copies, and no connection.
    public var isMirror: Bool {
        get { self.fields.contains { $0.type == Self.mirrorType } }
        set {
            self.fields.removeAll { $0.type == Self.mirrorType }
            if newValue { self.fields.append(.init(type: Self.mirrorType, value: [1])) }
        }
    }

    /// A header that tells of a connection from `source` to `destination`.
    public init(
        source: ProxyEndpoint?,
        destination: ProxyEndpoint?,
        route: String? = nil,
        servicePort: UInt16? = nil
    ) {
        self.source = source
        self.destination = destination
        self.route = route
        self.servicePort = servicePort
    }

    /// What the bytes behind the header speak, as ALPN names it (`h2`, `http/1.1`); nil when that is not known.
    public var applicationProtocol: String? {
        get {
            self.fields.first { $0.type == Self.applicationProtocolType }
                .map { String(decoding: $0.value, as: UTF8.self) }
        }
        set {
            self.fields.removeAll { $0.type == Self.applicationProtocolType }
            if let newValue {
                self.fields.append(.init(type: Self.applicationProtocolType, value: Array(newValue.utf8)))
            }
        }
    }

    /// The header's bytes in a buffer of its own.
    public func encoded(checksum: Bool = false) -> ByteBuffer {
        var buffer = ByteBuffer()
        self.encode(into: &buffer, checksum: checksum)
        return buffer
    }

    /// Appends the header's bytes.
    ///
    /// Fields that would make the header longer than `longest` are left out, the route among them: a header is always
    /// one the reader accepts.
    public func encode(into buffer: inout ByteBuffer, checksum: Bool = false) {
        let start = buffer.writerIndex
        buffer.writeBytes(Self.signature)
        buffer.writeInteger(UInt8(0x21))
        let lengthIndex: Int
        if let source = self.source, let destination = self.destination {
            let isIPv6 = source.isIPv6 || destination.isIPv6
            buffer.writeInteger(UInt8(isIPv6 ? 0x21 : 0x11))
            lengthIndex = buffer.writerIndex
            buffer.writeInteger(UInt16(0))
            buffer.writeBytes(isIPv6 ? source.mapped : source.address)
            buffer.writeBytes(isIPv6 ? destination.mapped : destination.address)
            buffer.writeInteger(source.port)
            buffer.writeInteger(destination.port)
        } else {
            buffer.writeInteger(UInt8(0))
            lengthIndex = buffer.writerIndex
            buffer.writeInteger(UInt16(0))
        }
        var fields: [Field] = []
        if let port = self.servicePort {
            fields.append(.init(type: Self.servicePortType, value: [UInt8(port >> 8), UInt8(port & 0xff)]))
        }
        if let route = self.route { fields.append(.init(type: Self.routeType, value: Array(route.utf8))) }
        // Seven bytes stay free for the checksum.
        for field in fields + self.fields
        where buffer.writerIndex - start + 3 + field.value.count <= Self.longest - 7 {
            buffer.writeInteger(field.type)
            buffer.writeInteger(UInt16(field.value.count))
            buffer.writeBytes(field.value)
        }
        if checksum {
            buffer.writeInteger(Self.checksumType)
            buffer.writeInteger(UInt16(4))
            buffer.writeInteger(UInt32(0))
        }
        buffer.setInteger(UInt16(buffer.writerIndex - lengthIndex - 2), at: lengthIndex)
        if checksum, let bytes = buffer.viewBytes(at: start, length: buffer.writerIndex - start) {
            buffer.setInteger(CRC32C.checksum(of: bytes), at: buffer.writerIndex - 4)
        }
    }

    /// The twelve bytes that begin every header; no other protocol begins so.
    static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
}
