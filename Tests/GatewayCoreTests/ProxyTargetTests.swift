import GatewayCore
import HTTPWire
import NetworkAddress
import ProxyCore
import Testing

@Suite("What a request asks a forward proxy for")
struct ProxyTargetTests {
    private struct NoHead: Error {}

    private func target(_ line: String) throws -> ProxyTarget {
        try Array("\(line) HTTP/1.1\r\nhost: other\r\n\r\n".utf8).withUnsafeBytes { raw in
            var scanner = HeadScanner(targetWins: true)
            guard case .complete(let head) = scanner.scanRequest(ByteView(raw)) else { throw NoHead() }
            return try ProxyTarget(head, in: ByteView(raw))
        }
    }

    @Test(
        "server, Host and the target in origin-form",
        arguments: [
            ("GET http://x/a?b", "x", 80, "x", "/a?b"),
            ("GET http://X.Example:8080/", "x.example", 8_080, "X.Example:8080", "/"),
            ("GET http://x", "x", 80, "x", "/"), ("GET http://x?a=/b", "x", 80, "x", "/?a=/b"),
            ("GET HTTP://x//a", "x", 80, "x", "//a"), ("OPTIONS http://x", "x", 80, "x", "*"),
            ("OPTIONS http://x/", "x", 80, "x", "/"), ("OPTIONS http://x?", "x", 80, "x", "/?"),
            ("GET http://[2001:DB8::1]:81/", "2001:db8::1", 81, "[2001:DB8::1]:81", "/"),
            ("GET http://[::1]/", "::1", 80, "[::1]", "/"), ("GET http://x:/", "x", 80, "x:", "/"),
            ("CONNECT X:443", "x", 443, "X:443", ""), ("CONNECT [::1]:1", "::1", 1, "[::1]:1", ""),
            ("GET http://x:00080/", "x", 80, "x:00080", "/"), ("GET http://a_b-c.d./", "a_b-c.d.", 80, "a_b-c.d.", "/"),
        ]
    )
    func good(line: String, host: String, port: Int, authority: String, origin: String) throws {
        let target = try self.target(line)
        #expect(target.server == .init(host: host, port: port))
        #expect(String(decoding: target.authority, as: UTF8.self) == authority)
        #expect(String(decoding: target.origin, as: UTF8.self) == origin)
    }

    @Test(
        "what names no server, or not one only",
        arguments: [
            ("GET /a", Refusal.Reason.originForm), ("OPTIONS *", .originForm), ("GET https://x/", .httpsTarget),
            ("CONNECT x", .ambiguous(.target)), ("CONNECT x:", .ambiguous(.target)),
            ("CONNECT x:0", .ambiguous(.target)),
            ("GET http://x:0/", .ambiguous(.target)), ("GET http://x:65536/", .ambiguous(.target)),
            ("GET http://x/a#b", .ambiguous(.target)), ("GET http://x#b", .ambiguous(.target)),
            ("GET http://x%2fy/", .ambiguous(.target)), ("GET http://x;y/", .ambiguous(.target)),
            ("GET http://[1.2.3.4]/", .ambiguous(.target)), ("GET http://[fe80::1%25lo]/", .ambiguous(.target)),
            ("GET http://[::12345]/", .ambiguous(.target)),
            ("GET http://\(String(repeating: "a", count: 255))/", .ambiguous(.target)),
        ]
    )
    func bad(line: String, reason: Refusal.Reason) throws {
        #expect(throws: reason) { try self.target(line) }
    }

    @Test(
        "what only clients of the proxy's own machine may reach",
        arguments: [
            "127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::", "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "fe80::1", "fd00:ec2::254", "224.0.0.1", "255.255.255.255", "64:ff9b::7f00:1", "::127.0.0.1",
        ]
    )
    func near(text: String) throws {
        #expect(ForwardRules.isNear(try #require(IPAddress(text))))
    }

    @Test(
        "what all clients may reach",
        arguments: ["10.0.0.1", "192.0.2.1", "128.0.0.1", "2001:db8::1", "fd00::1", "169.253.0.1"]
    )
    func far(text: String) throws {
        #expect(!ForwardRules.isNear(try #require(IPAddress(text))))
    }

    @Test("unless told otherwise, this machine's clients, and ports that are for HTTP or for everybody")
    func defaults() throws {
        let rules = ForwardRules()
        let served = try ["127.1.2.3", "::1", "10.0.0.1", "::2"].map { rules.serves(try #require(IPAddress($0))) }
        #expect(served == [true, true, false, false])
        #expect([80, 443, 1_024, 65_535].allSatisfy(rules.ports.contains))
        #expect(![22, 25, 79, 1_023].contains(where: rules.ports.contains))
        #expect(rules.ports.texts == ["80", "443", "1024-65535"])
    }

    @Test(
        "a forward proxy's requests go by their target, whatever Host says; a gateway's must not contradict themselves"
    )
    func host() {
        let text = "GET http://y/ HTTP/1.1\r\nhost: x\r\n\r\n"
        var relay = Relay(.new, .reused)
        relay.machine = ForwardMachine(isProxy: true)
        for _ in 0..<2 {
            relay.client(text)
            relay.upstream("HTTP/1.1 204 No Content\r\n\r\n")
        }
        #expect(relay.toUpstream == text + text && relay.deeds == ["acquire", "keep", "acquire", "keep"])
        relay = Relay(.new)
        relay.client(text)
        #expect(relay.toClient.contains("host-mismatch"))
    }

    @Test("a server that a request names and that cannot be reached is a bad gateway's: 502, or 504")
    func unreachable() {
        for (how, status) in [(Relay.Connection.refused, 502), (.late, 504)] {
            var relay = Relay(how, attempts: 1)
            relay.machine = ForwardMachine(isProxy: true)
            relay.client("GET http://y/ HTTP/1.1\r\nhost: y\r\n\r\n")
            #expect(relay.toClient.hasPrefix("HTTP/1.1 \(status) "))
            #expect(relay.notes.first?.flags.contains(.upstreamFailure) == true)
        }
    }

    @Test("a request that goes nowhere is answered; an answer to a question that was withdrawn is none")
    func refused() {
        var relay = Relay()
        relay.machine = ForwardMachine(isProxy: true)
        relay.client("GET http://y/ HTTP/1.1\r\nhost: y\r\n\r\n")
        relay.tell { $0.refused(.nameUnknown) }
        #expect(relay.toClient.hasPrefix("HTTP/1.1 502 ") && relay.toClient.contains("name-unknown"))
        relay.tell { $0.refused(.nameUnknown) }
        #expect(relay.notes.count == 1)
    }
}
