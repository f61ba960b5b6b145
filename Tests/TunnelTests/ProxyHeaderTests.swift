import NIOCore
import Testing

@testable import Tunnel

@Suite("PROXY protocol version 2")
struct ProxyHeaderTests {
    static let v4 = ProxyEndpoint(address: [192, 0, 2, 1], port: 4711)
    static let service = ProxyEndpoint(address: [10, 96, 0, 7], port: 80)
    static let v6 = ProxyEndpoint(
        address: [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1],
        port: 65_535
    )
    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    static func wire(_ command: UInt8, _ family: UInt8, _ body: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? body.count
        return Self.signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + body
    }

    @Test("An IPv4 header with route and port has its documented bytes")
    func bytes() {
        let header = ProxyHeader(source: Self.v4, destination: Self.service, route: "r1", servicePort: 80)
        let expected = Self.wire(
            0x21,
            0x11,
            [192, 0, 2, 1, 10, 96, 0, 7, 0x12, 0x67, 0, 80, 0xe1, 0, 2, 0, 80, 0xe0, 0, 2, 0x72, 0x31]
        )
        #expect(Array(header.encoded().readableBytesView) == expected)
    }

    @Test(
        "What is written is read back",
        arguments: [
            ProxyHeader(source: v4, destination: service, route: "leaf", servicePort: 8080),
            ProxyHeader(source: v6, destination: v6, route: nil, servicePort: nil),
            ProxyHeader(source: nil, destination: nil, route: "é", servicePort: 1),
            ProxyHeader(source: nil, destination: nil),
        ],
        [false, true]
    )
    func roundTrip(_ header: ProxyHeader, _ checksum: Bool) throws {
        var buffer = header.encoded(checksum: checksum)
        buffer.writeString("rest")
        #expect(try ProxyHeader.parse(&buffer) == header)
        #expect(buffer.readString(length: 4) == "rest")
    }

    @Test("Ends of two families are told as IPv6")
    func mixed() throws {
        var buffer = ProxyHeader(source: Self.v4, destination: Self.v6).encoded()
        let header = try #require(try ProxyHeader.parse(&buffer))
        #expect(header.source?.description == "[0:0:0:0:0:ffff:c000:201]:4711")
        #expect(header.destination == Self.v6)
    }

    @Test("A header in pieces is awaited, and nothing of it is taken before it is whole")
    func pieces() throws {
        let bytes = Array(
            ProxyHeader(source: Self.v4, destination: Self.service, route: "x").encoded(checksum: true)
                .readableBytesView
        )
        for count in 0..<bytes.count {
            var buffer = ByteBuffer(bytes: bytes[..<count])
            #expect(try ProxyHeader.parse(&buffer) == nil)
            #expect(buffer.readableBytes == count)
        }
    }

    @Test("LOCAL, UNSPEC and Unix headers carry no addresses; unknown fields and padding are kept and skipped")
    func withoutAddresses() throws {
        var local = ByteBuffer(bytes: Self.wire(0x20, 0x11, [UInt8](repeating: 1, count: 12)))
        #expect(try ProxyHeader.parse(&local) == ProxyHeader(source: nil, destination: nil))
        var unix = ByteBuffer(bytes: Self.wire(0x21, 0x31, [UInt8](repeating: 1, count: 216) + [0xe1, 0, 2, 1, 0]))
        #expect(try ProxyHeader.parse(&unix)?.servicePort == 256)
        var unspecified = ByteBuffer(bytes: Self.wire(0x21, 0, [0x04, 0, 3, 0, 0, 0, 0xee, 0, 1, 9]))
        #expect(try ProxyHeader.parse(&unspecified)?.fields == [.init(type: 0xee, value: [9])])
    }

    @Test(
        "What is no header is refused at the byte that shows it",
        arguments: [
            (Array("GET / HTTP/1.1\r\n".utf8), ProxyHeaderError.notAHeader),
            ([13, 10, 13, 11], .notAHeader),
            (signature + [0x11], .unknownCommand(0x11)),
            (signature + [0x22], .unknownCommand(0x22)),
            (signature + [0x21, 0x41], .unknownFamily(0x41)),
            (signature + [0x21, 0x13], .unknownFamily(0x13)),
            (wire(0x21, 0x11, [], length: 4081), .tooLong(4097)),
            (wire(0x21, 0x11, [1, 2, 3]), .truncated),
            (wire(0x21, 0x21, [UInt8](repeating: 0, count: 35)), .truncated),
            (wire(0x21, 0x31, [UInt8](repeating: 0, count: 215)), .truncated),
            (wire(0x21, 0, [0xe0, 0, 2, 1]), .truncated),
            (wire(0x21, 0, [0xe0, 0]), .truncated),
            (wire(0x21, 0, [0xe1, 0, 1, 1]), .badField(0xe1)),
            (wire(0x21, 0, [0xe0, 0, 1, 0xff]), .badField(0xe0)),
            (wire(0x21, 0, [0xe0, 0, 1, 65, 0xe0, 0, 1, 65]), .badField(0xe0)),
            (wire(0x21, 0, [0x03, 0, 3, 1, 2, 3]), .badField(0x03)),
            (wire(0x21, 0, [0x03, 0, 4, 1, 2, 3, 4]), .badChecksum),
        ] as [([UInt8], ProxyHeaderError)]
    )
    func refused(_ bytes: [UInt8], _ error: ProxyHeaderError) {
        var buffer = ByteBuffer(bytes: bytes)
        #expect(throws: error) { try ProxyHeader.parse(&buffer) }
    }

    @Test("What is spoken behind the header is told as ALPN names it, or not at all", arguments: ["h2", nil])
    func applicationProtocol(name: String?) throws {
        var header = ProxyHeader(source: Self.v4, destination: Self.service, route: "x")
        header.applicationProtocol = "http/1.1"
        header.applicationProtocol = name
        var buffer = header.encoded()
        #expect(try ProxyHeader.parse(&buffer)?.applicationProtocol == name)
    }

    @Test("Any changed byte under the checksum is found")
    func checksum() {
        let header = ProxyHeader(source: Self.v4, destination: Self.service, route: "leaf", servicePort: 80)
        let bytes = Array(header.encoded(checksum: true).readableBytesView)
        #expect(CRC32C.checksum(of: Array("123456789".utf8)) == 0xe306_9283)
        for index in 16..<28 {
            var changed = bytes
            changed[index] ^= 1
            var buffer = ByteBuffer(bytes: changed)
            #expect(throws: ProxyHeaderError.badChecksum) { try ProxyHeader.parse(&buffer) }
        }
    }

    @Test("A route that is too long is left out rather than written so that nobody can read it")
    func longRoute() throws {
        let header = ProxyHeader(
            source: nil,
            destination: nil,
            route: String(repeating: "a", count: 5_000),
            servicePort: 80
        )
        var buffer = header.encoded(checksum: true)
        #expect(buffer.readableBytes <= ProxyHeader.longest)
        #expect(try ProxyHeader.parse(&buffer)?.servicePort == 80)
    }

    @Test("Socket addresses become endpoints")
    func socketAddresses() throws {
        #expect(ProxyEndpoint(try SocketAddress(ipAddress: "192.0.2.1", port: 4711)) == Self.v4)
        #expect(ProxyEndpoint(try SocketAddress(ipAddress: "2001:db8::1", port: 65_535)) == Self.v6)
        #expect(ProxyEndpoint(try SocketAddress(unixDomainSocketPath: "/run/x")) == nil)
        #expect(ProxyEndpoint(address: [1, 2, 3], port: 1) == nil)
    }
}
