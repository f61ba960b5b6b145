#if os(Linux)
    import GatewayCore
    import NIOCore
    import SocketLoop

    /// A server that a request through a forward proxy has named, as one loop knows it: its addresses, and connections to it.
    final class Destination {
        /// Listeners share nothing, and neither do clients of this machine with others, who may not reach the same addresses.
        struct Key: Hashable {
            let listener: Int
            let isNear: Bool
            let server: GatewaySettings.Endpoint
        }

        typealias Addresses = Result<[SocketAddress], Refusal.Reason>

        /// How long addresses are used: the system does not say how long they hold.
        private static let freshness = TimeAmount.seconds(30)

        let key: Key
        /// Requests that are under way to it, or wait for its addresses.
        var users = 0
        /// When there was one last.
        var usedAt = NIODeadline.now()
        var idle: [OutwardConnection] = []
        private var addresses: [SocketAddress] = []
        private var learntAt = NIODeadline.now()
        private var isLooking = false
        private var waiting: [(deadline: NIODeadline, told: (Addresses) -> Void)] = []

        init(_ key: Key) { self.key = key }

        /// Its addresses, where they are known, the one that worked last first; nil where they have to be looked up.
        func known(_ now: NIODeadline) -> [SocketAddress]? {
            self.addresses.isEmpty || now - self.learntAt >= Self.freshness ? nil : self.addresses
        }

        /// Looks its addresses up, and tells once, not before the caller has returned.
        ///
        /// - Parameter allowed: which of them may be used.
        func look(
            up state: EngineLoop,
            within timeout: TimeAmount,
            allowed: @escaping ([SocketAddress]) -> Addresses,
            told: @escaping (Addresses) -> Void
        ) {
            self.waiting.append((.now() + timeout, told))
            guard !self.isLooking else { return }
            self.isLooking = true
            let loop = state.loop
            if let address = try? SocketAddress(ipAddress: self.key.server.host, port: self.key.server.port) {
                return loop.later { self.learn(allowed([address])) }
            }
            let bound = NIOLoopBound((destination: self, allowed: allowed), eventLoop: loop)
            state.destinations.resolver.look(up: self.key.server.host, port: self.key.server.port) { answer in
                loop.execute {
                    bound.value.destination.learn(answer.mapError { _ in .nameUnknown }.flatMap(bound.value.allowed))
                }
            }
        }

        private func learn(_ addresses: Addresses) {
            self.isLooking = false
            self.learntAt = .now()
            self.addresses = (try? addresses.get()) ?? []
            let waiting = self.waiting
            self.waiting = []
            for one in waiting { one.told(addresses) }
        }

        /// Tells those who have waited for too long.
        func tellLate(_ now: NIODeadline) {
            let late = self.waiting.filter { $0.deadline <= now }
            guard !late.isEmpty else { return }
            self.waiting.removeAll { $0.deadline <= now }
            for one in late { one.told(.failure(.nameTimeout)) }
        }

        /// An address has not worked: others come first from now on.
        func failed(_ address: SocketAddress) {
            guard self.addresses.first == address else { return }
            self.addresses.append(self.addresses.removeFirst())
        }
    }
#endif
