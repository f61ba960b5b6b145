#if os(Linux)
    import Dispatch
    import GatewayCore
    import Glibc
    import NIOCore
    @testable import PeerTestSupport
    @testable import ProxyEngine
    import TestSupport
    import Testing
    import TrafficMatch

    private let established = "HTTP/1.1 200 Connection established\r\n\r\n"

    extension Stage {
        /// A forward proxy that connects to any port.
        static func connecting(
            change: (inout ForwardRules) -> Void = { _ in },
            _ body: (Stage) async throws -> Void
        ) async throws {
            var rules = ForwardRules()
            rules.connectPorts = [1...65_535]
            change(&rules)
            try await Self.forward(rules: rules, body)
        }

        /// A `CONNECT` to the server, with what is sent behind it at once.
        func connect(_ behind: String = "", version: String = "1.1", fields: String = "") async throws -> TestSocket {
            let client = try await self.client()
            let authority = "127.0.0.1:\(self.servers[0].port)"
            try await client.write(
                "CONNECT \(authority) HTTP/\(version)\r\nHost: \(authority)\r\n\(fields)\r\n\(behind)"
            )
            return client
        }

        /// Both ends of a tunnel.
        func tunnel() async throws -> (client: TestSocket, server: TestSocket) {
            let client = try await self.connect()
            let server = try await self.servers[0].accept()
            await client.text(established)
            client.drop(established.utf8.count)
            return (client, server)
        }
    }

    @Suite("CONNECT, over real sockets", .timeLimit(.minutes(5)))
    struct ConnectTests {
        @Test(
            "bytes pass unread, those too that came with the head; ends are passed on one by one",
            arguments: [
                ("1.1", ""), ("1.0", ""),
                ("1.1", "Proxy-Connection: keep-alive\r\nProxy-Authorization: x\r\ncontent-length: 0\r\n"),
            ]
        )
        func passes(version: String, fields: String) async throws {
            try await Stage.connecting { stage in
                // What could be a request is none of the proxy's.
                let early = "GET http://127.0.0.1:22/ HTTP/1.1\r\n\r\n"
                let client = try await stage.connect(early, version: version, fields: fields)
                let server = try await stage.servers[0].accept()
                #expect(await server.text(early) == early)
                try await server.write("\u{16}\u{3}not http")
                #expect(await client.text { $0.hasSuffix("http") } == established + "\u{16}\u{3}not http")
                try await client.write("more")
                #expect(await server.text(early + "more") == early + "more")
                try await client.finish()
                #expect(await server.wait { $0.hasEnded }.text == early + "more")
                try await server.write("last")
                #expect(await client.text { $0.hasSuffix("last") }.hasSuffix("httplast"))
                try await server.close()
                // With both halves ended the socket is closed, and not by a reset.
                #expect(await !client.over().hasFailed)
                #expect(stage.counted.upstreamConnections.total == 1)
                try await client.close()
                await stage.isEmpty()
            }
        }

        @Test("nothing is said before the connection is there, and a server that speaks first is heard behind that")
        func order() async throws {
            let (gate, opened) = AsyncStream.makeStream(of: Void.self)
            let wait = DispatchSemaphore(value: 0)
            try await Stage.connecting { stage in
                try await stage.resolve { _, port in
                    opened.yield()
                    wait.wait()
                    return [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
                }
                let client = try await stage.client()
                try await client.write("CONNECT a.example:\(stage.servers[0].port) HTTP/1.1\r\nHost: a\r\n\r\n")
                for await _ in gate { break }
                #expect(client.seen.bytes.isEmpty)
                wait.signal()
                let server = try await stage.servers[0].accept()
                try await server.write("220 hello\r\n")
                #expect(await client.text { $0.hasSuffix("hello\r\n") } == established + "220 hello\r\n")
            }
        }

        @Test("a client that has gone while the name was looked up leaves no connection behind")
        func gone() async throws {
            let (gate, opened) = AsyncStream.makeStream(of: Void.self)
            let wait = DispatchSemaphore(value: 0)
            try await Stage.connecting { stage in
                try await stage.resolve { _, port in
                    opened.yield()
                    wait.wait()
                    return [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
                }
                let connect = "CONNECT a.example:\(stage.servers[0].port) HTTP/1.1\r\nHost: a\r\n\r\n"
                let client = try await stage.client()
                try await client.write(connect)
                for await _ in gate { break }
                try await client.reset()
                while await stage.engine.connections() > 0 { try await Task.sleep(for: .milliseconds(5)) }
                wait.signal()
                // The other uses what was learnt for the first.
                let other = try await stage.client()
                try await other.write(connect)
                #expect(await other.text(established) == established)
                #expect(stage.counted.upstreamConnections.total == 1)
                #expect(try await stage.outward().known == 1)
            }
        }

        @Test("listeners share no connections")
        func listeners() async throws {
            let server = try await Server()
            let settings = GatewaySettings(
                listeners: ["one", "two"].map { .init(name: $0, host: "127.0.0.1", port: 0, forward: .init()) },
                clusters: []
            )
            try await Stage.run(settings, [server]) { stage in
                for port in stage.engine.ports {
                    let client = try await TestSocket.connect(port: port)
                    try await client.write("GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nhost: a\r\n\r\n")
                    let socket = try await server.accept()
                    await socket.text { $0.hasSuffix("\r\n\r\n") }
                    try await socket.write("HTTP/1.1 204 No Content\r\n\r\n")
                    await client.text { $0.hasSuffix("\r\n\r\n") }
                }
                #expect(try await stage.outward() == (idle: 2, known: 2))
            }
        }

        @Test("much passes both ways, to the byte")
        func bulk() async throws {
            try await Stage.connecting { stage in
                let (client, server) = try await stage.tunnel()
                var generator = SplitMix64(seed: 7)
                let bytes = (0..<(1 << 20)).flatMap { _ in withUnsafeBytes(of: generator.next(), Array.init) }
                async let up: Void = client.write(bytes)
                async let down: Void = server.write(bytes)
                let count = bytes.count
                await server.wait { $0.bytes.count >= count || $0.isClosed }
                await client.wait { $0.bytes.count >= count || $0.isClosed }
                _ = try await (up, down)
                #expect(server.seen.bytes == bytes && client.seen.bytes == bytes)
                // What is small after that passes, too, and so does the end.
                try await client.write("x")
                #expect(await server.wait { $0.bytes.count > count || $0.isClosed }.bytes.last == UInt8(ascii: "x"))
                try await server.finish()
                #expect(await client.over().hasEnded)
            }
        }

        @Test("a reset is passed on as one, from either side", arguments: [true, false])
        func reset(fromClient: Bool) async throws {
            try await Stage.connecting { stage in
                let (client, server) = try await stage.tunnel()
                try await (fromClient ? client : server).reset()
                #expect(await (fromClient ? server : client).over().failure == ECONNRESET)
                await stage.isEmpty()
            }
        }

        @Test("what stands still for too long is reset on both sides")
        func idle() async throws {
            try await Stage.connecting {
                $0.tunnelIdle = .milliseconds(500)
            } _: { stage in
                let (client, server) = try await stage.tunnel()
                #expect(await client.over().failure == ECONNRESET)
                #expect(await server.over().failure == ECONNRESET)
                await stage.isEmpty()
            }
        }

        @Test("a tunnel outlives the time that a WebSocket may stand still, and a drain, until its deadline")
        func drain() async throws {
            try await Stage.connecting { stage in
                let (client, server) = try await stage.tunnel()
                async let drained: Void = stage.engine.drain(within: .seconds(600))
                while !stage.engine.ports.isEmpty { await Task.yield() }
                try await client.write("still")
                #expect(await server.text("still") == "still")
                await stage.engine.drain(within: .zero)
                await drained
                #expect(await client.over().failure == ECONNRESET)
                #expect(await server.over().failure == ECONNRESET)
            }
        }

        /// The target, fields, and what it is refused with; `PORT` stands for the server's.
        static let refusals: [(target: String, fields: String, status: Int, reason: String)] = [
            ("127.0.0.1", "", 400, "invalid-target"), ("127.0.0.1:", "", 400, "invalid-target"),
            ("127.0.0.1:0", "", 400, "invalid-target"), ("127.0.0.1:65536", "", 400, "invalid-target"),
            ("http://127.0.0.1:PORT/", "", 400, "invalid-target"), ("/a", "", 400, "invalid-target"),
            ("u@127.0.0.1:PORT", "", 400, "invalid-target"), ("127.0.0.1:PORT/", "", 400, "invalid-target"),
            ("127.0.0.1:PORT\u{1b}[2J", "", 400, "control-character"), ("*", "", 400, "invalid-target"),
            ("127.0.0.1:PORT", "content-length: 3\r\n", 400, "connect-body"),
            ("127.0.0.1:PORT", "transfer-encoding: chunked\r\n", 400, "connect-body"),
            ("127.0.0.1:PORT", "host: b\r\n", 400, "repeated-host"),
            ("127.0.0.1:PORT", "connection: x-user\r\n", 400, "connection-option"),
            ("127.0.0.2:PORT", "", 502, "upstream-unreachable"), ("127.0.0.1:SELF", "", 403, "own-address"),
            ("\(String(repeating: "a", count: 64)):PORT", "", 502, "name-unknown"),
        ]

        @Test("is refused with a reason, and what comes behind it is no request", arguments: [refusals])
        func refused(_ rows: [(target: String, fields: String, status: Int, reason: String)]) async throws {
            try await Stage.connecting { stage in
                let port = "\(stage.servers[0].port)"
                for (target, fields, status, reason) in rows {
                    let client = try await stage.client()
                    let shown = target.replacing("PORT", with: port).replacing("SELF", with: "\(stage.engine.ports[0])")
                    let behind = "GET http://127.0.0.1:\(port)/ HTTP/1.1\r\nhost: a\r\n\r\n"
                    try await client.write("CONNECT \(shown) HTTP/1.1\r\nhost: a\r\n\(fields)\r\n\(behind)")
                    let answer = await client.wait { $0.hasEnded || $0.isClosed }.text
                    #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(shown): \(answer)")
                    #expect(answer.contains("connection: close\r\n\r\ndetour: \(reason)\n"), "\(shown): \(answer)")
                    #expect(answer.ranges(of: "HTTP/1.1 ").count == 1)
                    try await client.close()
                }
                #expect(stage.counted.upstreamConnections.total == 0)
            }
        }

        @Test("unless told otherwise, to port 443 only")
        func ports() async throws {
            try await Stage.forward { stage in
                let client = try await stage.connect()
                let answer = await client.wait { $0.hasEnded }.text
                #expect(answer.hasPrefix("HTTP/1.1 403 ") && answer.contains("detour: port-not-allowed\n"))
            }
            #expect(ForwardRules().connectPorts == [443...443])
        }

        @Test("a connection that waits for requests is not used for it")
        func notPooled() async throws {
            try await Stage.connecting { stage in
                let client = try await stage.client()
                try await client.write("GET http://127.0.0.1:\(stage.servers[0].port)/ HTTP/1.1\r\nhost: a\r\n\r\n")
                let first = try await stage.servers[0].accept()
                await first.text { $0.hasSuffix("\r\n\r\n") }
                try await first.write("HTTP/1.1 204 No Content\r\n\r\n")
                await client.text { $0.hasSuffix("\r\n\r\n") }
                let (_, second) = try await stage.tunnel()
                try await second.write("x")
                #expect(stage.counted.upstreamConnections.total == 2)
            }
        }

        @Test("goes on when rules change, which hold for what is asked next, of clients too that are connected")
        func rulesChange() async throws {
            try await Stage.connecting { stage in
                let asking = try await stage.client()
                let port = stage.servers[0].port
                let get = "GET http://127.0.0.1:\(port)/ HTTP/1.1\r\nhost: a\r\n\r\n"
                try await asking.write(get)
                let asked = try await stage.servers[0].accept()
                await asked.text { $0.hasSuffix("\r\n\r\n") }
                let (client, server) = try await stage.tunnel()
                var settings = stage.engine.settings
                settings.listeners[0].forward?.ports = [1...1]
                settings.listeners[0].forward?.connectPorts = [1...1]
                try await stage.engine.adopt(settings)
                try await client.write("there")
                #expect(await server.text("there") == "there")
                try await server.write("back")
                #expect(await client.text("back") == "back")
                // What was asked before gets its answer.
                try await asked.write("HTTP/1.1 204 No Content\r\n\r\n")
                #expect(await asking.text { $0.hasSuffix("\r\n\r\n") }.hasPrefix("HTTP/1.1 204 "))
                asking.drop(asking.seen.bytes.count)
                try await asking.write(get)
                #expect(await asking.text { $0.contains("port-not-allowed") }.hasPrefix("HTTP/1.1 403 "))
                let late = try await stage.connect()
                #expect(await late.wait { $0.hasEnded }.text.contains("port-not-allowed"))
                // A proxy that routes instead is another listener, at the same address.
                settings.clusters = [.init(name: "b", endpoints: [.init(host: "127.0.0.1", port: port)])]
                settings.listeners[0].forward = nil
                settings.listeners[0].routes = [.init(match: .everything, cluster: 0)]
                try await stage.engine.adopt(settings)
                #expect(await asking.over().hasEnded)
                try await client.write(" again")
                #expect(await server.text("there again") == "there again")
                let routed = try await stage.client()
                try await routed.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                let behind = try await stage.servers[0].accept()
                #expect(await behind.text { $0.hasSuffix("\r\n\r\n") }.hasPrefix("GET / HTTP/1.1\r\n"))
            }
        }

        @Test("has one line in the log, when it ends, with its bytes; and counts as a request")
        func told() async throws {
            let head = { (port: Int) in "CONNECT 127.0.0.1:\(port) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n" }
            var port = 0
            let lines = try await Stage.forwardLines(connectPorts: [1...65_535]) { stage in
                port = stage.servers[0].port
                let (client, server) = try await stage.tunnel()
                try await client.write("four")
                await server.text("four")
                try await server.write("threes")
                await client.text("threes")
                try await client.close()
                await server.over()
                try await server.close()
                await stage.isEmpty()
                let page = try MetricsReader(stage.engine.prometheusText())
                #expect(page["detour_proxy_requests_total", ["listener": "out", "class": "2xx"]] == 1)
            }
            let line = try #require(lines.first)
            #expect(lines.count == 1)
            #expect(line["method"] == "CONNECT" && line["path"] == #""127.0.0.1:\#(port)""# && line["status"] == "200")
            #expect(line["bytes_in"] == "\(head(port).utf8.count + 4)")
            #expect(line["bytes_out"] == "\(established.utf8.count + 6)")
            #expect(line["server"] == "127.0.0.1:\(port)" && line["cluster"] == "out")
            let took = Double(line["duration_ms"]) ?? 0
            #expect(took > 0)
        }

        @Test("curl through a tunnel, and Python's server behind it")
        func curl() async throws {
            let files = try FileServer(files: ["a": "from python\n"])
            defer { files.stop() }
            try await Stage.connecting { stage in
                let answer = try await output(of: [
                    "curl", "-sS", "-m", "60", "--noproxy", "", "--proxytunnel", "-x",
                    "http://127.0.0.1:\(stage.engine.ports[0])", "-w", "%{http_connect} %{http_code}\n",
                    "http://127.0.0.1:\(files.port)/a",
                ])
                #expect(answer == "from python\n200 200\n")
            }
        }
    }
#endif
