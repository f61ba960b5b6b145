#if os(Linux)
    import AdminPort
    import GatewayCore
    import ProxyEngine
    import Synchronization
    import Telemetry

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

        private struct Reloads {
            var applied = 0
            var refused = 0
            var isLastApplied = true
        }

        private let phase = Mutex(Phase.starting)
        private let reloads = Mutex(Reloads())
        private let engine: Engine

        init(_ engine: Engine) { self.engine = engine }

        func enter(_ phase: Phase) { self.phase.withLock { $0 = phase } }

        /// The settings have been read again.
        func reloaded(isApplied: Bool) {
            self.reloads.withLock { reloads in
                if isApplied { reloads.applied += 1 } else { reloads.refused += 1 }
                reloads.isLastApplied = isApplied
            }
        }

        var pages: [AdminPage] {
            [
                AdminPage("/healthz") { .text("ok\n") },
                AdminPage("/readyz") {
                    let phase = self.phase.withLock { $0 }
                    return .text(phase == .serving ? "ok\n" : "\(phase.rawValue)\n", isReady: phase == .serving)
                },
                AdminPage("/metrics") { .metrics(self.engine.prometheusText() + self.reloadMetrics) },
                AdminPage("/config") { .json(GatewayReport.json(GatewayReport(self.engine.settings))) },
                AdminPage("/clusters") { .json(await self.clusters()) },
            ]
        }

        private var reloadMetrics: String {
            let reloads = self.reloads.withLock { $0 }
            var page = MetricsPage()
            page.family(
                "detour_proxy_config_reloads_total",
                "counter",
                "How often the settings were read again: put into force, or refused."
            )
            page.sample([("result", "applied")], reloads.applied)
            page.sample([("result", "refused")], reloads.refused)
            page.family(
                "detour_proxy_config_last_reload_successful",
                "gauge",
                "1 unless the settings in the file were refused when they were read last."
            )
            page.sample([], reloads.isLastApplied ? 1 : 0)
            return page.text
        }

        private func clusters() async -> String {
            let load = await self.engine.load()
            let clusters = load.map { cluster, load in
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
