#if os(Linux)
    import GatewayCore
    import Logging
    import NIOCore
    @testable import PeerTestSupport
    import ProxyEngine
    @testable import SocketLoop
    import Telemetry
    import TrafficMatch

    /// An engine with servers behind it: ada's requests go to the last, all others to the first, or nowhere.
    struct Stage {
        let engine: Engine
        let servers: [Server]
        let loops: SocketLoopGroup

        static func with(
            servers count: Int = 1,
            isReachable: Bool = true,
            takesAll: Bool = true,
            bounds: ListenerBounds = .init(),
            cluster: ClusterBounds = .init(),
            change: (inout GatewaySettings) -> Void = { _ in },
            log: AccessLog? = nil,
            rules: AccessLogRules? = nil,
            _ body: (Stage) async throws -> Void
        ) async throws {
            var servers: [Server] = []
            for _ in 0..<count { servers.append(try await Server()) }
            var settings = GatewaySettings(
                listeners: [
                    .init(
                        name: "test",
                        host: "127.0.0.1",
                        port: 0,
                        routes: [
                            .init(
                                match: try RequestMatch(headers: [HeaderMatch(parsing: "x-user:ada")]),
                                cluster: count - 1
                            )
                        ] + (takesAll ? [.init(match: .everything, cluster: 0)] : []),
                        bounds: bounds
                    )
                ],
                // Nobody listens at that address for as long as the server does at the other.
                clusters: servers.enumerated().map { index, server in
                    let host = isReachable ? "127.0.0.1" : "127.0.0.2"
                    return .init(name: "\(index)", endpoints: [.init(host: host, port: server.port)], bounds: cluster)
                },
                accessLog: rules
            )
            change(&settings)
            try await Self.run(settings, servers, log: log, body)
        }

        /// An engine with its settings, until `body` has returned.
        static func run(
            _ settings: GatewaySettings,
            _ servers: [Server],
            log: AccessLog? = nil,
            _ body: (Stage) async throws -> Void
        ) async throws {
            let loops = try SocketLoopGroup(numberOfLoops: 1)
            let engine = Engine(settings: settings, loops: loops, logger: Logger(label: "test"), accessLog: log)
            try await engine.start()
            func end() async throws {
                await engine.drain(within: .zero)
                await loops.end()
                for server in servers { try await server.close() }
            }
            do { try await body(Stage(engine: engine, servers: servers, loops: loops)) } catch {
                try await end()
                throw error
            }
            try await end()
        }

        func client(window: Int? = nil) async throws -> TestSocket {
            try await TestSocket.connect(port: self.engine.ports.first ?? 0, window: window)
        }

        /// How many sockets the engine waits for, but for those that listen.
        func sockets() async -> Int {
            var sum = 0
            for loop in self.loops.loops { sum += (try? await loop.submit { loop.core.handlers.count - 1 }.get()) ?? 0 }
            return sum
        }
    }
#endif
