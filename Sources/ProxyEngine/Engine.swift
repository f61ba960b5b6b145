#if os(Linux)
    public import GatewayCore
    public import Logging
    import NIOCore
    import NIOPosix
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

        /// What the engine works by.
        private struct Work {
            var settings: GatewaySettings
            var plan = EnginePlan()
            /// In the settings' order.
            var listening: [Listening] = []
            var nextNumber: EnginePlan.Number = 0
        }

        private let work: Mutex<Work>
        let loops: SocketLoopGroup
        let logger: Logger
        let accessLog: AccessLog?
        let places = Mutex<[Place]>([])
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
            self.work = Mutex(Work(settings: settings))
            self.loops = loops
            self.logger = logger
            self.accessLog = accessLog
            self.counters = loops.loops.map { _ in EngineCounters() }
        }

        /// What it works by.
        public var settings: GatewaySettings { self.work.withLock { $0.settings } }

        /// The ports that are listened at, in the settings' order.
        public var ports: [Int] { self.work.withLock { $0.listening.map(\.port) } }

        /// The servers that are to be asked whether they are well; none before `start()`.
        public var checks: [ServerCheck] { self.work.withLock { $0.plan.clusters.flatMap(\.checks) } }

        /// Resolves the servers' names, and listens.
        ///
        /// - Throws: `EngineError`, which names what cannot be resolved or listened at.
        public func start() async throws {
            let rules = self.settings.accessLog
            let places = self.loops.loops.enumerated().map { index, loop in
                let log = self.accessLog.map { LoopLog($0, rules?.format ?? .text) }
                let state = EngineLoop(loop, counters: self.counters[index], log: log, logger: self.logger)
                return Place(loop: loop, box: .makeBoxSendingValue(state, eventLoop: loop))
            }
            self.places.withLock { $0 = places }
            try await self.adopt(self.settings)
        }

        /// Works by other settings from now on, or, where that cannot be, goes on as before.
        ///
        /// Sockets that are listened at in both stay open, and so do their connections: the next request of each goes by the new
        /// settings. Clusters that are the same, names resolved anew, keep their connections; of others, servers that are in both
        /// stay as well or ill as they were thought to be. Listeners that are gone take no connection any more, and theirs end
        /// once what is under way has been answered; bytes that pass unread go on to their own end.
        ///
        /// One call at a time, and none beside `drain`.
        ///
        /// - Throws: `EngineError`, which names what cannot be resolved or listened at.
        public func adopt(_ settings: GatewaySettings) async throws {
            var (present, number) = self.work.withLock { ($0, $0.nextNumber) }
            var plan = EnginePlan()
            let before = present.plan.clusters
            // Names may take seconds.
            plan.clusters = try await NIOThreadPool.singleton.runIfActive {
                try settings.allClusters.map { try self.resolve($0, before) }
            }
            var listening: [Listening] = []
            var added: [Listening] = []
            do {
                for (index, listener) in settings.listeners.enumerated() {
                    let place = present.listening.firstIndex { $0.serves(listener) }
                    var one: Listening
                    if let place {
                        one = present.listening.remove(at: place)
                        one.listener = listener
                    } else {
                        one = try Listening(listener, number: number)
                        added.append(one)
                        number += 1
                    }
                    listening.append(one)
                    plan.listeners[one.number] = .init(
                        number: one.number,
                        plan: ListenerPlan(
                            listener,
                            forward: ForwardPlan(settings, listener: index),
                            tls: try plan.context(of: listener, before: present.plan)
                        )
                    )
                }
            } catch {
                for one in added { one.socket.close() }
                throw error
            }
            try await self.put(plan)
            do {
                for index in listening.indices where listening[index].acceptors.isEmpty {
                    try await self.accept(&listening[index])
                }
            } catch {
                try await self.put(self.work.withLock { $0.plan })
                for one in listening where added.contains(where: { $0.number == one.number }) { await one.stop() }
                throw error
            }
            self.work.withLock {
                $0 = Work(settings: settings, plan: plan, listening: listening, nextNumber: number)
            }
            for gone in present.listening { await gone.stop() }
            for one in added { self.tell(one) }
            for counters in self.counters { counters.keep(settings) }
        }

        private func tell(_ one: Listening) {
            let address = "\(GatewaySettings.Endpoint(host: one.listener.host, port: one.port))"
            self.logger.info("listening", metadata: ["listener": "\(one.listener.name)", "address": "\(address)"])
        }

        private func put(_ plan: EnginePlan) async throws {
            for place in self.places.withLock({ $0 }) {
                try await place.loop.submit { place.box.value.adopt(plan) }.get()
            }
        }

        private func resolve(_ cluster: GatewaySettings.Cluster, _ present: [ResolvedCluster]) throws -> ResolvedCluster
        {
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
            let before = present.first { $0.settings.name == cluster.name }
            // Resolvers answer in any order.
            if let before, before.settings == cluster, before.addresses.map(Set.init) == addresses.map(Set.init) {
                return before
            }
            return ResolvedCluster(cluster, addresses: addresses, before: before, logger: self.logger)
        }

        private func accept(_ listening: inout Listening) async throws {
            let places = self.places.withLock { $0 }
            let (number, socket, logger) = (listening.number, listening.socket, self.logger)
            for place in places {
                let acceptor = try await place.loop.submit {
                    let state = place.box.value
                    let acceptor = try Acceptor(socket, on: state.loop, isShared: places.count > 1) { accepted in
                        state.accept(accepted, at: number)
                    } refused: { failure in
                        logger.warning("a connection waits", metadata: ["error": "\(failure)"])
                    }
                    return NIOLoopBoundBox(acceptor, eventLoop: state.loop)
                }.get()
                listening.acceptors.append(acceptor)
            }
        }

        private func stopListening() async {
            let listening = self.work.withLock { work in
                defer { work.listening = [] }
                return work.listening
            }
            for one in listening { await one.stop() }
        }

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
