#if os(Linux)
    public import GatewayCore
    public import Logging
    import NIOCore
    public import SocketLoop
    import Synchronization
    public import Telemetry

    /// Relays plain HTTP/1.1 by routes, and bytes of any protocol, to clusters of servers, over bare sockets: what
    /// `detour serve proxy` runs.
    ///
    /// A connection stays on the loop that accepted it, and so do the connections to servers that it uses.
    public final class Engine: Sendable {
        struct Place: Sendable {
            let loop: SocketLoop
            let box: NIOLoopBoundBox<EngineLoop>
        }

        private struct Listening: Sendable {
            let port: Int
            let stop: @Sendable () async -> Void
        }

        let settings: GatewaySettings
        private let loops: SocketLoopGroup
        private let logger: Logger
        let accessLog: AccessLog?
        let places = Mutex<[Place]>([])
        private let clusters = Mutex<[ResolvedCluster]>([])
        private let listening = Mutex<[Listening]>([])
        /// What each loop has counted.
        public let counters: [EngineCounters]

        /// An engine that does nothing until `start()`.
        ///
        /// - Parameter accessLog: where lines go, in the settings' format; it stays the caller's, to be closed after `drain`.
        public init(
            settings: GatewaySettings,
            loops: SocketLoopGroup,
            logger: Logger,
            accessLog: AccessLog? = nil
        ) {
            self.settings = settings
            self.loops = loops
            self.logger = logger
            self.accessLog = accessLog
            self.counters = loops.loops.map { _ in EngineCounters(settings) }
        }

        /// The ports that are listened at, in the settings' order.
        public var ports: [Int] { self.listening.withLock { $0.map(\.port) } }

        /// Resolves the servers' names, and listens.
        ///
        /// - Throws: `EngineError`, which names what cannot be resolved or listened at.
        public func start() async throws {
            let clusters = try self.settings.clusters.map(self.resolve)
            self.clusters.withLock { $0 = clusters }
            let counters = self.counters
            let places = self.loops.loops.enumerated().map { index, loop in
                let log = self.accessLog.map { LoopLog($0, self.settings) }
                let state = EngineLoop(loop, clusters: clusters, counters: counters[index], log: log)
                return Place(loop: loop, box: .makeBoxSendingValue(state, eventLoop: loop))
            }
            self.places.withLock { $0 = places }
            do {
                for (index, listener) in self.settings.listeners.enumerated() {
                    let listening = try await self.listen(index, listener, places)
                    self.listening.withLock { $0.append(listening) }
                    let address = "\(GatewaySettings.Endpoint(host: listener.host, port: listening.port))"
                    self.logger.info("listening", metadata: ["listener": "\(listener.name)", "address": "\(address)"])
                }
            } catch {
                await self.stopListening()
                throw error
            }
        }

        private func resolve(_ cluster: GatewaySettings.Cluster) throws -> ResolvedCluster {
            let addresses = try cluster.endpoints.map { endpoint in
                do {
                    return try SocketAddress.all(of: endpoint.host, port: endpoint.port)
                } catch {
                    throw EngineError(
                        message: """
                            the server \(endpoint) of cluster \(cluster.name) has no address; check the name, and that \
                            this machine resolves it
                            """,
                        cause: error
                    )
                }
            }
            return ResolvedCluster(cluster, addresses: addresses, logger: self.logger)
        }

        private func listen(
            _ index: Int,
            _ listener: GatewaySettings.Listener,
            _ places: [Place]
        ) async throws -> Listening {
            let logger = self.logger
            let begin = Self.beginning(listener, index, logger)
            let socket: Socket
            do {
                let address = try SocketAddress.makeAddressResolvingHost(listener.host, port: listener.port)
                socket = try Socket.listening(at: address)
            } catch {
                throw EngineError(
                    message: """
                        cannot listen at \(GatewaySettings.Endpoint(host: listener.host, port: listener.port)), which \
                        listener \(listener.name) asks for; choose a free port, above 1023 without root
                        """,
                    cause: error
                )
            }
            var acceptors: [NIOLoopBoundBox<Acceptor>] = []
            for place in places {
                let acceptor = try await place.loop.submit {
                    let state = place.box.value
                    let acceptor = try Acceptor(socket, on: state.loop, isShared: places.count > 1) { accepted in
                        begin(state, accepted)
                    } refused: { failure in
                        logger.warning("a connection waits", metadata: ["error": "\(failure)"])
                    }
                    return NIOLoopBoundBox(acceptor, eventLoop: state.loop)
                }.get()
                acceptors.append(acceptor)
            }
            let all = acceptors
            return Listening(port: socket.localAddress?.port ?? listener.port) {
                for acceptor in all { try? await acceptor.eventLoop.submit { acceptor.value.end() }.get() }
                socket.close()
            }
        }

        /// How a listener's connections begin.
        private static func beginning(
            _ listener: GatewaySettings.Listener,
            _ index: Int,
            _ logger: Logger
        ) -> @Sendable (EngineLoop, Socket) -> Void {
            if let cluster = listener.cluster {
                let plan = UnreadPlan(listener, index: index, to: cluster, logger)
                return { state, accepted in UnreadConnection(state, plan, accepted: accepted).start() }
            }
            let plan = ListenerPlan(listener, index: index)
            return { state, accepted in ClientConnection(state, plan, accepted: accepted).start() }
        }

        private func stopListening() async {
            let listening = self.listening.withLock { listening in
                defer { listening = [] }
                return listening
            }
            for one in listening { await one.stop() }
        }

        /// The servers that are to be asked whether they are well; none before `start()`.
        public var checks: [ServerCheck] { self.clusters.withLock { $0.flatMap(\.checks) } }

        /// How many clients are connected.
        public func connections() async -> Int {
            var sum = 0
            for place in self.places.withLock({ $0 }) {
                sum += (try? await place.loop.submit { place.box.value.count }.get()) ?? 0
            }
            return sum
        }

        /// Accepts nothing more, and lets each connection end once its request is answered; after `patience` those that are left
        /// are closed.
        public func drain(within patience: Duration) async {
            await self.stopListening()
            let places = self.places.withLock { $0 }
            for place in places { try? await place.loop.submit { place.box.value.drain() }.get() }
            let end = ContinuousClock.now + patience
            while await self.connections() > 0, ContinuousClock.now < end {
                try? await Task.sleep(for: .milliseconds(50))
            }
            for place in places { try? await place.loop.submit { place.box.value.closeAll() }.get() }
        }
    }

    /// Why an engine cannot start.
    public struct EngineError: Error, CustomStringConvertible {
        /// What, where, and the mend.
        public let message: String
        /// What the system said.
        public let cause: any Error

        /// The message, and the cause behind it.
        public var description: String { "\(self.message) (\(self.cause))" }
    }
#endif
