#if os(Linux)
    import GatewayCore
    import HTTPWire
    import NIOCore
    import NetworkAddress
    import SocketLoop

    /// Where a request through a forward proxy goes. An object, since requests of other listeners pay for its place in the
    /// connection too: as a value it cost each of them 90 instructions of 22,300.
    final class Outward {
        let plan: ForwardPlan
        let target: ProxyTarget
        let key: Destination.Key
        /// Where the proxy itself is reached.
        let port: Int
        /// The server's addresses that have not been tried; none before they are asked for.
        var untried: ArraySlice<SocketAddress> = []

        init(plan: ForwardPlan, target: ProxyTarget, key: Destination.Key, port: Int) {
            self.plan = plan
            self.target = target
            self.key = key
            self.port = port
        }
    }

    /// Forward proxies: requests name the servers that they go to.
    extension ClientConnection {
        /// Which server a request names, and whether it may.
        func routeOutward(_ head: RequestHead, _ view: ByteView, _ plan: ForwardPlan) -> Way {
            // Whoever may not use the proxy learns nothing else of it.
            guard let client = self.socket?.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }),
                plan.rules.serves(client)
            else { return .refused(.forbiddenClient) }
            do throws(Refusal.Reason) {
                let target = try ProxyTarget(head, in: view)
                let ports = head.method == .connect ? plan.rules.connectPorts : plan.rules.ports
                guard ports.contains(target.server.port) else { return .refused(.forbiddenPort) }
                let key = Destination.Key(
                    listener: self.listener.number,
                    isNear: client.isLoopback,
                    server: target.server
                )
                let port = self.socket?.localAddress?.port ?? 0
                self.outward = Outward(plan: plan, target: target, key: key, port: port)
                self.target = target.origin
                return self.listener.outside.map(Way.cluster) ?? .none
            } catch {
                return .refused(error)
            }
        }

        /// Gets a connection to the server that the request names.
        func acquireOutward(fresh: Bool, _ cluster: LoopCluster) {
            guard let outward, let destination = self.state.destinations.find(outward.key),
                destination.enter(cluster)
            else { return self.machine.acquireFailed(.full) }
            // Behind a CONNECT there is a connection of its own.
            if !fresh, !outward.target.origin.isEmpty,
                let connection = self.state.destinations.takeIdle(destination)
            {
                connection.client = self
                self.upstream = connection
                self.trace.server = connection.label
                cluster.counts.reused.add()
                return self.machine.acquired(isReused: true)
            }
            if !outward.untried.isEmpty { return self.connectOutward(destination, cluster) }
            if let addresses = destination.known(self.state.now) {
                return self.connectOutward(destination, cluster, to: addresses)
            }
            destination.look(up: self.state, within: cluster.plan.connectTimeout) {
                outward.plan.allowed($0, isNear: outward.key.isNear, port: outward.port)
            } told: {
                self.learn($0, destination, cluster)
            }
        }

        /// The server's name has been looked up.
        private func learn(_ addresses: Destination.Addresses, _ destination: Destination, _ cluster: LoopCluster) {
            // A client that has gone meanwhile has no request any more.
            guard self.cluster === cluster, self.outward?.key == destination.key else {
                return destination.leave(cluster, self.state.now)
            }
            switch addresses {
            case .success(let addresses): self.connectOutward(destination, cluster, to: addresses)
            case .failure(let reason):
                destination.leave(cluster, self.state.now)
                self.machine.refused(reason)
            }
            self.pump()
        }

        /// Connects to the first address that has not been tried.
        private func connectOutward(
            _ destination: Destination,
            _ cluster: LoopCluster,
            to addresses: [SocketAddress] = []
        ) {
            if !addresses.isEmpty {
                let most = cluster.plan.settings.bounds.attempts
                self.outward?.untried = addresses.prefix(most)
                self.machine.attempts = min(addresses.count, most)
            }
            guard let address = self.outward?.untried.popFirst() else {
                destination.leave(cluster, self.state.now)
                return self.machine.acquireFailed(.refused)
            }
            let connection = OutwardConnection(self.state, to: destination, at: address, cluster: cluster)
            connection.client = self
            self.upstream = connection
            self.trace.server = connection.label
            connection.connect(to: address, within: cluster.plan.connectTimeout)
        }
    }
#endif
