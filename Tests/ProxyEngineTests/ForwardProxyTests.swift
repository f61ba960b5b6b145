#if os(Linux)
    import Dispatch
    import Foundation
    import GatewayCore
    import NIOCore
    import NetworkAddress
    @testable import PeerTestSupport
    @testable import ProxyEngine
    import TestSupport
    import Testing

    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    private let okVia = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nvia: 1.1 detour\r\n\r\nhi"

    @Suite("A forward proxy, over real sockets", .timeLimit(.minutes(5)))
    struct ForwardProxyTests {
        @Test(
            "a request goes to the server it names, in origin-form, without what is for the proxy; connections are used again"
        )
        func request() async throws {
            try await Stage.forward(servers: 2) { stage in
                let client = try await stage.client()
                let authorities = stage.servers.map { "127.0.0.1:\($0.port)" }
                var sockets: [TestSocket] = []
                for (server, authority) in zip(stage.servers, authorities) {
                    try await client.write(
                        """
                        POST http://\(authority)/a?b=c HTTP/1.1\r\nUser-Agent: x\r\nHost: other\r\n\
                        Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic c2VjcmV0\r\nTE: trailers\r\n\
                        Connection: keep-alive, te\r\ncontent-length: 3\r\n\r\nabc
                        """
                    )
                    let socket = try await server.accept()
                    let expected =
                        "POST /a?b=c HTTP/1.1\r\nhost: \(authority)\r\nUser-Agent: x\r\ncontent-length: 3\r\nvia: 1.1 detour\r\n\r\nabc"
                    #expect(await socket.text(expected) == expected)
                    try await socket.write(ok)
                    #expect(await client.text(okVia) == okVia)
                    client.drop(okVia.utf8.count)
                    socket.drop(expected.utf8.count)
                    sockets.append(socket)
                }
                // Another client's, on the same connections.
                let other = try await stage.client()
                for (socket, authority) in zip(sockets, authorities) {
                    try await other.write("GET http://\(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
                    let expected = "GET / HTTP/1.1\r\nhost: \(authority)\r\nvia: 1.1 detour\r\n\r\n"
                    #expect(await socket.text(expected) == expected)
                    try await socket.write(ok)
                    #expect(await other.text(okVia) == okVia)
                    other.drop(okVia.utf8.count)
                }
                #expect(stage.counted.upstreamConnections.total == 2)
                #expect(try await stage.outward() == (idle: 2, known: 2))
            }
        }

        @Test("HTTP/1.0 without Host gets one, and a server's demands of proxies do not reach the client")
        func fields() async throws {
            try await Stage.forward { stage in
                let client = try await stage.client()
                let authority = "127.0.0.1:\(stage.servers[0].port)"
                try await client.write("GET http://\(authority)/ HTTP/1.0\r\n\r\n")
                let server = try await stage.servers[0].accept()
                let expected =
                    "GET / HTTP/1.0\r\nhost: \(authority)\r\nconnection: keep-alive\r\nvia: 1.0 detour\r\n\r\n"
                #expect(await server.text(expected) == expected)
                try await server.write(
                    "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nProxy-Connection: close\r\ncontent-length: 0\r\n\r\n"
                )
                let answer = await client.wait { $0.hasEnded }.text
                #expect(
                    answer == "HTTP/1.1 407 No\r\ncontent-length: 0\r\nconnection: close\r\nvia: 1.1 detour\r\n\r\n"
                )
            }
        }

        @Test("a WebSocket passes")
        func upgrade() async throws {
            try await Stage.forward { stage in
                let client = try await stage.client()
                let authority = "127.0.0.1:\(stage.servers[0].port)"
                try await client.write(
                    "GET http://\(authority)/ HTTP/1.1\r\nHost: \(authority)\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                )
                let server = try await stage.servers[0].accept()
                let expected =
                    "GET / HTTP/1.1\r\nhost: \(authority)\r\nUpgrade: websocket\r\nconnection: upgrade\r\nvia: 1.1 detour\r\n\r\n"
                #expect(await server.text(expected) == expected)
                try await server.write("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello")
                #expect(await client.text { $0.hasSuffix("hello") }.hasPrefix("HTTP/1.1 101 "))
            }
        }

        /// What is sent; `PORT` stands for the server's.
        static let refusals: [(text: String, status: Int, reason: String)] = [
            ("GET /a HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 400, "origin-form\nThis is a forward proxy."),
            ("OPTIONS * HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 400, "origin-form"),
            ("GET https://127.0.0.1:PORT/ HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 501, "https-target"),
            ("GET ftp://127.0.0.1:PORT/ HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 400, "invalid-target"),
            ("GET http://u:p@127.0.0.1:PORT/ HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 400, "invalid-target"),
            ("GET http://127.0.0.1:PORT@x/ HTTP/1.1\r\nhost: x\r\n\r\n", 400, "invalid-target"),
            ("GET http://127.0.0.1:0/ HTTP/1.1\r\nhost: x\r\n\r\n", 400, "invalid-target"),
            ("GET http://127.0.0.1:99999/ HTTP/1.1\r\nhost: x\r\n\r\n", 400, "invalid-target"),
            ("GET http:///a HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 400, "invalid-target"),
            ("GET http://127.0.0.1:PORT/#a HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 400, "invalid-target"),
            ("GET http://127.0.0.1:PORT/\u{1b}[2J HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\r\n", 400, "control-character"),
            ("GET http://127.0.0.1:PORT/ HTTP/1.1\r\n\r\n", 400, "missing-host"),
            ("GET http://127.0.0.1:PORT/ HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, "repeated-host"),
            ("GET http://127.0.0.1:PORT/ HTTP/1.1\r\nhost: u@a\r\n\r\n", 400, "invalid-host"),
            ("GET http://127.0.0.1:PORT/ HTTP/1.1\r\nhost: a\r\nconnection: x-user\r\n\r\n", 400, "connection-option"),
            (
                "POST http://127.0.0.1:PORT/ HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
                400, "length-and-encoding"
            ),
            ("GET http://127.0.0.1:22/ HTTP/1.1\r\nhost: a\r\n\r\n", 403, "port-not-allowed"),
            ("GET http://127.0.0.2:PORT/ HTTP/1.1\r\nhost: a\r\n\r\n", 502, "upstream-unreachable"),
            // Too long for a part of a name: nobody is asked.
            ("GET http://\(String(repeating: "a", count: 64))/ HTTP/1.1\r\nhost: a\r\n\r\n", 502, "name-unknown"),
            ("GET http://127.0.0.1:SELF/ HTTP/1.1\r\nhost: a\r\n\r\n", 403, "own-address"),
            ("GET http://0.0.0.0:SELF/ HTTP/1.1\r\nhost: a\r\n\r\n", 403, "own-address"),
            ("GET http://2130706433:SELF/ HTTP/1.1\r\nhost: a\r\n\r\n", 403, "own-address"),
        ]

        @Test("what names no server that may be used is refused, with nothing forwarded", arguments: [refusals])
        func refused(_ rows: [(text: String, status: Int, reason: String)]) async throws {
            try await Stage.forward { stage in
                for (text, status, reason) in rows {
                    let client = try await stage.client()
                    let request = text.replacing("PORT", with: "\(stage.servers[0].port)")
                        .replacing("SELF", with: "\(stage.engine.ports[0])")
                    try await client.write(request)
                    let answer = await client.text { $0.contains("detour: ") && $0.hasSuffix("\n") }
                    #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(request): \(answer)")
                    #expect(answer.contains("\r\n\r\ndetour: \(reason)"), "\(request): \(answer)")
                    try await client.close()
                }
                #expect(stage.counted.upstreamConnections.total == 0)
            }
        }

        @Test("an address of its own is that wherever it listens")
        func ownAddress() async throws {
            try await Stage.forward(host: "0.0.0.0") { stage in
                for host in ["127.0.0.1", "127.0.0.9"] {
                    let client = try await stage.client()
                    try await client.write("GET http://\(host):\(stage.engine.ports[0])/ HTTP/1.1\r\nhost: a\r\n\r\n")
                    #expect(await client.text { $0.hasSuffix("address.\n") }.hasPrefix("HTTP/1.1 403 "))
                }
                #expect(stage.counted.upstreamConnections.total == 0)
            }
        }

        @Test("strangers are told that they are, and nothing else")
        func stranger() async throws {
            var rules = ForwardRules()
            rules.clients = ["10.0.0.0/8"].compactMap(IPNetwork.init)
            try await Stage.forward(rules: rules) { stage in
                for target in ["http://127.0.0.1:\(stage.servers[0].port)/", "/a", "http://127.0.0.1:22/"] {
                    let client = try await stage.client()
                    try await client.write("GET \(target) HTTP/1.1\r\nhost: a\r\n\r\n")
                    let answer = await client.wait { $0.hasEnded }.text
                    #expect(answer.hasPrefix("HTTP/1.1 403 ") && answer.contains("detour: client-not-allowed\n"))
                }
                #expect(stage.counted.upstreamConnections.total == 0)
            }
        }

        @Test("clients of other machines reach no address that is this machine's own, by whatever name")
        func near() throws {
            let settings = GatewaySettings(
                listeners: [.init(name: "out", host: "127.0.0.1", port: 0, forward: .init())],
                clusters: []
            )
            let plan = try #require(ForwardPlan(settings, listener: 0))
            let addresses = try ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"].map {
                try SocketAddress(ipAddress: $0, port: 80)
            }
            #expect(try plan.allowed(addresses, isNear: false, port: 1).get().map(\.ipAddress) == ["10.0.0.1"])
            #expect(try plan.allowed(addresses, isNear: true, port: 1).get().count == 5)
            #expect(throws: Refusal.Reason.forbiddenAddress) {
                try plan.allowed(Array(addresses.prefix(1)), isNear: false, port: 1).get()
            }
        }

        @Test("all addresses of a name are tried, and the one that works comes first next time")
        func addresses() async throws {
            try await Stage.forward { stage in
                try await stage.resolve { _, port in
                    try ["127.0.0.2", "127.0.0.3", "127.0.0.1"].map { try SocketAddress(ipAddress: $0, port: port) }
                }
                let client = try await stage.client()
                for count in 1...2 {
                    try await client.write(
                        "GET http://a.example:\(stage.servers[0].port)/ HTTP/1.1\r\nhost: a\r\n\r\n"
                    )
                    let server = try await stage.servers[0].accept()
                    await server.text { $0.hasSuffix("\r\n\r\n") }
                    // So that the next request needs a connection of its own.
                    try await server.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi")
                    await client.text { $0.components(separatedBy: "hi").count == count + 1 }
                }
                #expect(stage.counted.upstreamFailures.total == 2 && stage.counted.upstreamConnections.total == 2)
            }
        }

        @Test("a name that takes too long is told after the time for a connection, and holds nobody else up")
        func slowName() async throws {
            var rules = ForwardRules()
            rules.bounds.connect = .milliseconds(200)
            let (gate, opened) = AsyncStream.makeStream(of: Void.self)
            let wait = DispatchSemaphore(value: 0)
            try await Stage.forward(rules: rules) { stage in
                try await stage.resolve { _, _ in
                    opened.yield()
                    wait.wait()
                    return []
                }
                let client = try await stage.client()
                try await client.write("GET http://slow.example/ HTTP/1.1\r\nhost: a\r\n\r\n")
                for await _ in gate { break }
                let other = try await stage.client()
                try await other.write("GET http://127.0.0.1:\(stage.servers[0].port)/ HTTP/1.1\r\nhost: a\r\n\r\n")
                let server = try await stage.servers[0].accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                try await server.write(ok)
                #expect(await other.text(okVia) == okVia)
                let answer = await client.text { $0.hasSuffix("name-timeout\n") }
                #expect(answer.hasPrefix("HTTP/1.1 504 "))
                wait.signal()
            }
        }

        @Test("a client that goes while its server's name is looked up leaves nothing behind")
        func gone() async throws {
            let (gate, opened) = AsyncStream.makeStream(of: Void.self)
            let wait = DispatchSemaphore(value: 0)
            try await Stage.forward { stage in
                try await stage.resolve { _, port in
                    opened.yield()
                    wait.wait()
                    return [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
                }
                let client = try await stage.client()
                try await client.write("GET http://slow.example:\(stage.servers[0].port)/ HTTP/1.1\r\nhost: a\r\n\r\n")
                for await _ in gate { break }
                try await client.reset()
                while await stage.engine.connections() > 0 { await Task.yield() }
                wait.signal()
                // The next one is told the same answer, and connects.
                let other = try await stage.client()
                try await other.write("GET http://slow.example:\(stage.servers[0].port)/ HTTP/1.1\r\nhost: a\r\n\r\n")
                let server = try await stage.servers[0].accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                #expect(stage.counted.upstreamConnections.total == 1)
            }
        }

        @Test("requests are logged as the client wrote them, and counted under the listener's name")
        func told() async throws {
            var port = 0
            let lines = try await Stage.forwardLines { stage in
                port = stage.servers[0].port
                let client = try await stage.client()
                try await client.write("GET http://127.0.0.1:\(port)/a HTTP/1.1\r\nhost: b\r\n\r\n")
                let server = try await stage.servers[0].accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                try await server.write(ok)
                await client.text(okVia)
                try await client.write("GET http://127.0.0.1:22/ HTTP/1.1\r\nhost: b\r\n\r\n")
                await client.text { $0.hasSuffix("listener.\n") }
                let page = try MetricsReader(stage.engine.prometheusText())
                #expect(page["detour_proxy_cluster_requests_total", ["cluster": "out", "class": "2xx"]] == 1)
                #expect(page["detour_proxy_cluster_connections_opened_total", ["cluster": "out"]] == 1)
                #expect(page["detour_proxy_requests_total", ["listener": "out", "class": "4xx"]] == 1)
                #expect(page["detour_proxy_requests_active", ["listener": "out"]] == 0)
            }
            #expect(lines.map { $0["path"] } == [#""http://127.0.0.1:\#(port)/a""#, #""http://127.0.0.1:22/""#])
            #expect(lines.map { $0["server"] } == ["127.0.0.1:\(port)", "-"])
            #expect(lines.map { $0["cluster"] } == ["out", "-"])
            #expect(lines.map { $0["reason"] } == ["-", "port-not-allowed"])
        }

        @Test("no more requests at once than are allowed, and no more idle connections; a drain ends those")
        func limits() async throws {
            var rules = ForwardRules()
            rules.bounds.requests = 1
            rules.bounds.idleConnections = 1
            try await Stage.forward(servers: 2, rules: rules) { stage in
                let client = try await stage.client()
                for server in stage.servers {
                    try await client.write("GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nhost: b\r\n\r\n")
                    let socket = try await server.accept()
                    await socket.text { $0.hasSuffix("\r\n\r\n") }
                    let other = try await stage.client()
                    try await other.write("GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nhost: b\r\n\r\n")
                    #expect(await other.text { $0.hasSuffix("cluster-full\n") }.hasPrefix("HTTP/1.1 503 "))
                    try await socket.write(ok)
                    await client.text(okVia)
                    client.drop(okVia.utf8.count)
                }
                #expect(try await stage.outward() == (idle: 1, known: 2))
                await stage.engine.drain(within: .zero)
                #expect(try await stage.outward().idle == 0)
            }
        }

        @Test("curl, and Python's server behind it")
        func curl() async throws {
            let files = try FileServer(files: ["a": "from python\n"])
            defer { files.stop() }
            try await Stage.forward { stage in
                let answer = try await output(of: [
                    "curl", "-sS", "-m", "60", "--noproxy", "", "-x", "http://127.0.0.1:\(stage.engine.ports[0])",
                    "-w", "%{http_code}\n",
                    "http://127.0.0.1:\(files.port)/a", "http://localhost:\(files.port)/a?b",
                    "http://127.0.0.1:\(files.port)/no",
                    "-o", "-", "-o", "-", "-o", "/dev/null",
                ])
                #expect(answer == "from python\n200\nfrom python\n200\n404\n")
            }
        }
    }
#endif
