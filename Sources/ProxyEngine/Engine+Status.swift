#if os(Linux)
    import GatewayCore
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
            EngineMetrics(
                listeners: self.settings.listeners.enumerated().map { index, listener in
                    (listener.name, self.counters.map { $0.listeners[index] })
                },
                clusters: self.settings.clusters.enumerated().map { index, cluster in
                    (cluster.name, self.counters.map { $0.clusters[index] })
                },
                dropped: self.accessLog?.dropped.value ?? 0
            ).text
        }

        /// What goes on at each server, in the settings' order.
        public func load() async -> [[ServerLoad]] {
            var sum = self.settings.clusters.map { $0.endpoints.map { _ in ServerLoad(idle: 0, active: 0) } }
            for place in self.places.withLock({ $0 }) {
                guard let load = try? await place.loop.submit({ place.box.value.load() }).get() else { continue }
                for cluster in sum.indices {
                    for server in sum[cluster].indices {
                        sum[cluster][server].idle += load[cluster][server].idle
                        sum[cluster][server].active += load[cluster][server].active
                    }
                }
            }
            return sum
        }
    }
#endif
