import HTTPWire
import Testing

@Suite("What is left of a head without the fields that are for us")
struct HopByHopTests {
    /// The fields that are left of a response with these, joined.
    private func kept(_ fields: String..., keepsUpgrade: Bool = false, dropsProxyFields: Bool = false) throws -> String
    {
        let text = "HTTP/1.1 200 OK\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n"
        return try Array(text.utf8).withUnsafeBytes { raw in
            var scanner = HeadScanner()
            guard case .complete(let head) = scanner.scanResponse(ByteView(raw)) else { throw CancellationError() }
            var cursor = FieldCursor(head)
            var kept = ""
            cursor.forEachKept(
                in: ByteView(raw),
                end: head.length,
                keepsUpgrade: keepsUpgrade,
                hasStrangeOptions: head.flags.contains(.strangeOption),
                dropsProxyFields: dropsProxyFields
            ) { kept += String(decoding: ByteView(raw).bytes($0), as: UTF8.self) }
            return kept.replacing("HTTP/1.1 200 OK\r\n", with: "").replacing("\r\n", with: "|")
        }
    }

    @Test("those that are always for us go, and Upgrade where it is not passed on")
    func always() throws {
        let fields = [
            "a: 1", "TE: x", "Keep-Alive: 5", "Proxy-Connection: x", "HTTP2-Settings: x", "Upgrade: y", "b: 2",
        ]
        #expect(
            try self.kept(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]) == "a: 1|b: 2|"
        )
        #expect(try self.kept("Upgrade: y", "Connection: upgrade", keepsUpgrade: true) == "Upgrade: y|")
    }

    @Test("those between a client and its proxy go where it is one, and Host with them")
    func proxies() throws {
        let fields = [
            "a: 1", "Proxy-Authorization: x", "HOST: y", "proxy-authenticate: x", "Proxy-Authentication-Info: x",
            "Hosts: b",
        ]
        let all = fields.map { "\($0)|" }.joined()
        #expect(try self.kept(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]) == all)
        #expect(
            try self.kept(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], dropsProxyFields: true)
                == "a: 1|Hosts: b|"
        )
    }

    @Test("those that any Connection field names go too, in any case, before it and behind it")
    func named() throws {
        #expect(try self.kept("X-A: 1", "connection: x-b , close", "b: 2", "Connection: X-a", "x-B: 3") == "b: 2|")
        #expect(try self.kept("connection: b", "bb: 1", "B: 2", "c: 3") == "bb: 1|c: 3|")
    }

    @Test(
        "but never those that say how long the message is",
        arguments: ["Content-Length: 3", "Transfer-Encoding: chunked"]
    )
    func framing(field: String) throws {
        #expect(try self.kept("connection: content-length, transfer-encoding, x", field, "x: 1") == "\(field)|")
    }
}
