#if os(Linux)
    import GatewayCore
    import SocketLoop
    import TrafficMatch

    /// A listener as one loop uses it. New settings take its place while its connections go on: they hold on to it.
    final class LoopListener {
        struct Route {
            let match: RequestMatch
            let cluster: LoopCluster
        }

        let number: EnginePlan.Number
        private(set) var plan: ListenerPlan
        /// The first that takes a request decides; none where bytes pass unread.
        private(set) var routes: [Route]
        /// Where new connections' bytes go, unread; nil where requests are routed.
        private(set) var target: LoopCluster?
        /// What requests through a forward proxy count among.
        private(set) var outside: LoopCluster?
        let counts: ListenerCounts
        /// Its name, as the access log has it.
        let label: [UInt8]
        /// Whether its connections are to end as soon as nothing is lost by it.
        private(set) var isRetired = false

        init(_ listener: EnginePlan.Listener, clusters: [LoopCluster], counts: ListenerCounts, words: LogWords?) {
            let plan = listener.plan
            self.number = listener.number
            self.plan = plan
            self.counts = counts
            self.label = words?.name(plan.name) ?? []
            self.routes = plan.routes(to: clusters)
            self.target = plan.cluster.map { clusters[$0] }
            self.outside = plan.forward.map { clusters[$0.cluster] }
        }

        /// Uses other settings from now on: for the next request of each connection, or, where bytes pass unread, for the next
        /// connection. False where connections of the one kind cannot go on as ones of the other.
        func adopt(_ plan: ListenerPlan, clusters: [LoopCluster]) -> Bool {
            guard !self.isRetired, plan.name == self.plan.name, plan.kind == self.plan.kind else { return false }
            self.plan = plan
            self.routes = plan.routes(to: clusters)
            self.target = plan.cluster.map { clusters[$0] }
            self.outside = plan.forward.map { clusters[$0.cluster] }
            return true
        }

        func retire() { self.isRetired = true }

        /// Begins a connection.
        func begin(_ state: EngineLoop, _ accepted: Socket) {
            let connection: any AcceptedConnection
            if let target = self.target {
                connection = UnreadConnection(state, self, to: target, accepted: accepted)
            } else {
                connection = ClientConnection(state, self, accepted: accepted)
            }
            connection.start()
            // The last that waited when the socket was to be closed.
            if self.isRetired { connection.drain() }
        }
    }

    extension ListenerPlan {
        fileprivate func routes(to clusters: [LoopCluster]) -> [LoopListener.Route] {
            self.rules.map { .init(match: $0.match, cluster: clusters[$0.cluster]) }
        }
    }
#endif
