#if os(Linux)
    import GatewayCore
    import Logging
    import NIOCore
    import ProxyCore
    import SocketLoop

    /// What the connections of one loop share.
    final class EngineLoop {
        /// How often time-outs are looked at; so much later than asked for one may be told.
        static let sweep = TimeAmount.milliseconds(250)

        let loop: SocketLoop
        let counters: EngineCounters
        let log: LoopLog?
        let logger: Logger
        /// When what is being done began: the clock is read once for each batch of bytes.
        var now = NIODeadline.now()
        /// The latest head that was edited, and what follows it.
        var edited = ByteBuffer()
        /// Pipes for what passes unread.
        var pipes = PipePool()
        /// Servers that requests through forward proxies have named.
        let destinations = Destinations()
        private var clusters: [LoopCluster] = []
        private var listeners: [EnginePlan.Number: LoopListener] = [:]
        private var connections: [ObjectIdentifier: any AcceptedConnection] = [:]
        private var isSweeping = false
        private(set) var isDraining = false

        init(_ loop: SocketLoop, counters: EngineCounters, log: LoopLog?, logger: Logger) {
            self.loop = loop
            self.counters = counters
            self.log = log
            self.logger = logger
        }

        /// Works by other settings from now on. What is under way goes on by those that it began with.
        func adopt(_ plan: EnginePlan) {
            let words = self.log?.words
            let old = self.clusters
            // Few, and compared by identity: what is the same as before keeps its connections.
            self.clusters = plan.clusters.map { cluster in
                old.first { $0.plan === cluster }
                    ?? LoopCluster(cluster, counts: self.counters.cluster(cluster.settings.name), words: words)
            }
            for cluster in old where !self.clusters.contains(where: { $0 === cluster }) { cluster.retire() }
            let present = self.listeners.filter { !$1.isRetired }
            var listeners = plan.listeners.mapValues { listener in
                if let one = present[listener.number], one.adopt(listener.plan, clusters: self.clusters) { return one }
                let counts = self.counters.listener(listener.plan.name)
                return LoopListener(listener, clusters: self.clusters, counts: counts, words: words)
            }
            for (number, listener) in present where listeners[number] !== listener {
                listener.retire()
                // Its socket may be given connections until it is closed.
                if listeners[number] == nil { listeners[number] = listener }
            }
            self.listeners = listeners
            for connection in Array(self.connections.values) where connection.listener.isRetired { connection.drain() }
        }

        /// Begins a connection.
        func accept(_ socket: Socket, at listener: EnginePlan.Number) {
            guard let listener = self.listeners[listener] else { return socket.close() }
            listener.begin(self, socket)
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

        /// Takes back a connection on which request and response have ended.
        func keep(_ connection: UpstreamConnection) {
            connection.idleSince = self.now
            if self.isDraining { connection.close() } else { connection.server.cluster.keep(connection) }
        }

        private func sweepLater() {
            self.isSweeping = true
            self.loop.assumeIsolated().scheduleTask(in: Self.sweep) { self.sweepNow() }
        }

        private func sweepNow() {
            let now = NIODeadline.now()
            for connection in self.connections.values where connection.expires <= now { connection.expire() }
            self.destinations.sweep(now)
            var isLeft = !self.connections.isEmpty || !self.destinations.isEmpty
            for cluster in self.clusters where cluster.closeAged(at: now) { isLeft = true }
            self.log?.flush()
            self.log?.readClock()
            self.isSweeping = isLeft
            if isLeft { self.sweepLater() }
        }

        /// Lets every connection end as soon as nothing is lost by it.
        func drain() {
            self.isDraining = true
            for connection in Array(self.connections.values) { connection.drain() }
            for cluster in self.clusters { cluster.retire() }
            self.destinations.closeIdle()
        }

        /// Ends every connection.
        func closeAll() {
            for connection in Array(self.connections.values) { connection.closeNow() }
            self.log?.flush()
        }

        /// How many connections to each server wait, and how many have a request, by cluster.
        func load() -> [String: [ServerLoad]] {
            Dictionary(self.clusters.map { ($0.plan.settings.name, $0.load) }) { first, _ in first }
        }
    }
#endif
