#if os(Linux)
    import CertificateTestSupport
    import Foundation
    import GatewayCore
    import NIOSSL
    @testable import PeerTestSupport
    import ProxyEngine
    import TestSupport
    import Testing
    import TrafficMatch

    private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    @Suite("TLS of clients, over real sockets", .timeLimit(.minutes(5)))
    struct SecureTests {
        private let authority: TestAuthority

        init() throws { self.authority = try TestAuthority() }

        private var client: SecureClient { SecureClient(authority: self.authority) }

        /// A request on a connection, answered by the server's.
        private func turn(_ client: TestSocket, _ server: TestSocket) async throws {
            try await client.write(get)
            #expect(await server.text(get) == get)
            server.drop(get.utf8.count)
            try await server.write(ok)
            #expect(await client.text(ok) == ok)
            client.drop(ok.utf8.count)
        }

        private func metrics(_ stage: Stage) throws -> (handshakes: Double?, failures: Double?) {
            let page = try MetricsReader(stage.engine.prometheusText())
            return (
                page["detour_proxy_tls_handshakes_total", ["listener": "test"]],
                page["detour_proxy_tls_handshake_failures_total", ["listener": "test"]]
            )
        }

        @Test("requests come and go, one after the other, in both versions", arguments: [TLSVersion.tlsv12, .tlsv13])
        func passes(version: TLSVersion) async throws {
            try await Stage.secure(self.authority) { stage in
                var secure = self.client
                secure.version = version
                secure.protocols = ["h2", "http/1.1"]
                let client = try await stage.client(secure)
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                #expect(await server.text(get) == get)
                server.drop(get.utf8.count)
                try await server.write(ok)
                #expect(await client.text(ok) == ok)
                client.drop(ok.utf8.count)
                for _ in 0..<3 { try await self.turn(client, server) }
                #expect(client.seen.applicationProtocol == "http/1.1")
                try await client.close()
                await stage.isDeserted()
                #expect(try self.metrics(stage) == (1, 0))
            }
        }

        @Test("much passes both ways, to the byte")
        func bulk() async throws {
            let bytes = (0..<6 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 11) }
            try await Stage.secure(self.authority) { stage in
                let client = try await stage.client(self.client)
                let head = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: \(bytes.count)\r\n\r\n"
                try await client.write(head)
                let server = try await stage.servers[0].accept()
                await server.text(head)
                server.drop(head.utf8.count)
                try await client.write(bytes)
                let isWhole = await server.wait { $0.bytes.count >= bytes.count || $0.isClosed }.bytes == bytes
                #expect(isWhole)
                server.drop(bytes.count)
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: \(bytes.count)\r\n\r\n"
                try await server.write(answer)
                try await server.write(bytes)
                let whole = answer.utf8.count + bytes.count
                let seen = await client.wait { $0.bytes.count >= whole || $0.isClosed }.bytes
                let isSame = seen.dropFirst(answer.utf8.count).elementsEqual(bytes)
                #expect(isSame)
                client.drop(whole)
                try await self.turn(client, server)
            }
        }

        @Test("a tunnel through it is secured, however much passes")
        func tunnel() async throws {
            let bytes = (0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 11) }
            let server = try await Server()
            var rules = ForwardRules()
            rules.connectPorts = [1...65_535]
            var settings = GatewaySettings(
                listeners: [.init(name: "test", host: "127.0.0.1", port: 0, forward: rules)],
                clusters: []
            )
            settings.listeners[0].tls = TLSRules(try self.authority.identity("a.test"))
            try await Stage.run(settings, [server]) { stage in
                let client = try await stage.client(self.client)
                try await client.write("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\nhost: a\r\n\r\n")
                let socket = try await server.accept()
                let established = await client.text { $0.hasSuffix("\r\n\r\n") }
                client.drop(established.utf8.count)
                for (from, to) in [(client, socket), (socket, client)] {
                    try await from.write(bytes)
                    let isSame = await to.wait { $0.bytes.count >= bytes.count || $0.isClosed }.bytes == bytes
                    #expect(isSame)
                }
            }
        }

        @Test("an end is announced to the client, behind the last answer and at a drain")
        func ends() async throws {
            try await Stage.secure(self.authority) { stage in
                let client = try await stage.client(self.client)
                try await client.write("GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                let server = try await stage.servers[0].accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                try await server.write(ok)
                let seen = await client.over()
                #expect(seen.text.hasSuffix("hi") && !seen.hasFailed)
                let idle = try await stage.client(self.client)
                await idle.wait { $0.isSecured }
                await stage.engine.drain(within: .seconds(60))
                let end = await idle.over()
                #expect(end.bytes.isEmpty && !end.hasFailed)
            }
        }

        @Test("a client that ends its half gets its answer first")
        func halfClose() async throws {
            try await Stage.secure(self.authority) { stage in
                let client = try await stage.client(self.client)
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await client.finish()
                try await server.write(ok)
                let seen = await client.wait { $0.bytes.count >= ok.utf8.count || $0.isClosed }
                #expect(seen.text.hasPrefix("HTTP/1.1 200 OK\r\n") && seen.text.hasSuffix("hi"))
                await stage.isDeserted()
            }
        }

        @Test(
            "what is no TLS reaches no server, and is answered by an alert at most",
            arguments: [get, "\u{17}\u{3}\u{3}\u{0}\u{1}x"]
        )
        func plain(bytes: String) async throws {
            try await Stage.secure(self.authority) { stage in
                let client = try await stage.client()
                try await client.write(bytes)
                let seen = await client.over()
                // An alert (RFC 8446 section 6): type 21, of TLS 1.x.
                #expect((seen.bytes.isEmpty || seen.bytes.starts(with: [21, 3])) && !seen.hasFailed, "\(seen.bytes)")
                await stage.isDeserted()
                #expect(try self.metrics(stage) == (1, 1))
                #expect(stage.counted.upstreamConnections.total == 0)
            }
        }

        @Test("a handshake has as long as a head, whatever trickles in")
        func slow() async throws {
            var bounds = ListenerBounds()
            bounds.head = .milliseconds(300)
            bounds.idle = .seconds(3_600)
            try await Stage.secure(self.authority, bounds: bounds) { stage in
                let mute = try await stage.client()
                let trickling = try await stage.client()
                let writes = Task {
                    // A message of 256 bytes that never comes whole.
                    try await trickling.write([22, 3, 1, 1, 0, 1, 0, 0, 252])
                    while true {
                        try await trickling.write([3])
                        try await Task.sleep(for: .milliseconds(50))
                    }
                }
                for client in [mute, trickling] { #expect(await client.over().bytes.isEmpty) }
                writes.cancel()
                _ = await writes.result
                await stage.isDeserted()
                #expect(try self.metrics(stage) == (2, 2))
            }
        }

        @Test("a request that is cut off without a word is no whole one")
        func cut() async throws {
            try await Stage.secure(self.authority) { stage in
                let client = try await stage.client(self.client)
                try await client.write("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
                let server = try await stage.servers[0].accept()
                await server.text { $0.hasSuffix("x\r\n") }
                // The socket ends beneath TLS.
                try await client.cut()
                let seen = await server.over()
                #expect(!seen.text.hasSuffix("0\r\n\r\n"))
                await stage.isDeserted()
            }
        }

        @Test("with other files new connections see the other certificate, and those that are there go on")
        func adopt() async throws {
            let other = try TestAuthority()
            try await Stage.secure(self.authority) { stage in
                let client = try await stage.client(self.client)
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                server.drop(get.utf8.count)
                try await server.write(ok)
                await client.text(ok)
                client.drop(ok.utf8.count)
                var settings = stage.engine.settings
                settings.listeners[0].tls = TLSRules(try other.identity("a.test"))
                try await stage.engine.adopt(settings)
                try await self.turn(client, server)
                let wrong = try await stage.client(self.client)
                #expect(await !wrong.over().isSecured)
                let right = try await stage.client(SecureClient(authority: other))
                try await self.turn(right, server)
                // And none at all.
                settings.listeners[0].tls = nil
                try await stage.engine.adopt(settings)
                try await self.turn(client, server)
                let plain = try await stage.client()
                try await self.turn(plain, server)
            }
        }

        @Test("files that do not fit are refused as a whole, and say which")
        func material() async throws {
            let (one, two) = (try self.authority.identity("a.test"), try self.authority.identity("a.test"))
            let rows: [(certificate: String, key: String, authority: String?, wrong: String)] = [
                ("none", one.key, nil, "c.pem holds no certificate"), ("", one.key, nil, "c.pem holds no certificate"),
                (one.certificate, "none", nil, "k.pem holds no private key"),
                (one.certificate, two.key, nil, "the key in k.pem is not that of the first certificate in c.pem"),
                (one.certificate, one.key, "none", "a.pem holds no certificate"),
            ]
            try await Stage.secure(self.authority) { stage in
                for row in rows {
                    var settings = stage.engine.settings
                    var tls = TLSRules(row.certificate, row.key)
                    tls.clientAuthority = row.authority.map { .init(path: "a.pem", bytes: Array($0.utf8)) }
                    settings.listeners[0].tls = tls
                    let error = await #expect(throws: EngineError.self) { try await stage.engine.adopt(settings) }
                    #expect(error?.message.hasPrefix("listener test cannot speak TLS: \(row.wrong)") == true)
                    #expect(error.map { "\($0)".contains("PRIVATE KEY-----") } == false)
                }
                let client = try await stage.client(self.client)
                #expect(await client.wait { $0.isSecured || $0.isClosed }.isSecured)
            }
        }

        @Test("clients without a certificate of the authority's are refused where one is wanted")
        func clients() async throws {
            let clients = try TestAuthority()
            let wanted: (inout TLSRules) -> Void = {
                $0.clientAuthority = .init(path: "a.pem", bytes: Array(clients.pem.utf8))
            }
            try await Stage.secure(self.authority, rules: wanted) { stage in
                var secure = self.client
                for identity in [nil, try self.authority.identity("a.test")] {
                    secure.identity = identity
                    let client = try await stage.client(secure)
                    try? await client.write(get)
                    #expect(await client.over().bytes.isEmpty)
                }
                secure.identity = try clients.identity("ada")
                let client = try await stage.client(secure)
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                #expect(await server.text(get) == get)
                #expect(try self.metrics(stage) == (3, 2))
            }
        }

        @Test("no older version than is allowed", arguments: [true, false])
        func versions(isModern: Bool) async throws {
            try await Stage.secure(self.authority, rules: { $0.isModern = isModern }) { stage in
                var secure = self.client
                for version in [TLSVersion.tlsv11, .tlsv12, .tlsv13] {
                    secure.version = version
                    let client = try await stage.client(secure)
                    let seen = await client.wait { $0.isSecured || $0.isClosed }
                    #expect(seen.isSecured == (version == .tlsv13 || (version == .tlsv12 && !isModern)), "\(version)")
                }
            }
        }

        @Test("curl over TLS, and Python's server behind it")
        func curl() async throws {
            let files = try FileServer(files: ["a": "from python\n"])
            defer { files.stop() }
            let path = NSTemporaryDirectory() + "detour-\(UUID().uuidString.prefix(13)).pem"
            try self.authority.pem.write(toFile: path, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(atPath: path) }
            var settings = GatewaySettings(
                listeners: [
                    .init(name: "test", host: "127.0.0.1", port: 0, routes: [.init(match: .everything, cluster: 0)])
                ],
                clusters: [.init(name: "0", endpoints: [.init(host: "127.0.0.1", port: files.port)])]
            )
            settings.listeners[0].tls = TLSRules(try self.authority.identity("a.test"))
            try await Stage.run(settings, []) { stage in
                let port = stage.engine.ports[0]
                let answer = try await output(of: [
                    "curl", "-sS", "-m", "60", "--noproxy", "*", "--cacert", path, "--resolve",
                    "a.test:\(port):127.0.0.1",
                    "-w", "%{ssl_verify_result} %{num_connects} ", "https://a.test:\(port)/a",
                    "https://a.test:\(port)/a",
                ])
                #expect(answer == "from python\n0 1 from python\n0 0 ")
            }
        }
    }
#endif
