#if os(Linux)
    import Foundation
    import GatewayCore
    @testable import PeerTestSupport
    import ProxyEngine
    import Testing
    import TrafficMatch

    private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    /// What is sent, and the status it is refused with.
    struct BadRequest: CustomTestStringConvertible, Sendable {
        let text: String
        let status: Int

        init(_ text: String, _ status: Int = 400) {
            self.text = text
            self.status = status
        }

        var testDescription: String { "\(self.text.prefix(80).debugDescription) → \(self.status)" }
    }

    private func post(_ fields: String, _ body: String = "") -> BadRequest {
        BadRequest("POST / HTTP/1.1\r\nhost: x\r\n\(fields)\r\n\r\n\(body)")
    }

    @Suite("Bad inputs, over real sockets", .timeLimit(.minutes(5)))
    struct BadInputTests {
        static let framing = [
            post("content-length: 3\r\ntransfer-encoding: chunked", "abc"),
            post("transfer-encoding: chunked\r\ncontent-length: 3", "abc"),
            post("transfer-encoding: chunked\r\ntransfer-encoding: identity"),
            post("content-length: 3\r\ncontent-length: 4", "abc"),
            post("content-length: 3\r\ncontent-length: 3", "abc"),
            post("content-length: +3", "abc"), post("content-length: -3"), post("content-length: 0x3", "abc"),
            post("content-length: 3, 3", "abc"), post("content-length: 18446744073709551616"),
            post("transfer-encoding: xchunked"),
            post("transfer-encoding:\u{b}chunked"), post("transfer-encoding: chunked, identity"),
            post("transfer-encoding:\r\n chunked"), post("transfer-encoding: gzip, chunked"),
            BadRequest("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ]

        static let lines = [
            BadRequest("GET / HTTP/1.1\nhost: x\n\n"), BadRequest("GET / HTTP/1.1\r\nhost: x\r\na: b\rc\r\n\r\n"),
            BadRequest("GET / HTTP/1.1\r\nhost: x\r\na: b\0\r\n\r\n"),
            BadRequest("GET / HTTP/1.1\r\nhost: x\r\na : b\r\n\r\n"),
            BadRequest("GET / HTTP/1.1\r\nhost: x\r\na: b\r\n c\r\n\r\n"),
            BadRequest("GET / HTTP/1.1\r\nhost: x\r\n: b\r\n\r\n"),
            BadRequest("GET / HTTP/1.1\r\n host: x\r\n\r\n"), BadRequest("GET /\u{1b}[2J HTTP/1.1\r\nhost: x\r\n\r\n"),
        ]

        static let hosts = [
            BadRequest("GET / HTTP/1.1\r\n\r\n"), BadRequest("GET / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n"),
            BadRequest("GET / HTTP/1.1\r\nhost: x, y\r\n\r\n"), BadRequest("GET / HTTP/1.1\r\nhost: u@x\r\n\r\n"),
            BadRequest("GET http://y/ HTTP/1.1\r\nhost: x\r\n\r\n"),
            BadRequest("GET http://u@x/ HTTP/1.1\r\nhost: x\r\n\r\n"),
        ]

        static let others = [
            BadRequest("GET / HTTP/1.1\r\nhost: x\r\nconnection: x-forwarded-for\r\nx-forwarded-for: 1\r\n\r\n"),
            BadRequest("CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n", 405),
            BadRequest("GET / HTTP/1.1\r\nhost: x\r\na: \(String(repeating: "a", count: 1 << 20))\r\n\r\n", 431),
            BadRequest("GET /\(String(repeating: "a", count: 64 << 10)) HTTP/1.1\r\nhost: x\r\n\r\n", 431),
            BadRequest("GET / HTTP/1.1\r\nhost: x\r\n\(String(repeating: "a: b\r\n", count: 11_000))\r\n", 431),
            BadRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), BadRequest("\u{16}\u{3}\u{1}\u{0}\u{5}hello"),
            BadRequest("EHLO x\r\n"), BadRequest("GET / HTTP/1.2\r\nhost: x\r\n\r\n", 505),
        ]

        @Test(
            "are refused, with nothing forwarded, and others notice nothing",
            arguments: [framing, lines, hosts, others]
        )
        func refused(_ rows: [BadRequest]) async throws {
            try await Stage.with { stage in
                for row in rows {
                    let client = try await stage.client()
                    // A reset may come while the rest is still being written.
                    try? await client.write(row.text + get)
                    let seen = await client.wait { $0.hasEnded || $0.isClosed }
                    #expect(
                        seen.text.hasPrefix("HTTP/1.1 \(row.status) "),
                        "\(row.testDescription): \(seen.text.prefix(60))"
                    )
                    #expect(seen.text.contains("connection: close\r\n"))
                    try await client.close()
                }
                #expect(stage.engine.counters.reduce(0) { $0 + $1.upstreamConnections.total } == 0)
                try await Self.isWell(stage)
            }
        }

        @Test(
            "chunks that break the grammar: the server's connection ends with them",
            arguments: [
                "0x3\r\nabc\r\n", "+3\r\nabc\r\n", "3_0\r\nabc\r\n", "10000000000000000\r\n", "3 \r\nabc\r\n",
                "3;a\rb\r\nabc\r\n", "3\r\nabcd\r\n", "3\nabc\n", "0\r\ncontent-length: 3\r\n\r\n",
                "0\r\ntransfer-encoding: chunked\r\n\r\n", "0\r\nhost: y\r\n\r\n",
            ]
        )
        func chunks(text: String) async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
                let server = try await stage.servers[0].accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                try await client.write(text + get)
                #expect(await client.wait { $0.hasEnded || $0.isClosed }.text.hasPrefix("HTTP/1.1 400 "))
                let seen = await server.wait { $0.hasEnded || $0.isClosed }
                #expect(!seen.text.contains("GET /a"))
                try await client.close()
                try await Self.isWell(stage)
            }
        }

        @Test(
            "what a server says beyond its answer reaches nobody",
            arguments: [ok + ok, ok + "x", "HTTP/1.1 204 No Content\r\n\r\nabc"]
        )
        func excess(text: String) async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await server.write(text)
                await server.wait { $0.hasEnded || $0.isClosed }
                // Sent before that end; whoever reads for the client may be later.
                await client.text { $0.contains("\r\n\r\n") }
                #expect(!client.seen.text.hasSuffix("abc") && !client.seen.text.hasSuffix("x"))
                try await Self.isWell(stage)
                #expect(client.seen.text.components(separatedBy: "HTTP/1.1").count == 2)
            }
        }

        @Test("what a server says after its answer was passed on ends its connection")
        func lateExcess() async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await server.write(ok)
                await client.text(ok)
                try await server.write(ok)
                await server.wait { $0.hasEnded || $0.isClosed }
                try await Self.isWell(stage)
                #expect(client.seen.text == ok)
            }
        }

        /// Row 8: a cluster of its own for what is below /private.
        private static func guarded(_ settings: inout GatewaySettings) {
            guard let path = try? PathMatch(.prefix("/private")), let match = try? RequestMatch([.path(path)]) else {
                return
            }
            settings.listeners[0].routes = [.init(match: match, cluster: 1), .init(match: .everything, cluster: 0)]
        }

        @Test(
            "where a path is matched, its one normal form is matched and forwarded",
            arguments: [
                ("/a/../private/x?y=../", 1, "/private/x?y=../"), ("//private", 1, "/private"),
                ("/%70rivate", 1, "/private"),
                ("/private/../a", 0, "/a"), ("/private/%2E%2e/a", 0, "/a"), ("/private/a%c3%a9", 1, "/private/a%C3%A9"),
                ("http://x/./private", 1, "http://x/private"), ("/Private", 0, "/Private"),
                ("/a?/../private", 0, "/a?/../private"),
            ]
        )
        func normalPath(target: String, server: Int, forwarded: String) async throws {
            try await Stage.with(servers: 2, change: Self.guarded) { stage in
                let client = try await stage.client()
                try await client.write("GET \(target) HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n")
                let socket = try await stage.servers[server].accept()
                let expected = "GET \(forwarded) HTTP/1.1\r\nhost: x\r\n\r\n"
                #expect(await socket.text(expected) == expected)
                try await socket.write(ok)
                #expect(await client.text(ok) == ok)
                // The next one on that connection has its own.
                try await client.write("GET /b HTTP/1.1\r\nhost: x\r\n\r\n")
                let next = server == 0 ? socket : try await stage.servers[0].accept()
                #expect(await next.text { $0.hasSuffix("GET /b HTTP/1.1\r\nhost: x\r\n\r\n") } != "")
            }
        }

        @Test(
            "a path that servers read in two ways is refused where it is matched",
            arguments: [
                "/private%2fx", "/a/..%2fprivate", "/a\\..\\private", "/a%00", "/..;/private", "/%c0%ae%c0%ae/private",
                "/%",
            ]
        )
        func twoPaths(target: String) async throws {
            try await Stage.with(servers: 2, change: Self.guarded) { stage in
                let client = try await stage.client()
                try await client.write("GET \(target) HTTP/1.1\r\nhost: x\r\n\r\n")
                let answer = await client.text { $0.contains("path\n") }
                #expect(answer.hasPrefix("HTTP/1.1 400 "))
                #expect(stage.engine.counters.reduce(0) { $0 + $1.upstreamConnections.total } == 0)
            }
        }

        @Test("where no path is matched its bytes pass as they came")
        func anyPath() async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                let request = "GET //a/../%2f%5c;x/%c0%ae/%zz HTTP/1.1\r\nhost: x\r\n\r\n"
                try await client.write(request)
                let server = try await stage.servers[0].accept()
                #expect(await server.text(request) == request)
            }
        }

        @Test("two hundred slow clients do not slow a fast one, and have their time")
        func slow() async throws {
            var bounds = ListenerBounds()
            bounds.head = .seconds(3)
            try await Stage.with(bounds: bounds) { stage in
                var slow: [TestSocket] = []
                for _ in 0..<200 {
                    let client = try await stage.client()
                    try await client.write("GET / HTTP/1.1\r\n")
                    slow.append(client)
                }
                try await Self.isWell(stage)
                for client in slow {
                    #expect(await client.wait { $0.hasEnded || $0.isClosed }.text.hasPrefix("HTTP/1.1 408 "))
                    try await client.close()
                }
            }
        }

        /// A good request of somebody else is answered.
        private static func isWell(_ stage: Stage) async throws {
            let client = try await stage.client()
            try await client.write(get)
            let server = try await stage.servers[0].accept()
            #expect(await server.text(get) == get)
            try await server.write(ok)
            #expect(await client.text(ok) == ok)
            try await client.close()
        }
    }
#endif
