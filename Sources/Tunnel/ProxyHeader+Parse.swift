public import NIOCore

/// Why bytes are no PROXY protocol version 2 header.
public enum ProxyHeaderError: Error, Sendable, Hashable {
    /// The bytes do not begin as every header does.
    case notAHeader
    /// Another version than 2, or a command other than LOCAL and PROXY.
    case unknownCommand(UInt8)
    /// An address family or a transport that does not exist.
    case unknownFamily(UInt8)
    /// Longer than `ProxyHeader.longest`.
    case tooLong(Int)
    /// A field or the addresses reach beyond the header's end.
    case truncated
    /// The same field twice, or a value that its type does not allow.
    case badField(UInt8)
    /// The checksum does not fit the header.
    case badChecksum
}

extension ProxyHeader {
    /// Reads a header from the start of `buffer` and moves past it.
    ///
    /// Nil when the header is not complete yet; nothing is consumed then. What can never become a header is refused at the
    /// first byte that shows it.
    public static func parse(_ buffer: inout ByteBuffer) throws(ProxyHeaderError) -> ProxyHeader? {
        let common = min(buffer.readableBytes, Self.signature.count)
        guard buffer.readableBytesView.prefix(common).elementsEqual(Self.signature.prefix(common)) else {
            throw .notAHeader
        }
        let start = buffer.readerIndex
        if let command: UInt8 = buffer.getInteger(at: start + 12) {
            guard command == 0x20 || command == 0x21 else { throw .unknownCommand(command) }
        }
        guard let family: UInt8 = buffer.getInteger(at: start + 13) else { return nil }
        guard family >> 4 <= 3, family & 0xf <= 2 else { throw .unknownFamily(family) }
        guard let length: UInt16 = buffer.getInteger(at: start + 14) else { return nil }
        guard Int(length) + 16 <= Self.longest else { throw .tooLong(Int(length) + 16) }
        guard var body = buffer.getSlice(at: start + 16, length: Int(length)) else { return nil }
        let isLocal = buffer.getInteger(at: start + 12, as: UInt8.self) == 0x20

        var header = ProxyHeader(source: nil, destination: nil)
        try header.readAddresses(family: family, from: &body)
        if isLocal {
            header.source = nil
            header.destination = nil
        }
        try header.readFields(from: &body, whole: buffer.getSlice(at: start, length: 16 + Int(length)) ?? ByteBuffer())
        buffer.moveReaderIndex(forwardBy: 16 + Int(length))
        return header
    }

    private mutating func readAddresses(family: UInt8, from body: inout ByteBuffer) throws(ProxyHeaderError) {
        let width: Int
        switch family >> 4 {
        case 1: width = 4
        case 2: width = 16
        case 3:
            guard body.readSlice(length: 216) != nil else { throw .truncated }
            return
        default: return
        }
        guard let source = body.readBytes(length: width), let destination = body.readBytes(length: width),
            let (sourcePort, destinationPort) = body.readMultipleIntegers(as: (UInt16, UInt16).self)
        else { throw .truncated }
        self.source = ProxyEndpoint(address: source, port: sourcePort)
        self.destination = ProxyEndpoint(address: destination, port: destinationPort)
    }

    private mutating func readFields(from body: inout ByteBuffer, whole: ByteBuffer) throws(ProxyHeaderError) {
        let end = whole.readableBytes
        var sawChecksum = false
        while body.readableBytes > 0 {
            guard let (type, length) = body.readMultipleIntegers(as: (UInt8, UInt16).self),
                let value = body.readBytes(length: Int(length))
            else { throw .truncated }
            switch type {
            case Self.routeType:
                guard self.route == nil, let route = String(validating: value, as: UTF8.self) else {
                    throw .badField(type)
                }
                self.route = route
            case Self.servicePortType:
                guard self.servicePort == nil, value.count == 2 else { throw .badField(type) }
                self.servicePort = UInt16(value[0]) << 8 | UInt16(value[1])
            case Self.checksumType:
                guard !sawChecksum, value.count == 4 else { throw .badField(type) }
                sawChecksum = true
                try Self.check(whole, checksumEnd: end - body.readableBytes)
            case 0x04:
                break  // Padding.
            default:
                self.fields.append(Field(type: type, value: value))
            }
        }
    }

    /// Compares the checksum, which is computed with its own four bytes as zeroes.
    private static func check(_ whole: ByteBuffer, checksumEnd: Int) throws(ProxyHeaderError) {
        var bytes = Array(whole.readableBytesView)
        var stored: UInt32 = 0
        for index in checksumEnd - 4..<checksumEnd {
            stored = stored << 8 | UInt32(bytes[index])
            bytes[index] = 0
        }
        guard CRC32C.checksum(of: bytes) == stored else { throw .badChecksum }
    }
}
