#if os(Linux)
    import GatewayCore
    import HandshakeFault
    import HTTPWire
    import NIOCore
    import ProxyCore
    import SocketLoop

    /// A client's connection, with the server's that its request is on: it runs the machine's actions.
    final class ClientConnection: StreamSocket, AcceptedConnection {
        let listener: LoopListener
        /// The cluster that takes the latest request.
        var cluster: LoopCluster?
        var machine: ForwardMachine
        var upstream: UpstreamConnection?
        /// The server that the latest try of a request went to.
        var lastServer: ServerID?
        /// The request's target in its normal form, where it came in another; else empty.
        var target: [UInt8] = []
        /// Where a request through a forward proxy goes.
        var outward: Outward?
        /// A request that may be sent once more.
        var kept = ByteBuffer()
        var trace = RequestTrace()
        /// The client's address, as the access log has it.
        private(set) var address: [UInt8] = []
        /// When `expire()` is due.
        private(set) var expires = NIODeadline.distantFuture
        private var armed: ForwardDeadline?
        private var armedTurn: UInt = 0
        /// How long an idle connection may still ask once all are to end: what is on its way arrives.
        private static let drainPatience = TimeAmount.seconds(1)
        private var isPumping = false
        /// Which sides of a tunnel are spliced.
        var bulk: Bulk = []
        private var awaitsTurn = false
        private var isOver = false

        init(_ state: EngineLoop, _ listener: LoopListener, accepted socket: Socket) {
            self.listener = listener
            self.machine = ForwardMachine(headLimit: listener.plan.headLimit, isProxy: listener.plan.forward != nil)
            super.init(state, accepted: socket)
        }

        /// Begins.
        func start() {
            do {
                if let tls = self.listener.plan.tls { try self.secure(with: tls) }
                try self.register()
                if let words = self.state.log?.words {
                    self.address = self.socket?.remoteAddress.map { words.address($0) } ?? words.none
                }
                self.listener.counts.connections.add()
                self.listener.counts.open.add()
                self.state.add(self)
                self.settle()
            } catch {
                self.close()
            }
        }

        override func turn() { self.pump() }

        override func secured(_ fault: HandshakeFault?) {
            self.listener.counts.handshakes.add()
            if fault != nil { self.listener.counts.failedHandshakes.add() }
            // The head has a time of its own.
            self.armed = nil
        }

        /// Asks both sides in turn, until neither has anything to do.
        func pump() {
            guard !self.isPumping, !self.isOver else { return }
            self.isPumping = true
            self.state.now = .now()
            if self.isBroken, self.hasNothingToSay { self.machine.clientReset() }
            while true {
                var moved = self.advanceClient()
                if self.advanceUpstream() { moved = true }
                guard moved, !self.isOver else { break }
            }
            self.isPumping = false
            self.settle()
        }

        /// Whether a reset has come while nothing is read: nobody is there for the answer.
        private var hasNothingToSay: Bool { self.isBlocked || !self.mayRead }

        private func advanceClient() -> Bool {
            var moved = self.feedHeld(self, .client)
            var reads = 0
            while self.mayRead, !self.isBlocked, !self.isOver, self.takesBytes {
                reads += 1
                if reads > Self.readsATurn {
                    self.yield()
                    return false
                }
                moved = true
                if self.splice(.client) { continue }
                switch self.read() {
                case .bytes(let bytes, let isAll):
                    if !isAll { self.beginBulk(.client) }
                    self.take(bytes, self, .client)
                case .nothing: continue
                case .end:
                    self.machine.clientEnded()
                    _ = self.feedHeld(self, .client)
                case .failed:
                    self.machine.clientReset()
                    _ = self.feedHeld(self, .client)
                }
            }
            return moved
        }

        /// Whether what the client sends can go somewhere: to the server, or, where there is none, into answers of our own.
        private var takesBytes: Bool { self.upstream?.hasRoom ?? (self.hasRoom || self.machine.discards) }

        private func advanceUpstream() -> Bool {
            guard let upstream = self.upstream, !upstream.isConnecting else { return false }
            var moved = self.feedHeld(upstream, .upstream)
            var reads = 0
            while self.upstream === upstream, upstream.mayRead, !upstream.isBlocked, !self.isOver, self.hasRoom {
                reads += 1
                if reads > Self.readsATurn {
                    self.yield()
                    return false
                }
                moved = true
                if self.splice(.upstream) { continue }
                switch upstream.read() {
                case .bytes(let bytes, let isAll):
                    if !isAll { self.beginBulk(.upstream) }
                    self.take(bytes, upstream, .upstream)
                case .nothing: continue
                case .end:
                    self.machine.upstreamEnded()
                    _ = self.feedHeld(upstream, .upstream)
                case .failed:
                    self.machine.upstreamReset()
                    _ = self.feedHeld(upstream, .upstream)
                }
            }
            return moved
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

        /// Uses what was read; what is not used now is copied, so that the memory it came in is used again.
        @inline(__always)
        private func take(_ bytes: ByteBuffer, _ side: StreamSocket, _ which: ForwardSide) {
            guard side.held.readableBytes == 0 else {
                // Otherwise a buffer that is never quite empty keeps all it ever held.
                if side.held.readerIndex > 0 { side.held.discardReadBytes() }
                side.held.writeImmutableBuffer(bytes)
                _ = self.feedHeld(side, which)
                return
            }
            bytes.withUnsafeReadableBytes { raw in
                let used = self.feed(which, raw)
                if used < raw.count { side.held.writeBytes(UnsafeRawBufferPointer(rebasing: raw[used...])) }
            }
        }

        /// Asks what to do with the bytes held for a side, or with none; whether any were used.
        private func feedHeld(_ side: StreamSocket, _ which: ForwardSide) -> Bool {
            let count = side.held.readableBytes
            guard count > 0 else {
                _ = self.feed(which, UnsafeRawBufferPointer(start: nil, count: 0))
                return false
            }
            // Whoever is fed may hold new bytes by the time it returns; these are its own until then.
            var held = side.held
            side.held = ByteBuffer()
            let used = held.withUnsafeReadableBytes { self.feed(which, $0) }
            held.moveReaderIndex(forwardBy: used)
            if held.readableBytes > 0 { side.held = held }
            return used > 0
        }

        /// Ends the connection once nothing is lost by it.
        func drain() {
            self.machine.drain()
            self.armed = nil
            self.pump()
        }

        /// Ends the connection whatever it does.
        func closeNow() {
            self.machine.clientReset()
            self.pump()
            self.reset()
            self.finishOff()
        }

        /// The deadline that was waited for has passed.
        func expire() {
            guard let armed = self.armed else { return }
            self.armed = nil
            self.expires = .distantFuture
            if self.isSecuring {
                self.secured(.ended)
                return self.closeNow()
            }
            self.machine.deadlinePassed(armed, isServerFull: self.upstream?.hasRoom == false)
            self.pump()
        }

        /// What depends on where the machine now stands.
        private func settle() {
            guard !self.isOver else { return }
            guard self.isOpen else { return self.finishOff() }
            var hasMoved = self.takeMoves()
            if self.upstream?.takeMoves() == true { hasMoved = true }
            var wanted = self.machine.deadline
            // The client's time to read its last answer starts when it has all been sent.
            if wanted == .linger, !self.hasFinished { wanted = .stall }
            if wanted == .head, self.trace.headSince == nil { self.trace.headSince = self.state.now }
            // A handshake has as long as a head, from its beginning.
            if self.isSecuring { wanted = .head }
            let isAnother = wanted != self.armed || self.machine.turn != self.armedTurn
            guard isAnother || (hasMoved && (wanted == .stall || wanted == .tunnel)) else { return }
            self.armed = wanted
            self.armedTurn = self.machine.turn
            self.expires = wanted.map { self.state.now + self.patience($0) } ?? .distantFuture
        }

        /// Whether it is to end as soon as nothing is lost by it.
        private var isLast: Bool { self.state.isDraining || self.listener.isRetired }

        private func patience(_ deadline: ForwardDeadline) -> TimeAmount {
            switch deadline {
            case .head: self.listener.plan.headTimeout
            case .idle: self.isLast ? Self.drainPatience : self.listener.plan.idleTimeout
            case .stall: self.listener.plan.stallTimeout
            case .tunnel:
                self.listener.plan.forward.map { TimeAmount($0.rules.tunnelIdle) } ?? self.listener.plan.stallTimeout
            case .linger: self.listener.plan.lingerTimeout
            case .response: self.cluster?.plan.responseTimeout ?? .seconds(60)
            }
        }

        /// Lets go of everything.
        func finishOff() {
            guard !self.isOver else { return }
            self.isOver = true
            self.releaseUpstream(keep: false)
            self.listener.counts.open.add(-1)
            self.state.remove(self)
        }
    }
#endif
