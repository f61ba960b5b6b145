#if os(Linux)
    import GatewayCore
    import NIOCore
    import NetworkAddress
    import SocketLoop

    /// A forward proxy's settings, as its connections use them.
    struct ForwardPlan: Sendable {
        let rules: ForwardRules
        /// The place among the clusters of what it reaches.
        let cluster: Int
        /// The one address that is listened at; nil for several.
        private let address: IPAddress?

        /// The plan of a listener; nil where that is no forward proxy.
        init?(_ settings: GatewaySettings, listener index: Int) {
            let listener = settings.listeners[index]
            guard let rules = listener.forward, let cluster = settings.forwardCluster(ofListener: index) else {
                return nil
            }
            self.rules = rules
            self.cluster = cluster
            self.address = IPAddress(listener.host).flatMap { $0.isUnspecified ? nil : $0 }
        }

        /// Which of a name's addresses a client may have connected to, or why none.
        ///
        /// - Parameters:
        ///   - isNear: whether the client is on this machine.
        ///   - port: where the proxy itself is reached.
        func allowed(_ addresses: [SocketAddress], isNear: Bool, port: Int) -> Result<[SocketAddress], Refusal.Reason> {
            var reason = Refusal.Reason.forbiddenAddress
            let allowed = addresses.filter { address in
                guard let text = address.ipAddress, let ip = IPAddress(text) else { return false }
                guard isNear || !ForwardRules.isNear(ip) else { return false }
                guard address.port != port || !self.isOwn(ip, address) else {
                    reason = .ownAddress
                    return false
                }
                return true
            }
            return allowed.isEmpty ? .failure(reason) : .success(allowed)
        }

        private func isOwn(_ ip: IPAddress, _ address: SocketAddress) -> Bool {
            // Connecting to the unspecified address is connecting to the loopback.
            self.address.map { $0 == ip || (ip.isUnspecified && $0.isLoopback) } ?? Socket.isOfThisMachine(address)
        }
    }
#endif
