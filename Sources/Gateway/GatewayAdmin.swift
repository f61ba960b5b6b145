#if os(Linux)
    import AdminPort
    import GatewayCore
    import ProxyEngine
    import Synchronization

    /// What the admin port shows of a gateway.
    final class GatewayAdmin: Sendable {
        /// How far the gateway is.
        enum Phase: String, Sendable {
            case starting
            case serving
            case draining
        }

        private struct Cluster: Encodable {
            let name: String
            let servers: [Server]
        }

        private struct Server: Encodable {
            let address: String
            let idleConnections: Int
            let activeRequests: Int

            enum CodingKeys: String, CodingKey {
                case address
                case idleConnections = "idle-connections"
                case activeRequests = "active-requests"
            }
        }

        private let phase = Mutex(Phase.starting)
        private let settings: GatewaySettings
        private let engine: Engine

        init(_ settings: GatewaySettings, _ engine: Engine) {
            self.settings = settings
            self.engine = engine
        }

        func enter(_ phase: Phase) { self.phase.withLock { $0 = phase } }

        var pages: [AdminPage] {
            [
                AdminPage("/healthz") { .text("ok\n") },
                AdminPage("/readyz") {
                    let phase = self.phase.withLock { $0 }
                    return .text(phase == .serving ? "ok\n" : "\(phase.rawValue)\n", isReady: phase == .serving)
                },
                AdminPage("/metrics") { .metrics(self.engine.prometheusText()) },
                AdminPage("/config") { .json(GatewayReport.json(GatewayReport(self.settings))) },
                AdminPage("/clusters") { .json(await self.clusters()) },
            ]
        }

        private func clusters() async -> String {
            let load = await self.engine.load()
            let clusters = zip(self.settings.clusters, load).map { cluster, load in
                Cluster(
                    name: cluster.name,
                    servers: zip(cluster.endpoints, load).map { endpoint, load in
                        Server(address: "\(endpoint)", idleConnections: load.idle, activeRequests: load.active)
                    }
                )
            }
            return GatewayReport.json(clusters)
        }
    }
#endif
