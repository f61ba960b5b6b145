#if os(Linux)
    import GatewayCore
    import Glibc
    @testable import PeerTestSupport
    import ProxyEngine
    import Synchronization
    import Testing
    import TrafficMatch

    private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    /// New settings while a gateway runs: nobody who is connected notices more than that they hold.
    @Suite("Other settings for a gateway that runs", .timeLimit(.minutes(5)))
    struct AdoptTests {
        /// A request on a connection, answered by a server's.
        private func turn(_ client: TestSocket, _ server: TestSocket) async throws {
            try await client.write(get)
            #expect(await server.text(get) == get)
            server.drop(get.utf8.count)
            try await server.write(ok)
            #expect(await client.text(ok) == ok)
            client.drop(ok.utf8.count)
        }

        @Test("that are the same keep each connection, of clients and to servers")
        func same() async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                server.drop(await server.text(get).utf8.count)
                try await server.write(ok)
                client.drop(await client.text(ok).utf8.count)
                let ports = stage.engine.ports
                try await stage.engine.adopt(stage.engine.settings)
                #expect(stage.engine.ports == ports)
                try await self.turn(client, server)
                #expect(stage.counted.upstreamConnections.total == 1 && stage.counted.requests.total == 2)
            }
        }

        @Test(
            "hold for the next request of a connection; one that is under way gets its answer from a cluster that is gone"
        )
        func routes() async throws {
            try await Stage.with(servers: 2) { stage in
                let client = try await stage.client()
                let busy = try await stage.client()
                try await client.write(get)
                let first = try await stage.servers[0].accept()
                await first.text(get)
                try await first.write(ok)
                client.drop(await client.text(ok).utf8.count)
                try await busy.write(get)
                await first.text(get + get)

                var settings = stage.engine.settings
                settings.clusters.removeFirst()
                settings.listeners[0].routes = [.init(match: .everything, cluster: 0)]
                try await stage.engine.adopt(settings)
                try await client.write(get)
                let second = try await stage.servers[1].accept()
                #expect(await second.text(get) == get)
                try await second.write(ok)
                #expect(await client.text(ok) == ok)
                try await first.write(ok)
                #expect(await busy.text(ok) == ok)
                // It is kept for nobody.
                #expect(await first.over().hasEnded)
                second.drop(get.utf8.count)
                busy.drop(ok.utf8.count)
                try await self.turn(busy, second)
                let metrics = stage.engine.prometheusText()
                #expect(metrics.contains(#"detour_proxy_cluster_requests_total{cluster="1",class="2xx"} 2"#))
                #expect(!metrics.contains(#"{cluster="0""#))
                #expect(metrics.contains(#"detour_proxy_requests_total{listener="test",class="2xx"} 4"#))
            }
        }

        @Test("without a listener: its clients get the answers they wait for, and then their end")
        func listeners() async throws {
            try await Stage.with { stage in
                let port = stage.engine.ports[0]
                let busy = try await stage.client()
                try await busy.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                let idle = try await stage.client()
                var settings = stage.engine.settings
                settings.listeners[0].name = "other"
                try await stage.engine.adopt(settings)
                #expect(stage.engine.ports != [port])
                await #expect(throws: (any Error).self) { _ = try await TestSocket.connect(port: port) }
                try await server.write(ok)
                let seen = await busy.over()
                #expect(seen.text.hasPrefix("HTTP/1.1 200 ") && seen.text.hasSuffix("hi") && !seen.hasFailed)
                let end = await idle.over()
                #expect(end.hasEnded && end.bytes.isEmpty && !end.hasFailed)
                server.drop(get.utf8.count)
                try await self.turn(stage.client(), server)
            }
        }

        @Test("that cannot be are refused as a whole", arguments: [true, false])
        func refused(isPort: Bool) async throws {
            try await Stage.with { stage in
                let (before, ports) = (stage.engine.settings, stage.engine.ports)
                var settings = before
                settings.listeners[0].routes = []
                settings.listeners.append(settings.listeners[0])
                settings.listeners[1].name = "second"
                if isPort {
                    settings.listeners.append(settings.listeners[0])
                    settings.listeners[2].name = "third"
                    settings.listeners[2].port = stage.servers[0].port
                } else {
                    settings.clusters[0].endpoints.append(.init(host: "name.invalid", port: 80))
                }
                let error = await #expect(throws: EngineError.self) { try await stage.engine.adopt(settings) }
                let named = isPort ? ":\(stage.servers[0].port), which listener third" : "name.invalid:80 of cluster 0"
                #expect(error?.description.contains(named) == true)
                #expect(stage.engine.settings == before && stage.engine.ports == ports)
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await server.write(ok)
                #expect(await client.text(ok) == ok)
            }
        }

        @Test("hold for new connections whose bytes pass unread; old ones go on to where they were")
        func unread() async throws {
            try await Stage.unread(servers: 2) { stage in
                var settings = stage.engine.settings
                let second = settings.clusters[0].endpoints.removeLast()
                try await stage.engine.adopt(settings)
                let old = try await stage.client()
                let first = try await stage.servers[0].accept()
                settings.clusters = [.init(name: "second", endpoints: [second])]
                try await stage.engine.adopt(settings)
                for _ in 0..<2 {
                    let new = try await stage.client()
                    let other = try await stage.servers[1].accept()
                    try await new.write("new")
                    #expect(await other.text("new") == "new")
                }
                try await old.write("old")
                #expect(await first.text("old") == "old")
                try await first.write("still")
                #expect(await old.text("still") == "still")
            }
        }

        @Test("of another kind at the same socket hold for new connections; one that waits for requests is ended")
        func kind() async throws {
            try await Stage.with { stage in
                let port = stage.engine.ports[0]
                let idle = try await stage.client()
                var settings = stage.engine.settings
                settings.listeners = [.init(name: "test", host: "127.0.0.1", port: 0, cluster: 0)]
                try await stage.engine.adopt(settings)
                #expect(stage.engine.ports == [port])
                let client = try await stage.client()
                try await client.write("anything")
                let server = try await stage.servers[0].accept()
                #expect(await server.text("anything") == "anything")
                #expect(await idle.over().hasEnded)
            }
        }

        @Test("leave a server out that is known to be ill")
        func health() async throws {
            try await Stage.with(servers: 2, change: Self.together) { stage in
                let ill = try #require(stage.engine.checks.first)
                for _ in 0..<10 { ill.report("ill") }
                var settings = stage.engine.settings
                settings.clusters[0].endpoints.append(.init(host: "127.0.0.1", port: stage.servers[1].port))
                try await stage.engine.adopt(settings)
                #expect(stage.engine.checks.count == 3)
                for _ in 0..<4 {
                    let client = try await stage.client()
                    try await client.write(get)
                    let server = try await stage.servers[1].accept()
                    await server.text(get)
                }
            }
        }

        /// One cluster of both servers, with checks.
        private static func together(_ settings: inout GatewaySettings) {
            let endpoints = settings.clusters.flatMap(\.endpoints)
            settings.clusters = [.init(name: "all", endpoints: endpoints)]
            settings.clusters[0].health = .init()
            settings.listeners[0].routes = [.init(match: .everything, cluster: 0)]
        }

        /// Answers every request that comes, until it is cancelled.
        private static func answer(_ server: Server) async throws {
            try await withThrowingDiscardingTaskGroup { tasks in
                while true {
                    let socket = try await server.accept()
                    tasks.addTask {
                        while true {
                            let seen = await socket.wait {
                                $0.bytes.count >= get.utf8.count || $0.hasEnded || $0.isClosed
                            }
                            guard seen.bytes.count >= get.utf8.count else { return }
                            socket.drop(get.utf8.count)
                            try? await socket.write(ok)
                        }
                    }
                }
            }
        }

        private final class Answers: Sendable {
            let count = Atomic(0)
        }

        /// Sends so many requests, one after the other, and counts the answers.
        private static func ask(_ stage: Stage, _ count: Int, _ answered: Answers) async {
            guard let client = try? await stage.client() else { return }
            for _ in 0..<count {
                try? await client.write(get)
                guard await client.text(ok) == ok else { return }
                client.drop(ok.utf8.count)
                answered.count.add(1, ordering: .relaxed)
            }
            try? await client.close()
        }

        private static func adopt(_ settings: [GatewaySettings], in stage: Stage) async {
            for count in 0..<100 {
                do { try await stage.engine.adopt(settings[count % settings.count]) } catch { Issue.record("\(error)") }
            }
        }

        @Test("again and again, under load: no request is lost")
        func load() async throws {
            try await Stage.with(servers: 2) { stage in
                let before = stage.engine.settings
                var after = before
                after.clusters[0].name = "moved"
                after.listeners.append(before.listeners[0])
                after.listeners[1].name = "more"
                let both = [after, before]
                let answered = Answers()
                await withTaskGroup { tasks in
                    for server in stage.servers { tasks.addTask { try? await Self.answer(server) } }
                    await withTaskGroup { clients in
                        for _ in 0..<8 { clients.addTask { await Self.ask(stage, 200, answered) } }
                        clients.addTask { await Self.adopt(both, in: stage) }
                    }
                    tasks.cancelAll()
                }
                #expect(answered.count.load(ordering: .relaxed) == 8 * 200)
                #expect(stage.counted.requests.total >= 8 * 200)
            }
        }
    }
#endif
