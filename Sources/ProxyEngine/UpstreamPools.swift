#if os(Linux)
    import NIOCore

    /// A server's place: that of its cluster, and its own in there.
    struct ServerID: Hashable {
        let cluster: Int
        let endpoint: Int
    }

    /// The connections of one loop that nobody uses. The one that waited least is used first: the others can be closed.
    struct UpstreamPools {
        private var idle: [[[UpstreamConnection]]]

        init(_ clusters: [ResolvedCluster]) {
            self.idle = clusters.map { [[UpstreamConnection]](repeating: [], count: $0.addresses.count) }
        }

        /// How many there are.
        var count: Int { self.idle.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count } } }

        /// How many there are, of each server.
        var counts: [[Int]] { self.idle.map { $0.map(\.count) } }

        @inline(__always)
        mutating func take(_ server: ServerID) -> UpstreamConnection? {
            self.idle[server.cluster][server.endpoint].popLast()
        }

        /// Keeps a connection, if there are not too many of them.
        @inline(__always)
        mutating func put(_ connection: UpstreamConnection, most: Int) -> Bool {
            let server = connection.server
            guard self.idle[server.cluster][server.endpoint].count < most else { return false }
            self.idle[server.cluster][server.endpoint].append(connection)
            return true
        }

        mutating func remove(_ connection: UpstreamConnection) {
            let server = connection.server
            guard let place = self.idle[server.cluster][server.endpoint].firstIndex(where: { $0 === connection })
            else { return }
            self.idle[server.cluster][server.endpoint].remove(at: place)
        }

        /// Those that wait since before a time, which are in the pools no more.
        mutating func takeAged(_ isAged: (UpstreamConnection) -> Bool) -> [UpstreamConnection] {
            var aged: [UpstreamConnection] = []
            for cluster in self.idle.indices {
                for endpoint in self.idle[cluster].indices {
                    // Those that wait longest are first.
                    let count = self.idle[cluster][endpoint].prefix(while: isAged).count
                    guard count > 0 else { continue }
                    aged += self.idle[cluster][endpoint].prefix(count)
                    self.idle[cluster][endpoint].removeFirst(count)
                }
            }
            return aged
        }
    }
#endif
