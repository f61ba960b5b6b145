import TestSupport
import Testing

@testable import HTTP2Wire

@Suite("A field block")
struct HPACKTests {
    private func decode(_ bytes: [UInt8], _ decoder: inout HPACKDecoder) throws -> [String] {
        let block = try bytes.withUnsafeBytes { try decoder.decode($0, limit: 1 << 16) }
        return block.fields.lines
    }

    @Test("is read as RFC 7541 appendix C.4 says, the dynamic table included")
    func huffmanRequests() throws {
        var decoder = HPACKDecoder()
        let first = [UInt8](hex: "828684418cf1e3c2e5f23a6ba0ab90f4ff")
        #expect(
            try self.decode(first, &decoder) == [
                ":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com",
            ]
        )
        let second = [UInt8](hex: "828684be5886a8eb10649cbf")
        #expect(
            try self.decode(second, &decoder).suffix(2) == [":authority: www.example.com", "cache-control: no-cache"]
        )
        let third = [UInt8](hex: "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")
        #expect(try self.decode(third, &decoder).last == "custom-key: custom-value")
    }

    @Test("is read as RFC 7541 appendix C.6 says, with a table of 256 bytes that evicts")
    func huffmanResponses() throws {
        var decoder = HPACKDecoder(maximumTableSize: 256)
        let first = [UInt8](
            hex:
                "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3"
        )
        #expect(
            try self.decode(first, &decoder) == [
                ":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT",
                "location: https://www.example.com",
            ]
        )
        #expect(try self.decode([UInt8](hex: "4883640effc1c0bf"), &decoder).first == ":status: 307")
    }

    @Test("comes out as it went in, whatever bytes, order and secrecy its fields have", arguments: 0..<50)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        for _ in 0..<40 {
            var fields = FieldList()
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                let name = Array("x-\(Int.random(in: 0..<20, using: &random))".utf8)
                let value = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                let kinds = [FieldList.Indexing.indexed, .literal, .never]
                fields.append(name, value, kinds[Int.random(in: 0..<3, using: &random)])
                if Bool.random(using: &random) {
                    fields.append("x-again", "\(UInt8.random(in: 0...9, using: &random))")
                }
            }
            if Int.random(in: 0..<5, using: &random) == 0 {
                encoder.setMaximumTableSize(UInt32.random(in: 0...5_000, using: &random))
            }
            let bytes = encoder.encode(fields)
            let block = try bytes.withUnsafeBytes { try decoder.decode($0, limit: 1 << 20) }
            #expect(block.fields.lines == fields.lines)
            // What is already in the table is sent as such; only a secret keeps its mark for certain.
            let secrets = zip(block.fields.entries, fields.entries).filter {
                ($0.indexing == .never) != ($1.indexing == .never)
            }
            #expect(secrets.isEmpty)
        }
    }

    @Test("shrinks when it comes again")
    func indexed() {
        var encoder = HPACKEncoder()
        let fields: FieldList = [":method": "GET", "x-long-name": "a value that is not short"]
        #expect(encoder.encode(fields).count > 30)
        #expect(encoder.encode(fields).count == 2)
    }

    @Test("keeps a secret out of the table, even one that is in it")
    func secret() throws {
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        _ = try self.decode(encoder.encode(["authorization": "s"]), &decoder)
        var fields = FieldList()
        fields.append("authorization", "s", .never)
        let bytes = encoder.encode(fields)
        #expect(bytes == [0x1f, 8, 1, UInt8(ascii: "s")])
        let block = try bytes.withUnsafeBytes { try decoder.decode($0, limit: 100) }
        #expect(block.fields.entries.map(\.indexing) == [.never])
    }

    @Test("past the limit is dropped, and the table stays whole")
    func tooLong() throws {
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        var fields: FieldList = ["a": "1"]
        fields.append("x-big", String(repeating: "v", count: 500))
        fields.append("x-kept", "2")
        let bytes = encoder.encode(fields)
        let block = try bytes.withUnsafeBytes { try decoder.decode($0, limit: 100) }
        #expect(block.isTooLong)
        #expect(block.fields.lines == ["a: 1"])
        #expect(try self.decode(encoder.encode(["x-kept": "2"]), &decoder) == ["x-kept: 2"])
    }

    @Test(
        "that no encoder makes is refused",
        arguments: [
            "80", "ff", "ffffffffffffff7f", "40", "4003", "be", "3fe21f", "823f", "8220", "4081", "400181ff01",
            "40016181ff",
            "4001618400000000", "40016184fffffffc",
        ]
    )
    func malformed(hex: String) {
        var decoder = HPACKDecoder()
        #expect(throws: (any Error).self) { try self.decode([UInt8](hex: hex), &decoder) }
    }

    @Test("of arbitrary bytes is read or refused, and never more", arguments: 0..<200)
    func arbitrary(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var decoder = HPACKDecoder()
        for _ in 0..<50 {
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? self.decode(bytes, &decoder)
        }
    }

    @Test("is found in a table by the hash its encoder gives it; a decoder, which searches for nothing, makes none")
    func hashes() {
        let name = Array("x-a".utf8)
        let value = Array("b".utf8)
        let hash = FieldHash(name, value)
        var table = DynamicTable(capacity: 4_096)
        table.insert(name, value)
        #expect(table[0]?.value == value)
        #expect(table.find(name[...], value[...], hash).field == nil)
        table.insert(name, value, hash)
        #expect(table.find(name[...], value[...], hash).field == 0)
    }

    @Test(
        "opens a plain request or not",
        arguments: [
            ([("x", "1")], true), ([("te", "trailers")], true), ([("te", "gzip")], false), ([("Upper", "1")], false),
            ([("connection", "close")], false), ([("transfer-encoding", "chunked")], false), ([(":path", "/2")], false),
            ([("content-length", "1"), ("content-length", "1")], false), ([("content-length", "-1")], false),
            ([("x", "a\r\nb: c")], false), ([("", "1")], false), ([("x", "1"), (":authority", "b")], false),
        ]
    )
    func plain(extra: [(String, String)], isPlain: Bool) {
        var fields: FieldList = [":method": "GET", ":scheme": "http", ":path": "/"]
        for (name, value) in extra { fields.append(name, value) }
        #expect(fields.isPlainRequest == isPlain)
    }
}

extension FieldList {
    var lines: [String] {
        var lines: [String] = []
        self.forEach { name, value in
            lines.append(
                String(decoding: name, as: UTF8.self) + ": "
                    + value.map { byte in
                        (0x20..<0x7f).contains(byte) ? String(UnicodeScalar(byte)) : "\\\(byte)"
                    }.joined()
            )
            return true
        }
        return lines
    }
}

extension [UInt8] {
    init(hex: String) {
        let digits = Array(hex.utf8).map { UInt8($0 <= 57 ? $0 - 48 : $0 - 87) }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
