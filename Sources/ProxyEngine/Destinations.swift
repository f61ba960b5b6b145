#if os(Linux)
    import NIOCore

    /// The servers that requests of one loop through forward proxies have named, as long as there is something to know of them.
    final class Destinations {
        /// So many are known at once.
        private static let most = 4_096
        /// How long one is remembered that nobody uses.
        private static let memory = TimeAmount.seconds(30)

        var resolver = Resolver.shared
        private var entries: [Destination.Key: Destination] = [:]
        /// How many connections of each listener nobody uses.
        private var idleCounts: [Int: Int] = [:]

        var isEmpty: Bool { self.entries.isEmpty }

        /// How many connections nobody uses, and how many servers are known.
        var counts: (idle: Int, known: Int) {
            (self.entries.values.reduce(0) { $0 + $1.idle.count }, self.entries.count)
        }

        /// One that is known, or is from now on; nil where so many are used that there is no room.
        func find(_ key: Destination.Key) -> Destination? {
            if let known = self.entries[key] { return known }
            if self.entries.count >= Self.most { self.forget { $0.idle.isEmpty } }
            guard self.entries.count < Self.most else { return nil }
            let destination = Destination(key)
            self.entries[key] = destination
            return destination
        }

        /// A connection to a server that nobody uses, if there is one.
        func takeIdle(_ destination: Destination) -> OutwardConnection? {
            while let connection = destination.idle.popLast() {
                self.idleCounts[destination.key.listener, default: 0] -= 1
                if connection.isUsable { return connection }
                connection.close()
            }
            return nil
        }

        /// Keeps a connection, if its listener has not too many of them.
        func put(_ connection: OutwardConnection, most: Int) -> Bool {
            let listener = connection.destination.key.listener
            guard self.idleCounts[listener, default: 0] < most else { return false }
            self.idleCounts[listener, default: 0] += 1
            connection.destination.idle.append(connection)
            return true
        }

        func remove(_ connection: OutwardConnection) {
            guard let place = connection.destination.idle.firstIndex(where: { $0 === connection }) else { return }
            connection.destination.idle.remove(at: place)
            self.idleCounts[connection.destination.key.listener, default: 0] -= 1
        }

        /// Looks at time-outs.
        func sweep(_ now: NIODeadline) {
            for destination in self.entries.values {
                destination.tellLate(now)
                // Those that wait longest are first.
                let aged = destination.idle.prefix { now - $0.idleSince >= $0.idleTimeout }
                for connection in Array(aged) {
                    self.remove(connection)
                    connection.close()
                }
            }
            self.forget { now - $0.usedAt >= Self.memory && $0.idle.isEmpty }
        }

        private func forget(_ isDone: (Destination) -> Bool) {
            self.entries = self.entries.filter { $0.value.users > 0 || !isDone($0.value) }
        }

        /// Closes the connections that nobody uses.
        func closeIdle() {
            for destination in self.entries.values {
                for connection in destination.idle {
                    self.remove(connection)
                    connection.close()
                }
            }
        }
    }
#endif
