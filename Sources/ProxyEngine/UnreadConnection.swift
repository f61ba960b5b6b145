#if os(Linux)
    import GatewayCore
    import Logging
    import NIOCore
    import SocketLoop

    /// A client's connection whose bytes pass unread, with the server's that they go to: it runs the machine's actions.
    final class UnreadConnection: StreamSocket, AcceptedConnection {
        let listener: LoopListener
        private let cluster: LoopCluster
        private var machine: PipeMachine
        private var server: ServerSide?
        /// The server that was tried last.
        private var lastServer: ServerID?
        private(set) var expires = NIODeadline.distantFuture
        private var isPumping = false
        private var awaitsTurn = false
        private var isOver = false

        /// The connection to the server.
        private final class ServerSide: StreamSocket {
            let id: ServerID
            var client: UnreadConnection?

            init(_ state: EngineLoop, to id: ServerID, of client: UnreadConnection) {
                self.id = id
                self.client = client
                super.init(state)
            }

            override func opened() {
                self.id.cluster.connected(self.id.endpoint)
                self.id.cluster.counts.opened.add()
                self.client?.machine.acquired()
            }
            override func failedToOpen(isLate: Bool) { self.client?.serverFailed(self, isLate: isLate) }
            override func turn() { self.client?.pump() }
        }

        init(_ state: EngineLoop, _ listener: LoopListener, to cluster: LoopCluster, accepted socket: Socket) {
            self.listener = listener
            self.cluster = cluster
            let attempts = cluster.plan.settings.bounds.attempts
            self.machine = PipeMachine(attempts: attempts, readSize: SocketLoop.readSize)
            super.init(state, accepted: socket)
        }

        /// Begins.
        func start() {
            do {
                try self.register()
                self.listener.counts.connections.add()
                self.listener.counts.open.add()
                self.state.add(self)
                self.pump()
            } catch {
                self.close()
            }
        }

        override func turn() { self.pump() }

        /// Asks both sides in turn, until neither has anything to do.
        private func pump() {
            guard !self.isPumping, !self.isOver else { return }
            self.isPumping = true
            while true {
                var moved = self.advance(.client)
                if self.advance(.upstream) { moved = true }
                guard moved, !self.awaitsTurn, !self.isOver else { break }
            }
            self.isPumping = false
            self.settle()
        }

        /// Does what the machine says of what a side sends until it says to wait; whether anything was done.
        private func advance(_ side: ForwardSide) -> Bool {
            var moved = false
            var reads = 0
            while !self.isOver {
                let action = self.machine.step(side, self.readiness(side))
                if action == .wait { return moved }
                moved = true
                if action == .copy || action == .splice {
                    reads += 1
                    if reads > Self.readsATurn {
                        self.yield()
                        return true
                    }
                }
                self.run(action, side)
            }
            return moved
        }

        @inline(__always)
        private func readiness(_ side: ForwardSide) -> PipeReadiness {
            guard let server, !server.isConnecting else { return self.isBroken ? .isBroken : [] }
            let (from, other): (StreamSocket, StreamSocket) = side == .client ? (self, server) : (server, self)
            var readiness: PipeReadiness = []
            if from.mayRead { readiness.insert(.mayRead) }
            if other.hasRoom { readiness.insert(.otherHasRoom) }
            if from.isBroken { readiness.insert(.isBroken) }
            return readiness
        }

        private func run(_ action: PipeAction, _ side: ForwardSide) {
            switch action {
            case .wait: break
            case .acquire: self.acquire()
            case .copy: self.copy(side)
            case .splice: self.splice(side)
            case .finish(.client): self.finish()
            case .finish(.upstream): self.server?.finish()
            case .log: self.log()
            case .closeAll:
                self.server?.close()
                self.close()
            case .resetAll:
                self.server?.reset()
                self.reset()
            }
        }

        private func acquire() {
            guard let id = self.cluster.nextServer(after: self.lastServer?.endpoint) else {
                return self.machine.acquireFailed(.full)
            }
            self.lastServer = id
            let server = ServerSide(self.state, to: id, of: self)
            self.server = server
            server.connect(to: self.cluster.address(of: id.endpoint), within: self.cluster.plan.connectTimeout)
        }

        private func serverFailed(_ server: ServerSide, isLate: Bool) {
            guard self.server === server else { return }
            server.client = nil
            self.server = nil
            self.cluster.tryNextAddress(of: server.id.endpoint)
            self.cluster.ended(server.id.endpoint, .failed)
            self.cluster.counts.failed.add()
            self.machine.acquireFailed(isLate ? .late : .refused)
            self.pump()
        }

        private func copy(_ side: ForwardSide) {
            guard let server else { return }
            let (from, other): (StreamSocket, StreamSocket) = side == .client ? (self, server) : (server, self)
            switch from.read() {
            case .bytes(let bytes, _):
                bytes.withUnsafeReadableBytes { other.send($0) }
                self.machine.moved(bytes.readableBytes, from: side, isSpliced: false)
            case .nothing: break
            case .end: self.machine.ended(side)
            case .failed: self.machine.broke(side)
            }
        }

        private func splice(_ side: ForwardSide) {
            guard let server else { return }
            let (from, other): (StreamSocket, StreamSocket) = side == .client ? (self, server) : (server, self)
            switch from.splice(to: other) {
            case .moved(let count): self.machine.moved(count, from: side, isSpliced: true)
            case .nothing: break
            case .mustRead: self.machine.cannotSplice(side, forGood: false)
            case .impossible: self.machine.cannotSplice(side, forGood: true)
            }
        }

        /// Others have their turn before more is read.
        private func yield() {
            guard !self.awaitsTurn else { return }
            self.awaitsTurn = true
            self.state.loop.nextTurn {
                self.awaitsTurn = false
                self.pump()
            }
        }

        private func log() {
            let note = self.machine.note
            self.listener.counts.end(note)
            self.cluster.counts.end(note)
            guard note.end.isForWantOfServers else { return }
            guard let count = self.cluster.complaints.add(at: .now()) else { return }
            self.state.logger.warning(
                "no server can be connected to; clients are reset",
                metadata: [
                    "listener": "\(self.listener.plan.name)",
                    "cluster": "\(self.cluster.plan.settings.name)",
                    "reason": "\(note.end.token)",
                    "connections": "\(count)",
                ]
            )
        }

        /// What depends on where the machine now stands.
        private func settle() {
            guard !self.isOver else { return }
            guard self.isOpen else { return self.finishOff() }
            var hasMoved = self.takeMoves()
            if self.server?.takeMoves() == true { hasMoved = true }
            if hasMoved || self.expires == .distantFuture { self.expires = .now() + self.listener.plan.idleTimeout }
        }

        /// Lets go of everything.
        private func finishOff() {
            self.isOver = true
            if let server { self.cluster.ended(server.id.endpoint, .none) }
            self.server?.client = nil
            self.server = nil
            self.listener.counts.open.add(-1)
            self.state.remove(self)
        }

        func expire() {
            self.machine.idled()
            self.pump()
        }

        /// Nobody can tell when bytes that nobody reads are at an end: they go on until all are closed.
        func drain() {}

        func closeNow() {
            self.machine.drained()
            self.pump()
            guard !self.isOver else { return }
            self.reset()
            self.finishOff()
        }
    }
#endif
