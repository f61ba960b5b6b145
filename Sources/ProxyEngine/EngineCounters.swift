#if os(Linux)
    import GatewayCore
    import Synchronization

    /// What one loop has counted. Only the loop writes; anybody may read.
    public final class EngineCounters: Sendable {
        /// A number that one thread adds to.
        public struct Count: ~Copyable, Sendable {
            private let value = Atomic<Int>(0)

            /// How much it is.
            public var total: Int { self.value.load(ordering: .relaxed) }

            /// One writer needs no locked instruction.
            @inline(__always)
            func add(_ more: Int = 1) {
                self.value.store(self.value.load(ordering: .relaxed) &+ more, ordering: .relaxed)
            }
        }

        /// Connections of clients.
        public let connections = Count()
        /// Connections to servers.
        public let upstreamConnections = Count()
        /// Requests that have ended, however.
        public let requests = Count()
        /// Those that the gateway answered itself.
        public let refusals = Count()
        /// Requests sent once more or to another server, and other servers tried for connections whose bytes pass unread.
        public let retries = Count()

        /// Connections whose bytes passed unread, and that have ended, however.
        public let unread = Count()
        /// Those of them that were reset because no server could be connected to.
        public let unreachable = Count()
        /// Their bytes from clients.
        public let bytesIn = Count()
        /// Their bytes to clients.
        public let bytesOut = Count()

        func note(_ note: PipeNote) {
            self.unread.add()
            if note.end == .unreachable || note.end == .connectTimeout { self.unreachable.add() }
            if note.retries > 0 { self.retries.add(note.retries) }
            self.bytesIn.add(note.bytesIn)
            self.bytesOut.add(note.bytesOut)
        }

        func note(_ note: ForwardNote) {
            self.requests.add()
            if note.reason != nil { self.refusals.add() }
            if note.retries > 0 { self.retries.add(note.retries) }
        }
    }
#endif
