#if os(Linux)
    import Glibc
    import HandshakeFault
    import NIOCore
    import SocketLoop
    import SocketTLS

    /// One side of a relayed connection over a bare socket, whose events its loop tells once each. Subclasses say what follows.
    ///
    /// Bytes that are sent leave at once where the kernel takes them; only the rest is copied and waits.
    class StreamSocket: SocketHandler {
        /// How many reads follow each other before others have their turn.
        static let readsATurn = 8

        let state: EngineLoop
        private(set) var socket: Socket?
        private var ticket: SocketTicket?
        /// Bytes that came in and have not been used.
        var held = ByteBuffer()
        /// Bytes that the kernel has not taken.
        private var queue = ByteBuffer()
        /// Bytes that are in a pipe, and that the kernel has not taken; see `splice(to:)`.
        private var pipe: Pipe?
        /// What stands between the socket and whoever reads and sends, over TLS.
        private var secure: TLSLayer?
        /// Whether there are no keys yet.
        private(set) var isSecuring = false
        /// Whether the machine wants no more bytes of this side for now.
        var isBlocked = false
        /// Whether the connection is still being opened.
        private(set) var isConnecting = false
        /// Whether there may be something to read, and room to write, for all that was told.
        var mayRead = false
        private var mayWrite = false
        /// Whether an end or an error is behind what can be read: short reads do not mean that nothing follows.
        private(set) var isEndNear = false
        /// Whether that is an error.
        private(set) var isBroken = false
        private var hasUrgentData = false
        private var isFinishing = false
        /// Whether the sending half has been ended, all bytes before it included.
        private(set) var hasFinished = false
        private var isClosing = false
        /// Whether the other end takes nothing more.
        private var hasLostWrites = false
        private var writes = 0
        /// Whether a byte has been read or written since somebody asked.
        private var hasMoved = false
        /// When it is looked at whether bytes that stand before a close still move.
        private var looks = NIODeadline.distantFuture
        /// How long they may stand still.
        private static let closingPatience = TimeAmount.seconds(5)

        /// A side whose connection was accepted, or will be opened.
        init(_ state: EngineLoop, accepted socket: Socket? = nil) {
            self.state = state
            self.socket = socket
        }

        /// Whether the socket is still there.
        var isOpen: Bool { self.socket != nil }
        /// Whether all that was sent has left.
        var hasRoom: Bool { self.queue.readableBytes == 0 && self.pipe == nil }

        /// Something may have become possible: to read, to write, to learn of an end.
        func turn() {}
        /// The connection that was asked for is open.
        func opened() {}
        /// The connection that was asked for did not open; the socket is gone.
        func failedToOpen(isLate: Bool) {}

        /// There are keys for TLS, or it is known why there will be none.
        func secured(_ fault: HandshakeFault?) {}

        /// Speaks TLS as a server from now on, before anything else.
        func secure(with context: TLSServerContext) throws {
            self.isSecuring = true
            self.secure = try TLSLayer(context, on: self.state.loop) { [weak self] bytes in
                bytes.withUnsafeReadableBytes { self?.put($0) }
            }
        }

        /// Waits for a connection that was accepted.
        func register() throws {
            guard let socket else { return }
            self.ticket = try self.state.loop.register(socket, self)
            self.mayWrite = true
        }

        /// Opens a connection; `opened()` or `failedToOpen(isLate:)` follows, never before the caller has returned.
        func connect(to address: SocketAddress, within timeout: TimeAmount) {
            self.isConnecting = true
            do {
                let socket = try Socket.connecting(to: address)
                self.socket = socket
                let ticket = try self.state.loop.register(socket, self)
                self.ticket = ticket
                self.state.loop.expect(ticket, within: timeout)
            } catch {
                self.state.loop.later { self.giveUpConnecting(isLate: false) }
            }
        }

        func isLate() {
            if self.isConnecting { return self.giveUpConnecting(isLate: true) }
            guard self.isClosing, self.looks <= .now() else { return }
            if self.takeMoves() { return self.lookLater() }
            self.reset()
            self.turn()
        }

        /// Whether a byte has been read or written since this was asked last.
        final func takeMoves() -> Bool {
            defer { self.hasMoved = false }
            return self.hasMoved
        }

        private func lookLater() {
            guard let ticket else { return }
            self.looks = .now() + Self.closingPatience
            self.state.loop.expect(ticket, within: Self.closingPatience)
        }

        private func giveUpConnecting(isLate: Bool) {
            guard self.isConnecting else { return }
            self.isConnecting = false
            self.letGo()
            self.failedToOpen(isLate: isLate)
        }

        func ready(_ readiness: Readiness) {
            if self.isConnecting {
                guard !readiness.isDisjoint(with: [.write, .error, .hangUp]) else { return }
                if !readiness.isDisjoint(with: [.error, .hangUp]), self.socket?.pendingError != nil {
                    return self.giveUpConnecting(isLate: false)
                }
                self.isConnecting = false
                self.mayWrite = true
                self.opened()
            }
            if readiness.contains(.write) {
                self.mayWrite = true
                if self.pipe != nil { self.sendPipe() }
                if self.queue.readableBytes > 0 { self.sendQueue() }
            }
            if !readiness.isDisjoint(with: [.read, .readEnd, .urgent, .hangUp, .error]) {
                self.mayRead = true
                if !readiness.isDisjoint(with: [.readEnd, .hangUp, .error]) { self.isEndNear = true }
                if readiness.contains(.error) { self.isBroken = true }
                if readiness.contains(.urgent) { self.hasUrgentData = true }
            }
            self.turn()
        }

        /// Reads once.
        @inline(__always)
        final func read() -> Socket.Reading {
            if let secure { return self.read(secure) }
            return self.readNow()
        }

        /// Reads once, and gives what TLS makes of it.
        private func read(_ secure: TLSLayer) -> Socket.Reading {
            if let known = self.told(secure) { return known }
            let reading = self.readNow()
            guard case .bytes(let bytes, _) = reading else {
                if case .nothing = reading { return .nothing }
                if self.isSecuring { self.endHandshake(.ended) }
                // An end that the other end did not announce may be anybody's (RFC 8446 section 6.1).
                self.isBroken = true
                return .failed(0)
            }
            secure.take(bytes)
            switch secure.stage {
            case .handshake: break
            case .failed(let fault): self.endHandshake(fault)
            case .open, .broken: self.endHandshake(nil)
            }
            return self.told(secure) ?? .nothing
        }

        private func endHandshake(_ fault: HandshakeFault?) {
            guard self.isSecuring else { return }
            self.isSecuring = false
            // Nothing is said to the client's last message. One that holds back its request for an acknowledgement (Nagle) had
            // to wait for the kernel's timer, 40 ms.
            if fault == nil { self.socket?.acknowledgeNow() }
            self.secured(fault)
        }

        /// What TLS has to say without more bytes.
        private func told(_ secure: TLSLayer) -> Socket.Reading? {
            if let bytes = secure.said() {
                // The kernel has nothing to tell of what follows.
                if secure.hasEnded || secure.stage == .broken { self.mayRead = true }
                return .bytes(bytes, isAll: true)
            }
            switch secure.stage {
            // The other end is still to read why.
            case .failed: break
            case .broken:
                self.mayRead = false
                self.isBroken = true
                return .failed(0)
            case .handshake, .open: guard secure.hasEnded else { return nil }
            }
            self.mayRead = false
            return .end
        }

        @inline(__always)
        private func readNow() -> Socket.Reading {
            guard let socket else { return .nothing }
            let reading = self.state.loop.read(socket)
            switch reading {
            case .bytes(_, let isAll):
                self.hasMoved = true
                if isAll, !self.isEndNear, !self.hasUrgentData { self.mayRead = false }
            case .nothing: self.mayRead = false
            case .end:
                self.mayRead = false
                // After an error that was told with a write, a read says no more than that there is an end.
                if self.isBroken { return .failed(0) }
            case .failed:
                self.mayRead = false
                self.isBroken = true
            }
            return reading
        }

        /// Sends bytes, now or when there is room.
        @inline(__always)
        final func send(_ bytes: UnsafeRawBufferPointer) {
            guard let secure else { return self.put(bytes) }
            guard !self.isFinishing, bytes.count > 0 else { return }
            secure.say(bytes)
        }

        /// Sends bytes as they are.
        private func put(_ bytes: UnsafeRawBufferPointer) {
            guard let socket, !self.isFinishing, !self.hasLostWrites, bytes.count > 0 else { return }
            guard self.mayWrite, self.hasRoom else {
                self.queue.writeBytes(bytes)
                return
            }
            // The first write leaves at once anyway, and many connections have no other.
            if self.writes == 1 { socket.sendWithoutDelay() }
            self.writes &+= 1
            guard let count = socket.write(bytes) else { return self.loseWrites() }
            self.hasMoved = true
            guard count < bytes.count else { return }
            self.mayWrite = false
            self.queue.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[count...]))
        }

        private func sendQueue() {
            while let socket, self.mayWrite, self.pipe == nil, self.queue.readableBytes > 0 {
                guard let count = self.queue.withUnsafeReadableBytes({ socket.write($0) }) else {
                    return self.loseWrites()
                }
                self.queue.moveReaderIndex(forwardBy: count)
                if count > 0 { self.hasMoved = true }
                if self.queue.readableBytes > 0 { self.mayWrite = false }
            }
            guard self.queue.readableBytes == 0 else { return }
            self.queue = ByteBuffer()
            self.hasSentAll()
        }

        private func hasSentAll() {
            if self.isClosing {
                self.letGo()
            } else if self.isFinishing {
                self.endWrites()
            }
        }

        /// What came of moving bytes without reading them.
        enum Splicing {
            /// So many bytes have gone to the other socket, or wait for its room in a pipe.
            case moved(Int)
            /// There is nothing for now.
            case nothing
            /// Whatever there is has to be read: an end, an error, or bytes behind urgent data.
            case mustRead
            /// The kernel gives no pipe, or does not move these sockets' bytes.
            case impossible
        }

        /// Moves what there is to another socket, which has room, through a pipe of the loop's.
        final func splice(to other: StreamSocket) -> Splicing {
            // Urgent data stops a splice as if there were nothing.
            guard let socket, !self.hasUrgentData else { return .mustRead }
            guard self.secure == nil, other.secure == nil else { return .impossible }
            guard let pipe = self.state.pipes.take() else { return .impossible }
            switch pipe.fill(from: socket) {
            case .moved(let count):
                self.hasMoved = true
                other.send(pipe)
                return .moved(count)
            case .nothing:
                self.state.pipes.put(pipe)
                guard !self.isEndNear else { return .mustRead }
                self.mayRead = false
                return .nothing
            case .stopped(let number):
                self.state.pipes.put(pipe)
                if number == EINVAL { return .impossible }
                // The kernel says an error once; the read that follows sees an end.
                if number != 0 { self.isBroken = true }
                return .mustRead
            }
        }

        /// Sends what is in a pipe, now or when there is room.
        private func send(_ pipe: Pipe) {
            guard self.socket != nil, !self.isFinishing, !self.hasLostWrites else { return }
            if self.writes <= 1 { self.socket?.sendWithoutDelay() }
            self.writes &+= 2
            self.pipe = pipe
            if self.mayWrite { self.sendPipe() }
        }

        private func sendPipe() {
            guard let socket, let pipe else { return }
            switch pipe.empty(into: socket) {
            case .moved: self.hasMoved = true
            case .nothing: break
            case .stopped: return self.loseWrites()
            }
            guard pipe.count == 0 else {
                self.mayWrite = false
                return
            }
            self.pipe = nil
            self.state.pipes.put(pipe)
            self.hasSentAll()
        }

        /// The other end takes nothing more. What it said before that is still read: it may be the reason.
        private func loseWrites() {
            self.queue = ByteBuffer()
            self.pipe = nil
            self.mayWrite = false
            self.hasLostWrites = true
            if self.isClosing { return self.letGo() }
            self.isBroken = true
            self.isEndNear = true
            self.mayRead = true
            self.state.loop.later { self.turn() }
        }

        private func endWrites() {
            guard !self.hasFinished else { return }
            self.hasFinished = true
            self.socket?.finish()
        }

        /// Ends the sending half behind the last byte.
        final func finish() {
            guard !self.isFinishing else { return }
            self.secure?.finish()
            self.isFinishing = true
            if self.hasRoom { self.endWrites() }
        }

        /// Closes the connection behind the last byte; at once where none of them moves for five seconds.
        final func close() {
            guard !self.isClosing else { return }
            if !self.isFinishing { self.secure?.finish() }
            self.isClosing = true
            self.isFinishing = true
            self.isConnecting = false
            if self.hasRoom { self.letGo() } else { self.lookLater() }
        }

        /// Whether nothing has come that nobody asked for, an end included; asks the kernel.
        final var isQuiet: Bool { self.socket?.isQuiet ?? false }

        /// Closes the connection so that the other end sees a reset.
        final func reset() {
            self.isConnecting = false
            // One that the other end has reset is gone already.
            if !self.isBroken { self.socket?.resetAtClose() }
            self.letGo()
        }

        /// Gives the socket back.
        private func letGo() {
            if let ticket = self.ticket { self.state.loop.forget(ticket) }
            self.ticket = nil
            self.secure?.end()
            self.secure = nil
            self.socket?.close()
            self.socket = nil
            self.pipe = nil
            self.isConnecting = false
        }
    }
#endif
