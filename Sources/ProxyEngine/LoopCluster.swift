#if os(Linux)
    import GatewayCore
    import NIOCore

    /// A cluster as one loop uses it: what the loop knows of its servers, and the connections to them that wait here.
    ///
    /// Requests hold on to it. One that the settings do not have any more ends with the last of them.
    final class LoopCluster {
        let plan: ResolvedCluster
        let counts: ClusterCounts
        /// Its name, as the access log has it.
        let label: [UInt8]
        /// Of each server's addresses, how the access log has them.
        private let labels: [[[UInt8]]]
        /// Which of its name's addresses a server is connected to at.
        private var preferred: [Int]
        private var balancer: Balancer
        private var budget: RetryBudget
        /// What is logged when no server can be reached.
        var complaints = Complaints()
        /// The connections that nobody uses, of each server. The one that waited least is used first: the others can be closed.
        private var idle: [[UpstreamConnection]]
        private var isRetired = false

        init(_ plan: ResolvedCluster, counts: ClusterCounts, words: LogWords?) {
            self.plan = plan
            self.counts = counts
            self.label = words?.name(plan.settings.name) ?? []
            self.labels = plan.addresses.map { $0.map { words?.address($0) ?? [] } }
            self.preferred = [Int](repeating: 0, count: plan.addresses.count)
            self.balancer = Balancer(plan.settings.balance, servers: plan.addresses.count)
            self.budget = RetryBudget(percent: plan.settings.retry.budget)
            self.idle = [[UpstreamConnection]](repeating: [], count: plan.addresses.count)
        }

        /// The server for a request, which is under way to it until `ended(_:_:)`; nil when the cluster has as many as it may.
        ///
        /// - Parameter last: the server that has failed this request, if one has.
        @inline(__always)
        func nextServer(after last: Int?) -> ServerID? {
            guard self.plan.enter() else { return nil }
            let plan = self.plan
            return ServerID(cluster: self, endpoint: self.balancer.next(after: last) { plan.gauges[$0].isUp })
        }

        /// A request is under way to a server no more.
        @inline(__always)
        func ended(_ server: Int, _ verdict: ServerVerdict) {
            self.balancer.ended(server)
            self.plan.leave()
            self.plan.gauges[server].judge(verdict)
        }

        /// A connection to a server is open whose bytes say nothing of how the server is.
        func connected(_ server: Int) { self.plan.gauges[server].connected() }

        /// The rule for sending a request once more, where there is one and its budget is not used up.
        @inline(__always)
        func retry() -> RetryRule? {
            guard !self.plan.settings.retry.isIdle else { return nil }
            self.budget.deposit()
            return self.budget.isLeft ? self.plan.settings.retry : nil
        }

        /// A request is sent once more that the rule is about.
        func withdraw() { self.budget.withdraw() }

        func address(of server: Int) -> SocketAddress { self.plan.addresses[server][self.preferred[server]] }

        /// The same address, as the access log has it.
        func label(of server: Int) -> [UInt8] { self.labels[server][self.preferred[server]] }

        /// The address that a server was last tried at is no good.
        func tryNextAddress(of server: Int) {
            self.preferred[server] = (self.preferred[server] + 1) % self.plan.addresses[server].count
        }

        /// A connection to a server that nobody uses, if there is one.
        func takeIdle(_ server: Int) -> UpstreamConnection? {
            while let connection = self.idle[server].popLast() {
                if connection.isUsable { return connection }
                connection.close()
            }
            return nil
        }

        /// Takes back a connection on which request and response have ended, if there are not too many of them.
        @inline(__always)
        func keep(_ connection: UpstreamConnection) {
            let server = connection.server.endpoint
            // What it has sent meanwhile was asked for by nobody.
            guard !connection.mayRead, !self.isRetired,
                self.idle[server].count < self.plan.settings.bounds.idleConnections
            else { return connection.close() }
            self.idle[server].append(connection)
        }

        /// A connection that waits has ended.
        func remove(_ connection: UpstreamConnection) {
            let server = connection.server.endpoint
            guard let place = self.idle[server].firstIndex(where: { $0 === connection }) else { return }
            self.idle[server].remove(at: place)
        }

        /// Closes the connections that have waited for as long as they may; whether any are left.
        func closeAged(at now: NIODeadline) -> Bool {
            let timeout = self.plan.idleTimeout
            var isLeft = false
            for server in self.idle.indices where !self.idle[server].isEmpty {
                // Those that wait longest are first.
                let count = self.idle[server].prefix { now - $0.idleSince >= timeout }.count
                let aged = self.idle[server].prefix(count)
                self.idle[server].removeFirst(count)
                for connection in aged { connection.close() }
                if !self.idle[server].isEmpty { isLeft = true }
            }
            return isLeft
        }

        /// Keeps no connection any more. Requests that are under way go on.
        func retire() {
            self.isRetired = true
            let idle = self.idle
            self.idle = [[UpstreamConnection]](repeating: [], count: idle.count)
            for connections in idle {
                for connection in connections { connection.close() }
            }
        }

        /// How many connections to each server wait, and how many have a request.
        var load: [ServerLoad] {
            self.idle.enumerated().map { ServerLoad(idle: $1.count, active: self.balancer.active($0)) }
        }
    }

    /// A server of a cluster.
    struct ServerID {
        let cluster: LoopCluster
        /// Its place in the cluster.
        let endpoint: Int
    }
#endif
