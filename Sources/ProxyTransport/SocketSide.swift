#if os(Linux)
    import NIOCore
    import ProxyCore
    import SocketLoop

    /// One side of a client connection over a bare socket, whose events its loop tells once each.
    ///
    /// What is read goes out in the same turn where the other side takes it, so that the memory it was read into is used again;
    /// only what has to wait is kept.
    final class SocketSide: SideHandler, SocketHandler {
        /// How many reads follow each other before others have their turn.
        private static let readsATurn = 8
        /// What waits and is shorter than this is copied, so that it does not keep the large buffer it came in.
        private static let shortWait = SocketLoop.readSize / 4
        /// More than this waiting makes a side unwritable, until less than half of it waits.
        private static let highWater = 64 << 10

        private let loop: SocketLoop
        private var socket: Socket?
        private var ticket: SocketTicket?
        private var isConnecting = false
        private var failed: (() -> Void)?
        /// Whether there may be something to read, and room to write, for all that was told.
        private var mayRead = false
        private var mayWrite = false
        /// Whether an end or an error is behind what can be read: short reads do not mean that nothing follows.
        private var isEndNear = false
        /// Whether that is an error.
        private var isBroken = false
        /// Whether urgent data has come, at which reads stop short: they do not mean that nothing follows either.
        private var hasUrgentData = false
        private var isReading = false
        /// Whether others have their turn before more is read.
        private var awaitsTurn = false
        private var queue: [ByteBuffer] = []
        private var queued = 0
        private var writes = 0
        private var isOpenedOverTCP = false

        /// The side of a connection that was accepted.
        init(_ side: Side, _ connection: Connection, _ loop: SocketLoop, accepted socket: Socket? = nil) {
            self.loop = loop
            self.socket = socket
            super.init(side, connection)
        }

        override var addresses: (remote: SocketAddress?, local: SocketAddress?) {
            (self.socket?.remoteAddress, self.socket?.localAddress)
        }

        /// Begins with a connection that was accepted.
        func start() {
            guard let socket = self.socket else { return }
            do {
                self.ticket = try self.loop.register(socket, self)
                self.mayWrite = true
                self.becomeActive()
            } catch {
                self.hasFailed = true
                self.shut()
            }
        }

        override func connect(
            to address: SocketAddress,
            within timeout: TimeAmount,
            orElse failed: @escaping () -> Void
        ) {
            self.failed = failed
            self.isConnecting = true
            do {
                let socket = try Socket.connecting(to: address)
                self.isOpenedOverTCP = address.port != nil
                self.socket = socket
                let ticket = try self.loop.register(socket, self)
                self.ticket = ticket
                self.loop.expect(ticket, within: timeout)
            } catch {
                // Never before the caller has returned.
                self.loop.later { self.giveUpConnecting() }
            }
        }

        /// What is still open by now may stay for long, and the other end may vanish without a word.
        func isLate() {
            if self.isConnecting { self.giveUpConnecting() } else if self.isOpenedOverTCP { self.socket?.keepAlive() }
        }

        private func giveUpConnecting() {
            let failed = self.failed
            self.failed = nil
            self.connection = nil
            self.isConnecting = false
            self.letGo()
            failed?()
        }

        func ready(_ readiness: Readiness) {
            if self.isConnecting {
                guard !readiness.isDisjoint(with: [.write, .error, .hangUp]) else { return }
                if !readiness.isDisjoint(with: [.error, .hangUp]), self.socket?.pendingError != nil {
                    return self.giveUpConnecting()
                }
                self.isConnecting = false
                self.failed = nil
                self.mayWrite = true
                self.becomeActive()
            }
            if readiness.contains(.write) {
                self.mayWrite = true
                if self.queued > 0 || self.isFinishing { self.write() }
            }
            guard !readiness.isDisjoint(with: [.read, .readEnd, .urgent, .hangUp, .error]) else { return }
            self.mayRead = true
            if !readiness.isDisjoint(with: [.readEnd, .hangUp, .error]) { self.isEndNear = true }
            if readiness.contains(.error) { self.isBroken = true }
            if readiness.contains(.urgent) { self.hasUrgentData = true }
            self.read()
        }

        /// A client that has gone away is noticed whatever stands in the way: what it sent before that is in memory anyway.
        private var wantsBytes: Bool {
            guard let connection = self.connection else { return true }
            if connection.wantsBytes(self) { return true }
            guard self.side == .client, self.isEndNear else { return false }
            return self.isBroken || connection.hasRoom(for: self)
        }

        override func resumeReading() {
            if self.mayRead, !self.isReading, self.wantsBytes { self.read() }
        }

        private func read() {
            guard !self.isReading, !self.awaitsTurn else { return }
            self.isReading = true
            defer { self.isReading = false }
            var reads = 0
            while self.mayRead, let socket = self.socket, self.isActive, self.wantsBytes {
                reads += 1
                if reads > Self.readsATurn {
                    self.awaitsTurn = true
                    self.loop.nextTurn {
                        self.awaitsTurn = false
                        self.resumeReading()
                    }
                    return
                }
                switch self.loop.read(socket) {
                case .bytes(let bytes, let isAll):
                    if isAll, !self.isEndNear, !self.hasUrgentData { self.mayRead = false }
                    self.receive(bytes)
                    self.keepHeld()
                    self.connection?.flush()
                case .nothing: self.mayRead = false
                case .end:
                    self.mayRead = false
                    // After an end, a reset is read as another one.
                    if self.isBroken { self.fail() } else { self.noteEnd() }
                case .failed:
                    self.mayRead = false
                    self.fail()
                }
            }
        }

        /// What is held on for more to come.
        private func keepHeld() {
            let count = self.held.readableBytes
            if count > 0, count < Self.shortWait, self.held.storageCapacity >= SocketLoop.readSize {
                self.held = Self.copy(of: self.held)
            }
        }

        /// What is kept by others does not keep the large buffer either.
        override func takeAll() -> ByteBuffer {
            self.keepHeld()
            return super.takeAll()
        }

        private static func copy(of bytes: ByteBuffer) -> ByteBuffer {
            var copy = ByteBuffer()
            copy.writeImmutableBuffer(bytes)
            return copy
        }

        private func noteEnd() {
            self.end()
            if self.hasFinished { self.shut() }
        }

        override func send(_ bytes: ByteBuffer) -> Bool {
            guard self.isActive, !self.isFinishing else {
                return false
            }
            guard bytes.readableBytes > 0 else {
                return true
            }
            self.needsFlush = true
            if self.mayWrite { self.queue.append(bytes) } else { self.keep(bytes) }
            self.queued += bytes.readableBytes
            if self.queued > Self.highWater { self.isWritable = false }
            return true
        }

        override func flush() {
            if self.needsFlush {
                self.needsFlush = false
                self.write()
            }
        }

        private func write() {
            while self.mayWrite, self.queued > 0, let socket = self.socket {
                // The first write leaves at once anyway, and many connections have no other.
                if self.writes == 1, self.isOpenedOverTCP { socket.sendWithoutDelay() }
                self.writes += 1
                guard let count = socket.write(self.queue) else {
                    return self.loseWrites()
                }
                self.dropWritten(count)
            }
            if !self.isWritable, self.queued <= Self.highWater / 2 {
                self.isWritable = true
                self.loop.nextTurn { self.connection?.writabilityChanged() }
            }
            if self.queued == 0 { self.finishWriting() }
        }

        private func dropWritten(_ count: Int) {
            var rest = count
            self.queued -= count
            var whole = 0
            while whole < self.queue.count, rest >= self.queue[whole].readableBytes {
                rest -= self.queue[whole].readableBytes
                whole += 1
            }
            if whole == self.queue.count {
                self.queue.removeAll(keepingCapacity: true)
                return
            }
            // The kernel takes no more; it says so when it does.
            let isAll = whole == min(self.queue.count, Socket.mostPieces)
            self.queue.removeFirst(whole)
            if isAll { return }
            self.mayWrite = false
            self.queue[0].moveReaderIndex(forwardBy: rest)
            let waiting = self.queue
            self.queue = []
            for bytes in waiting { self.keep(bytes) }
        }

        /// Queues bytes that have to wait; short ones are joined.
        private func keep(_ bytes: ByteBuffer) {
            guard bytes.readableBytes < Self.shortWait else {
                self.queue.append(bytes)
                return
            }
            if let last = self.queue.indices.last, self.queue[last].storageCapacity < SocketLoop.readSize,
                self.queue[last].readableBytes + bytes.readableBytes <= Self.shortWait
            {
                self.queue[last].writeImmutableBuffer(bytes)
            } else {
                self.queue.append(Self.copy(of: bytes))
            }
        }

        /// The other end takes nothing more. What it said before that is still read: it may be the reason.
        private func loseWrites() {
            self.queue = []
            self.queued = 0
            self.mayWrite = false
            guard !self.isClosing else { return self.shut() }
            // The error was told with the write: after it, a read says no more than that there is an end.
            self.isBroken = true
            self.isEndNear = true
            self.loop.later {
                self.mayRead = true
                self.readRest()
            }
        }

        private func readRest() {
            self.isReading = true
            defer { self.isReading = false }
            while let socket = self.socket, self.isActive, self.mayRead {
                guard case .bytes(let bytes, _) = self.loop.read(socket) else { return self.fail() }
                self.receive(bytes)
                self.connection?.flush()
            }
        }

        private func finishWriting() {
            if self.isClosing {
                self.shut()
            } else if self.isFinishing, !self.hasFinished {
                self.hasFinished = true
                // Where both halves have ended, closing says it too.
                if !self.hasEnded { self.socket?.finish() }
                self.connection?.finished(self)
                if self.hasEnded { self.shut() }
            }
        }

        override func finish(silently: Bool) {
            guard self.isActive, !self.isFinishing else {
                return
            }
            self.isFinishing = true
            self.needsFlush = false
            self.write()
        }

        override func close() {
            guard !self.isClosing else {
                return
            }
            self.isClosing = true
            self.isFinishing = true
            self.needsFlush = false
            if self.isConnecting {
                self.connection = nil
                self.letGo()
            } else {
                self.write()
            }
        }

        override func reset() {
            self.isClosing = true
            if self.side != .upstream { self.socket?.resetAtClose() }
            self.shut()
        }

        private func fail() {
            self.hasFailed = true
            self.shut()
        }

        /// Closes the socket now, and tells the connection once whoever is running has returned.
        private func shut() {
            guard self.socket != nil else {
                return
            }
            self.letGo()
            self.isActive = false
            self.loop.later { self.becomeInactive() }
        }

        private func letGo() {
            if let ticket = self.ticket { self.loop.forget(ticket) }
            self.ticket = nil
            self.socket?.close()
            self.socket = nil
            self.failed = nil
            self.isConnecting = false
        }
    }
#endif
