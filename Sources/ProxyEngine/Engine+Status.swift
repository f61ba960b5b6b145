#if os(Linux)
    public import GatewayCore
    import NIOCore
    import SocketLoop
    import Synchronization
    import Telemetry

    /// How many of the gateway's connections go to a server.
    public struct ServerLoad: Hashable, Sendable {
        /// Those that nobody uses.
        public var idle: Int
        /// Those with a request, or that are being opened for one.
        public var active: Int

        /// So many of each.
        public init(idle: Int, active: Int) {
            self.idle = idle
            self.active = active
        }
    }

    /// What operators ask.
    extension Engine {
        /// The counters of all loops, in the text format that Prometheus reads; docs/proxy.md has the names.
        public func prometheusText() -> String {
            let settings = self.settings
            return EngineMetrics(
                listeners: settings.listeners.map { listener in
                    (listener.name, self.counters.map { $0.listener(listener.name) })
                },
                clusters: settings.allClusters.map { cluster in
                    (cluster.name, self.counters.map { $0.cluster(cluster.name) })
                },
                dropped: self.accessLog?.dropped.value ?? 0
            ).text
        }

        /// What goes on at each server, in the settings' order.
        public func load() async -> [(cluster: GatewaySettings.Cluster, servers: [ServerLoad])] {
            let clusters = self.settings.clusters
            var sum = clusters.map { $0.endpoints.map { _ in ServerLoad(idle: 0, active: 0) } }
            for place in self.places.withLock({ $0 }) {
                guard let load = try? await place.loop.submit({ place.box.value.load() }).get() else { continue }
                for (index, cluster) in clusters.enumerated() {
                    for (server, part) in zip(sum[index].indices, load[cluster.name] ?? []) {
                        sum[index][server].idle += part.idle
                        sum[index][server].active += part.active
                    }
                }
            }
            return Array(zip(clusters, sum))
        }
    }
#endif
