#if os(Linux)
    import NIOCore

    /// Takes the connections of a listening socket, which other loops may listen to as well.
    public final class Acceptor: SocketHandler {
        /// How long nothing is accepted when the kernel gives no more descriptors.
        private static let pause = TimeAmount.milliseconds(100)

        /// After so many connections another loop is asked first: the kernel asks them in the order they began to wait in, and
        /// would give nearly all to the one that is first.
        private static let turn: UInt = 16

        private let loop: SocketLoop
        private let isShared: Bool
        private var count: UInt = 0
        private let socket: Socket
        private let accepted: (Socket) -> Void
        private let refused: (SocketFailure) -> Void
        private var ticket: SocketTicket?
        private var isOver = false

        /// Listens from now on, on the loop's thread.
        ///
        /// - Parameters:
        ///   - isShared: whether other loops wait for the same socket.
        ///   - accepted: is given each connection.
        ///   - refused: is told when one cannot be taken; it waits, and is tried again after 100 ms.
        public init(
            _ socket: Socket,
            on loop: SocketLoop,
            isShared: Bool,
            accepted: @escaping (Socket) -> Void,
            refused: @escaping (SocketFailure) -> Void
        ) throws {
            self.loop = loop
            self.isShared = isShared
            self.socket = socket
            self.accepted = accepted
            self.refused = refused
            try self.resume()
        }

        private func resume() throws {
            guard !self.isOver else { return }
            self.ticket = try self.loop.register(self.socket, self, [.read, .exclusive])
        }

        /// One at a time: what else waits is told again, and what is open already has its turn between.
        public func ready(_ readiness: Readiness) {
            do {
                if let connection = try self.socket.accept() { self.accepted(connection) }
                self.count &+= 1
                if self.isShared, self.count % Self.turn == 0 {
                    self.stopWaiting()
                    try self.resume()
                }
            } catch let failure as SocketFailure {
                self.refused(failure)
                self.pause()
            } catch {}
        }

        private func pause() {
            self.stopWaiting()
            self.loop.assumeIsolated().scheduleTask(in: Self.pause) {
                do { try self.resume() } catch { self.pause() }
            }
        }

        private func stopWaiting() {
            if let ticket = self.ticket { self.loop.forget(ticket, stillOpen: self.socket) }
            self.ticket = nil
        }

        /// Takes what waits already, which would see a reset when the socket is closed, and accepts nothing more; the socket
        /// stays open for the other loops.
        public func end() {
            guard !self.isOver else { return }
            self.isOver = true
            self.stopWaiting()
            while let connection = try? self.socket.accept() { self.accepted(connection) }
        }
    }
#endif
