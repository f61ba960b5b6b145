#if os(Linux)
    import GatewayCore
    import NIOCore
    import ProxyCore
    import SocketLoop

    /// What the connections of one loop share.
    final class EngineLoop {
        /// How often time-outs are looked at; so much later than asked for one may be told.
        static let sweep = TimeAmount.milliseconds(250)

        let loop: SocketLoop
        let clusters: [ResolvedCluster]
        let counters: EngineCounters
        let log: LoopLog?
        /// When what is being done began: the clock is read once for each batch of bytes.
        var now = NIODeadline.now()
        var pools: UpstreamPools
        /// The latest head that was edited, and what follows it.
        var edited = ByteBuffer()
        /// Which of its name's addresses a server is connected to at.
        private var preferred: [[Int]]
        private var balancers: [Balancer]
        private var budgets: [RetryBudget]
        private var connections: [ObjectIdentifier: any AcceptedConnection] = [:]
        /// What is logged of clusters that cannot be reached.
        var complaints = Complaints()
        /// Pipes for what passes unread.
        var pipes = PipePool()
        /// Of each server's addresses, how the access log has them.
        private let labels: [[[[UInt8]]]]
        private var isSweeping = false
        private(set) var isDraining = false

        init(_ loop: SocketLoop, clusters: [ResolvedCluster], counters: EngineCounters, log: LoopLog?) {
            self.loop = loop
            self.log = log
            self.labels = clusters.map { $0.addresses.map { $0.map { log?.words.address($0) ?? [] } } }
            self.clusters = clusters
            self.counters = counters
            self.pools = UpstreamPools(clusters)
            self.balancers = clusters.map { Balancer($0.settings.balance, servers: $0.addresses.count) }
            self.budgets = clusters.map { RetryBudget(percent: $0.settings.retry.budget) }
            self.preferred = clusters.map { [Int](repeating: 0, count: $0.addresses.count) }
        }

        /// How many client connections there are.
        var count: Int { self.connections.count }

        func add(_ connection: any AcceptedConnection) {
            self.connections[ObjectIdentifier(connection)] = connection
            if !self.isSweeping { self.sweepLater() }
        }

        func remove(_ connection: any AcceptedConnection) {
            self.connections[ObjectIdentifier(connection)] = nil
        }

        /// The server for a request, which is under way to it until `ended(_:_:)`; nil when the cluster has as many as it may.
        ///
        /// - Parameter last: the server that has failed this request, if one has.
        @inline(__always)
        func nextServer(of cluster: Int, after last: Int?) -> ServerID? {
            let plan = self.clusters[cluster]
            guard plan.enter() else { return nil }
            let server = self.balancers[cluster].next(after: last) { plan.gauges[$0].isUp }
            return ServerID(cluster: cluster, endpoint: server)
        }

        /// A request is under way to a server no more.
        @inline(__always)
        func ended(_ server: ServerID, _ verdict: ServerVerdict) {
            self.balancers[server.cluster].ended(server.endpoint)
            self.clusters[server.cluster].leave()
            self.clusters[server.cluster].gauges[server.endpoint].judge(verdict)
        }

        /// A connection to a server is open whose bytes say nothing of how the server is.
        func connected(_ server: ServerID) { self.clusters[server.cluster].gauges[server.endpoint].connected() }

        /// The rule for sending a request of a cluster once more, where there is one and its budget is not used up.
        @inline(__always)
        func retry(of cluster: Int) -> RetryRule? {
            guard !self.clusters[cluster].settings.retry.isIdle else { return nil }
            self.budgets[cluster].deposit()
            return self.budgets[cluster].isLeft ? self.clusters[cluster].settings.retry : nil
        }

        /// A request is sent once more that its cluster's rule is about.
        func withdraw(of cluster: Int) { self.budgets[cluster].withdraw() }

        /// A connection to a server that nobody uses, if there is one.
        func takeIdle(_ server: ServerID) -> UpstreamConnection? {
            while let connection = self.pools.take(server) {
                // What the loop has not told yet, of the turn that it is in, the kernel knows. One that was used a moment ago
                // has been looked at, and needs no system call.
                if .now() - connection.idleSince < .milliseconds(1) || connection.isQuiet { return connection }
                connection.close()
            }
            return nil
        }

        func address(of server: ServerID) -> SocketAddress {
            self.clusters[server.cluster].addresses[server.endpoint][self.preferred[server.cluster][server.endpoint]]
        }

        /// The same address, as the access log has it.
        func label(of server: ServerID) -> [UInt8] {
            self.labels[server.cluster][server.endpoint][self.preferred[server.cluster][server.endpoint]]
        }

        /// The address that a server was last tried at is no good.
        func tryNextAddress(of server: ServerID) {
            let count = self.clusters[server.cluster].addresses[server.endpoint].count
            self.preferred[server.cluster][server.endpoint] =
                (self.preferred[server.cluster][server.endpoint] + 1) % count
        }

        /// Takes back a connection on which request and response have ended.
        func keep(_ connection: UpstreamConnection) {
            connection.idleSince = self.now
            let most = self.clusters[connection.server.cluster].settings.bounds.idleConnections
            // What it has sent meanwhile was asked for by nobody.
            if connection.mayRead || self.isDraining || !self.pools.put(connection, most: most) { connection.close() }
        }

        private func sweepLater() {
            self.isSweeping = true
            self.loop.assumeIsolated().scheduleTask(in: Self.sweep) { self.sweepNow() }
        }

        private func sweepNow() {
            let now = NIODeadline.now()
            for connection in self.connections.values where connection.expires <= now { connection.expire() }
            let clusters = self.clusters
            for connection in self.pools.takeAged({ now - $0.idleSince >= clusters[$0.server.cluster].idleTimeout }) {
                connection.close()
            }
            self.log?.flush()
            self.log?.readClock()
            self.isSweeping = !self.connections.isEmpty || self.pools.count > 0
            if self.isSweeping { self.sweepLater() }
        }

        /// Lets every connection end as soon as nothing is lost by it.
        func drain() {
            self.isDraining = true
            for connection in Array(self.connections.values) { connection.drain() }
            for connection in self.pools.takeAged({ _ in true }) { connection.close() }
        }

        /// Ends every connection.
        func closeAll() {
            for connection in Array(self.connections.values) { connection.closeNow() }
            self.log?.flush()
        }

        /// How many connections to each server wait, and how many have a request.
        func load() -> [[ServerLoad]] {
            self.pools.counts.enumerated().map { cluster, counts in
                counts.enumerated().map { ServerLoad(idle: $1, active: self.balancers[cluster].active($0)) }
            }
        }
    }
#endif
