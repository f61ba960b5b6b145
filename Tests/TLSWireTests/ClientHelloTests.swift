import TLSWire
import Testing

@Suite("A TLS client's first message")
struct ClientHelloTests {
    private static func vector(_ bytes: [UInt8], _ width: Int) -> [UInt8] {
        (0..<width).reversed().map { UInt8(bytes.count >> (8 * $0) & 255) } + bytes
    }

    private static func `extension`(_ type: UInt8, _ value: [UInt8]) -> [UInt8] { [0, type] + vector(value, 2) }

    /// A message from its parts, in records of at most `record` bytes.
    private static func message(
        version: [UInt8] = [3, 3],
        suites: [UInt8] = [0x13, 0x01, 0xc0, 0x2b],
        extensions: [UInt8]?,
        record: Int = 1 << 14
    ) -> [UInt8] {
        let body =
            version + [UInt8](repeating: 9, count: 32) + vector([1, 2, 3], 1) + vector(suites, 2) + vector([0], 1)
            + (extensions.map { vector($0, 2) } ?? [])
        let message = [1] + vector(body, 3)
        return stride(from: 0, to: message.count, by: record).flatMap { start in
            [22, 3, 1] + vector(Array(message[start..<min(start + record, message.count)]), 2)
        }
    }

    private static let name = `extension`(0, vector([0] + vector(Array("leaf.shop".utf8), 2), 2))
    private static let protocols = `extension`(
        16,
        vector(vector(Array("h2".utf8), 1) + vector([0x8a, 0x8a], 1) + vector(Array("http/1.1".utf8), 1), 2)
    )
    private static let versions = `extension`(43, vector([3, 4, 3, 3], 1))

    private static let whole = ClientHello(
        serverName: "leaf.shop",
        applicationProtocols: ["h2", "http/1.1"],
        versions: [0x0304, 0x0303],
        cipherSuites: [0x1301, 0xc02b]
    )

    private func read(_ bytes: [UInt8]) -> ClientHello.Reading {
        bytes.withUnsafeBytes { ClientHello.read($0) }
    }

    @Test("Its name, protocols, versions and suites are read, in however many records", arguments: [1, 7, 50, 1 << 14])
    func records(record: Int) {
        let bytes = Self.message(extensions: Self.name + Self.protocols + Self.versions, record: record)
        #expect(self.read(bytes) == .whole(Self.whole))
        #expect(self.read(bytes + [20, 3, 3, 0, 1, 1]) == .whole(Self.whole), "what follows is not looked at")
    }

    @Test(
        "In more records than anybody needs it is not waited for: each of them is read again with every byte that comes"
    )
    func manyRecords() {
        let long = Self.extension(99, [UInt8](repeating: 7, count: 400))
        let records = Self.message(extensions: long, record: 1)
        #expect(records.count > 6 * 256)
        #expect(self.read(Array(records[..<(6 * 256)])) == .more)
        #expect(self.read(Array(records[..<(6 * 256 + 1)])) == .other)
        #expect(self.read(records) == .other)
    }

    @Test("At every byte before its last it is still to come")
    func everyPrefix() {
        let bytes = Self.message(extensions: Self.name + Self.protocols + Self.versions, record: 40)
        for count in 0..<bytes.count { #expect(self.read(Array(bytes[..<count])) == .more) }
    }

    @Test("Without extensions the version is the old field's")
    func withoutExtensions() {
        #expect(
            self.read(Self.message(extensions: nil))
                == .whole(ClientHello(versions: [0x0303], cipherSuites: [0x1301, 0xc02b]))
        )
    }

    @Test("An address or another thing that is no host name is no name", arguments: ["10.0.0.1", "::1", "a b", ""])
    func notAName(text: String) {
        let name = Self.extension(0, Self.vector([0] + Self.vector(Array(text.utf8), 2), 2))
        guard case .whole(let hello) = self.read(Self.message(extensions: name)) else { return #expect(Bool(false)) }
        #expect(hello.serverName == nil)
    }

    @Test(
        "What is none is told at the byte that shows it",
        arguments: [
            Array("GET / HTTP/1.1".utf8), [21, 3, 1], [22, 2], [22, 3, 1, 0, 0], [22, 3, 1, 0x40, 1],
            [22, 3, 1, 0, 1, 2], [22, 3, 1, 0, 4, 1, 2, 0, 0],
            message(extensions: [0]), message(extensions: [0, 0, 0, 9, 1]),
            message(extensions: `extension`(16, [0, 1, 0])),
            message(extensions: `extension`(0, [0, 9])), message(extensions: `extension`(43, [])),
        ] as [[UInt8]]
    )
    func other(bytes: [UInt8]) {
        #expect(self.read(bytes) == .other)
    }

    @Test("Changed anywhere, it is read as something, or refused; never past its end", arguments: 0..<40)
    func changed(seed: Int) {
        var bytes = Self.message(extensions: Self.name + Self.protocols + Self.versions, record: 60)
        for index in stride(from: seed, to: bytes.count, by: 40) { bytes[index] = bytes[index] &+ UInt8(seed + 1) }
        _ = self.read(bytes)
        for count in stride(from: 0, to: bytes.count, by: 3) { _ = self.read(Array(bytes[..<count])) }
    }
}
