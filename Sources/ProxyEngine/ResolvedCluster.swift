#if os(Linux)
    import GatewayCore
    import Logging
    import NIOCore
    import Synchronization

    /// A cluster whose servers' addresses are known; all loops share it.
    final class ResolvedCluster: Sendable {
        let settings: GatewaySettings.Cluster
        /// Of each endpoint; its name may have several, of which one at a time is used.
        let addresses: [[SocketAddress]]
        let gauges: [ServerGauge]
        let connectTimeout: TimeAmount
        let responseTimeout: TimeAmount
        let idleTimeout: TimeAmount
        /// How many requests are under way, where that has a limit.
        private let active = Atomic<Int>(0)
        private let limit: Int?

        /// - Parameter before: the same cluster by earlier settings: what is known of its servers holds.
        init(
            _ settings: GatewaySettings.Cluster,
            addresses: [[SocketAddress]],
            before: ResolvedCluster?,
            logger: Logger
        ) {
            self.settings = settings
            self.addresses = addresses
            let known = before.map { before in
                before.settings.health == settings.health && before.settings.ejection == settings.ejection
                    ? Dictionary(zip(before.identities, before.gauges)) { first, _ in first } : [:]
            }
            self.gauges = zip(settings.endpoints, addresses).map { endpoint, addresses in
                known?[.init(endpoint: endpoint, addresses: Set(addresses))]
                    ?? ServerGauge(endpoint, of: settings, logger: logger)
            }
            self.connectTimeout = TimeAmount(settings.bounds.connect)
            self.responseTimeout = TimeAmount(settings.bounds.response)
            self.idleTimeout = TimeAmount(settings.bounds.idle)
            self.limit = settings.bounds.requests
        }

        /// A name that leads elsewhere than before is another server.
        private struct Identity: Hashable {
            let endpoint: GatewaySettings.Endpoint
            let addresses: Set<SocketAddress>
        }

        private var identities: [Identity] {
            zip(self.settings.endpoints, self.addresses).map { .init(endpoint: $0, addresses: Set($1)) }
        }

        /// Counts a request that begins; false where there are as many as may be.
        @inline(__always)
        func enter() -> Bool {
            guard let limit = self.limit else { return true }
            guard self.active.add(1, ordering: .relaxed).newValue > limit else { return true }
            self.active.subtract(1, ordering: .relaxed)
            return false
        }

        /// A request that was counted has ended.
        @inline(__always)
        func leave() {
            if self.limit != nil { self.active.subtract(1, ordering: .relaxed) }
        }
    }
#endif
