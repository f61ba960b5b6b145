#if os(Linux)
    import Foundation
    import GatewayCore
    import Logging
    @testable import PeerTestSupport
    import ProxyEngine
    import SocketLoop
    import TrafficMatch
    import Testing

    @testable import Gateway

    @Suite("Asking servers whether they are well", .timeLimit(.minutes(5)))
    struct HealthCheckTests {
        /// An engine before two servers, and its checks.
        private func check(
            _ check: HealthCheck,
            _ body: @escaping @Sendable ([Server], Engine) async throws -> Void
        ) async throws {
            let servers = [try await Server(), try await Server()]
            var cluster = GatewaySettings.Cluster(
                name: "all",
                endpoints: servers.map { .init(host: "127.0.0.1", port: $0.port) }
            )
            cluster.health = check
            cluster.health?.interval = .milliseconds(20)
            cluster.health?.timeout = .seconds(600)
            let listener = GatewaySettings.Listener(
                name: "test",
                host: "127.0.0.1",
                port: 0,
                routes: [.init(match: .everything, cluster: 0)]
            )
            let loops = try SocketLoopGroup(numberOfLoops: 1)
            let engine = Engine(
                settings: .init(listeners: [listener], clusters: [cluster]),
                loops: loops,
                logger: Logger(label: "test")
            )
            try await engine.start()
            let checks = HealthChecks(engine.checks)
            try await withThrowingTaskGroup { group in
                group.addTask { try await checks.run() }
                group.addTask { try await body(servers, engine) }
                // The checks end with an error only, that of their cancellation among them.
                try await group.next()
                group.cancelAll()
            }
            await engine.drain(within: .zero)
            await loops.end()
            for server in servers { try await server.close() }
        }

        /// Answers the next check.
        private func answer(_ server: Server, _ status: String) async throws {
            let socket = try await server.accept()
            let asked = await socket.text { $0.contains("\r\n\r\n") }
            #expect(asked.hasPrefix("GET /well?x=1 HTTP/1.1\r\n"))
            #expect(asked.lowercased().contains("\r\nhost: 127.0.0.1:\(server.port)\r\n"))
            try await socket.write("HTTP/1.1 \(status) x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }

        @Test("a server that says it is not well gets no requests until it says twice that it is")
        func http() async throws {
            try await self.check(HealthCheck(path: "/well?x=1")) { servers, engine in
                try await self.answer(servers[0], "503")
                try await self.answer(servers[1], "200")
                // Whoever is asked the second time has been judged for the first.
                try await self.answer(servers[0], "503")
                let client = try await TestSocket.connect(port: engine.ports[0])
                for count in 1...3 {
                    try await client.write("GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
                    // Checks and requests come to it side by side.
                    while true {
                        let socket = try await servers[1].accept()
                        let asked = await socket.text { $0.contains("\r\n\r\n") }
                        try await socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                        if asked.hasPrefix("GET /a") { break }
                    }
                    await client.text { $0.components(separatedBy: "HTTP/1.1 200").count > count }
                }
                #expect(client.seen.text.components(separatedBy: "HTTP/1.1 200").count == 4)
            }
        }

        @Test("without a path a connection that opens is enough")
        func connection() async throws {
            try await self.check(HealthCheck()) { servers, _ in
                for server in servers + servers {
                    let socket = try await server.accept()
                    let seen = await socket.wait { $0.hasEnded || $0.isClosed }
                    #expect(seen.bytes.isEmpty)
                }
            }
        }
    }
#endif
