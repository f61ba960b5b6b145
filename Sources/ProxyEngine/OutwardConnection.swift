#if os(Linux)
    import GatewayCore
    import NIOCore

    /// A connection to a server that a request through a forward proxy has named.
    final class OutwardConnection: UpstreamConnection {
        let destination: Destination
        private let address: SocketAddress

        /// A connection for a request that counts among those of `cluster`.
        init(_ state: EngineLoop, to destination: Destination, at address: SocketAddress, cluster: LoopCluster) {
            self.destination = destination
            self.address = address
            // Of the place among servers only that of the cluster means anything here.
            let server = ServerID(cluster: cluster, endpoint: 0)
            super.init(state, to: server, label: state.log?.words.address(address) ?? [])
        }

        var idleTimeout: TimeAmount { self.server.cluster.plan.idleTimeout }

        override func hasFailed() {
            self.destination.failed(self.address)
            self.destination.leave(self.server.cluster, self.state.now)
        }

        override func isReleased(_ verdict: ServerVerdict) {
            self.destination.leave(self.server.cluster, self.state.now)
        }

        override func wait() {
            self.idleSince = self.state.now
            let most = self.server.cluster.plan.settings.bounds.idleConnections
            // What it has sent meanwhile was asked for by nobody.
            if self.mayRead || self.state.isDraining || !self.state.destinations.put(self, most: most) { self.close() }
        }

        override func leavePool() { self.state.destinations.remove(self) }
    }

    extension Destination {
        /// A request is for it, or for one of its addresses, until `leave(_:_:)`; false where the cluster has as many as it may.
        func enter(_ cluster: LoopCluster) -> Bool {
            guard cluster.plan.enter() else { return false }
            self.users += 1
            return true
        }

        func leave(_ cluster: LoopCluster, _ now: NIODeadline) {
            cluster.plan.leave()
            self.users -= 1
            self.usedAt = now
        }
    }
#endif
