#if os(Linux)
    import GatewayCore
    import Logging
    @testable import PeerTestSupport
    import ProxyEngine

    extension Stage {
        /// An engine that passes bytes unread, to servers in turn; the first of them may be one that nobody listens at.
        static func unread(
            servers count: Int = 1,
            isFirstMissing: Bool = false,
            areReachable: Bool = true,
            idle: Duration = .seconds(3_600),
            cluster: ClusterBounds = .init(),
            _ body: (Stage) async throws -> Void
        ) async throws {
            var servers: [Server] = []
            for _ in 0..<count { servers.append(try await Server()) }
            // Nobody listens at that address for as long as the server does at the other.
            let host = areReachable ? "127.0.0.1" : "127.0.0.2"
            var endpoints = servers.map { GatewaySettings.Endpoint(host: host, port: $0.port) }
            if isFirstMissing { endpoints.insert(.init(host: "127.0.0.2", port: servers[0].port), at: 0) }
            var bounds = ListenerBounds.unread
            bounds.idle = idle
            let settings = GatewaySettings(
                listeners: [.init(name: "test", host: "127.0.0.1", port: 0, cluster: 0, bounds: bounds)],
                clusters: [.init(name: "all", endpoints: endpoints, bounds: cluster)]
            )
            try await Self.run(settings, servers, body)
        }

        /// What the engine has counted, of its one loop.
        var counted: EngineCounters { self.engine.counters[0] }

        /// Waits until no connection is left, of clients or to servers.
        func isEmpty() async {
            while await self.sockets() > 0, !Task.isCancelled { await Task.yield() }
        }
    }

    extension TestSocket {
        /// Waits until nothing more will come, whatever the reason, and answers with what came.
        @discardableResult
        func over() async -> Seen { await self.wait { $0.hasFailed || $0.hasEnded || $0.isClosed } }
    }
#endif
