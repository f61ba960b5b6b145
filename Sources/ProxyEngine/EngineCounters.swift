#if os(Linux)
    import GatewayCore
    import ProxyCore
    import Synchronization
    import Telemetry

    /// What one loop has counted. Only the loop writes; anybody may read.
    public final class EngineCounters: Sendable {
        /// A number that one thread adds to.
        public struct Count: ~Copyable, Sendable {
            private let value = Atomic<Int>(0)

            /// How much it is.
            public var total: Int { self.value.load(ordering: .relaxed) }

            /// One writer needs no locked instruction. A gauge takes back what it was given.
            @inline(__always)
            func add(_ more: Int = 1) {
                self.value.store(self.value.load(ordering: .relaxed) &+ more, ordering: .relaxed)
            }
        }

        /// What several numbers add up to.
        public struct Sum: Sendable {
            /// How much it is.
            public let total: Int
        }

        private struct Counts {
            var listeners: [String: ListenerCounts] = [:]
            var clusters: [String: ClusterCounts] = [:]
        }

        /// By name. Whoever counts holds on to what it counts in, and comes here no more.
        private let counts = Mutex(Counts())
        private var listeners: [ListenerCounts] { self.counts.withLock { Array($0.listeners.values) } }
        private var clusters: [ClusterCounts] { self.counts.withLock { Array($0.clusters.values) } }

        /// What is counted of a listener, whichever settings it has had.
        func listener(_ name: String) -> ListenerCounts {
            self.counts.withLock { counts in
                let found = counts.listeners[name] ?? ListenerCounts()
                counts.listeners[name] = found
                return found
            }
        }

        /// What is counted of a cluster, whichever settings it has had.
        func cluster(_ name: String) -> ClusterCounts {
            self.counts.withLock { counts in
                let found = counts.clusters[name] ?? ClusterCounts()
                counts.clusters[name] = found
                return found
            }
        }

        /// Forgets what is not in the settings.
        func keep(_ settings: GatewaySettings) {
            let (listeners, clusters) = (Set(settings.listeners.map(\.name)), Set(settings.allClusters.map(\.name)))
            self.counts.withLock { counts in
                counts.listeners = counts.listeners.filter { listeners.contains($0.key) }
                counts.clusters = counts.clusters.filter { clusters.contains($0.key) }
            }
        }

        /// Connections to servers that have opened.
        public var upstreamConnections: Sum { Sum(total: self.clusters.reduce(0) { $0 + $1.opened.total }) }
        /// Connections to servers that have not opened.
        public var upstreamFailures: Sum { Sum(total: self.clusters.reduce(0) { $0 + $1.failed.total }) }
        /// Requests sent once more or to another server, and other servers tried for connections whose bytes pass unread.
        public var retries: Sum { Sum(total: self.clusters.reduce(0) { $0 + $1.retries.total }) }
        /// Connections whose bytes passed unread, and that have ended, however.
        public var unread: Sum { Sum(total: self.listeners.reduce(0) { $0 + $1.unread.total }) }
        /// Those of them that were reset because no server could be connected to.
        public var unreachable: Sum { Sum(total: self.listeners.reduce(0) { $0 + $1.unreachable.total }) }
        /// Bytes from clients.
        public var bytesIn: Sum { Sum(total: self.listeners.reduce(0) { $0 + $1.traffic.received.total }) }
        /// Bytes to clients.
        public var bytesOut: Sum { Sum(total: self.listeners.reduce(0) { $0 + $1.traffic.sent.total }) }

        /// Requests that have ended, however.
        public var requests: Sum { Sum(total: self.listeners.reduce(0) { $0 + $1.traffic.durations.count }) }
    }

    /// What one loop has counted of a listener.
    final class ListenerCounts: Sendable {
        let traffic = TrafficCounts()
        /// Connections of clients, and those that are open.
        let connections = EngineCounters.Count()
        let open = EngineCounters.Count()
        /// TLS handshakes, and those that have failed.
        let handshakes = EngineCounters.Count()
        let failedHandshakes = EngineCounters.Count()
        /// Requests that the gateway answered itself.
        let refusals = EngineCounters.Count()
        /// Connections whose bytes passed unread that have ended, and those of them for which there was no server.
        let unread = EngineCounters.Count()
        let unreachable = EngineCounters.Count()

        /// Takes note of a connection whose bytes passed unread.
        func end(_ note: PipeNote) {
            self.unread.add()
            if note.end.isForWantOfServers { self.unreachable.add() }
            self.traffic.end(note)
        }
    }

    /// What one loop has counted of a cluster.
    final class ClusterCounts: Sendable {
        let traffic = TrafficCounts()
        /// Connections to its servers: that have opened, that have not, and that were used once more.
        let opened = EngineCounters.Count()
        let failed = EngineCounters.Count()
        let reused = EngineCounters.Count()
        /// Requests sent once more, or to another server.
        let retries = EngineCounters.Count()

        /// Takes note of a connection whose bytes passed unread.
        func end(_ note: PipeNote) {
            if note.retries > 0 { self.retries.add(note.retries) }
            self.traffic.end(note)
        }
    }

    /// What one loop has counted of the requests of a listener, or of a cluster.
    final class TrafficCounts: Sendable {
        /// The upper ends of the steps, in microseconds.
        static let bounds: InlineArray<14, Int> = [
            500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
            5_000_000,
            10_000_000,
        ]
        /// What a status begins with; the first is for none.
        static let classes = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

        /// Requests that are under way.
        let active = EngineCounters.Count()
        let received = EngineCounters.Count()
        let sent = EngineCounters.Count()
        private let byClass = InlineArray<6, EngineCounters.Count> { _ in EngineCounters.Count() }
        private let byFlag = InlineArray<8, EngineCounters.Count> { _ in EngineCounters.Count() }
        private let steps = InlineArray<15, EngineCounters.Count> { _ in EngineCounters.Count() }
        private let sum = EngineCounters.Count()

        /// Takes note of a connection whose bytes passed unread.
        func end(_ note: PipeNote) {
            self.received.add(note.bytesIn)
            self.sent.add(note.bytesOut)
        }

        /// Takes note of a request that has ended.
        func end(_ note: ForwardNote, microseconds: Int) {
            self.received.add(note.bytesIn)
            self.sent.add(note.bytesOut)
            let hundreds = note.status / 100
            self.byClass[hundreds < 6 ? hundreds : 0].add()
            if !note.flags.isEmpty {
                for bit in 0..<8 where note.flags.rawValue & 1 << bit != 0 { self.byFlag[bit].add() }
            }
            var step = 0
            while step < 14, microseconds > Self.bounds[step] { step &+= 1 }
            self.steps[step].add()
            self.sum.add(microseconds)
        }

        /// How many have ended with a status of each class.
        var classTotals: [Int] { Self.classes.indices.map { self.byClass[$0].total } }

        /// How many had each flag, in the order of `ResponseFlags.each`.
        var flagTotals: [Int] { ResponseFlags.each.map { self.byFlag[$0.flag.rawValue.trailingZeroBitCount].total } }

        /// How long they took.
        var durations: Durations {
            let steps = (0..<15).map { self.steps[$0].total }
            return Durations(
                bounds: (0..<14).map { Self.bounds[$0] },
                buckets: Array(steps.dropLast()),
                count: steps.reduce(0, +),
                sum: self.sum.total
            )
        }
    }
#endif
