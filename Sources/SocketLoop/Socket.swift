#if os(Linux)
    import CEpoll
    import Glibc
    public import NIOCore

    /// A socket that never blocks, by its number. A plain value: who opened it closes it.
    public struct Socket: Hashable, Sendable {
        /// What a read gave.
        public enum Reading {
            /// Bytes; `isAll` when there were no more at that moment.
            case bytes(ByteBuffer, isAll: Bool)
            /// The other end has ended its sending half.
            case end
            /// Nothing for now.
            case nothing
            /// The connection is broken, by errno(3).
            case failed(Int32)
        }

        /// Its number.
        public let descriptor: Int32

        init(descriptor: Int32) {
            self.descriptor = descriptor
        }

        /// A socket whose connection to `address` is being opened.
        public static func connecting(to address: SocketAddress) throws -> Socket {
            let socket = try Socket.open(address)
            let result = address.withSockAddr { Glibc.connect(socket.descriptor, $0, socklen_t($1)) }
            guard result == 0 || errno == EINPROGRESS else {
                let failure = SocketFailure(errno: errno, doing: "connect to \(address)")
                socket.close()
                throw failure
            }
            return socket
        }

        /// A socket that listens at `address`; what it accepts inherits that it sends without delays and with keep-alive.
        public static func listening(at address: SocketAddress, backlog: Int32 = 4_096) throws -> Socket {
            let socket = try Socket.open(address)
            socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
            socket.sendWithoutDelay()
            socket.keepAlive()
            let result = address.withSockAddr { bind(socket.descriptor, $0, socklen_t($1)) }
            guard result == 0, listen(socket.descriptor, backlog) == 0 else {
                let failure = SocketFailure(errno: errno, doing: "listen at \(address)")
                socket.close()
                throw failure
            }
            return socket
        }

        /// Whether an address is one of this machine's: others cannot be bound.
        public static func isOfThisMachine(_ address: SocketAddress) -> Bool {
            guard let socket = try? Socket.open(address) else { return false }
            defer { socket.close() }
            var address = address
            address.port = 0
            return address.withSockAddr { bind(socket.descriptor, $0, socklen_t($1)) } == 0
        }

        private static func open(_ address: SocketAddress) throws -> Socket {
            let family: Int32 =
                switch address {
                case .v4: AF_INET
                case .v6: AF_INET6
                case .unixDomainSocket: AF_UNIX
                }
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let descriptor = socket(family, kind, 0)
            guard descriptor >= 0 else { throw SocketFailure(errno: errno, doing: "open a socket") }
            return Socket(descriptor: descriptor)
        }

        /// The next connection that waits here; nil when there is none, a failure when it cannot be taken.
        func accept() throws -> Socket? {
            let result = detour_accept(self.descriptor)
            guard result < 0 else { return Socket(descriptor: result) }
            switch -result {
            // One that was reset while it waited is told of as its reset.
            case EAGAIN, EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT: return nil
            default: throw SocketFailure(errno: -result, doing: "accept a connection")
            }
        }

        /// Lets the other end see a reset when this one is closed.
        public func resetAtClose() {
            var option = linger(l_onoff: 1, l_linger: 0)
            _ = setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }

        /// Sends small pieces at once, over TCP (RFC 9293 section 3.7.4).
        public func sendWithoutDelay() {
            self.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }

        /// Acknowledges what has come at once, once (tcp(7), `TCP_QUICKACK`).
        public func acknowledgeNow() {
            self.set(Int32(IPPROTO_TCP), TCP_QUICKACK, 1)
        }

        /// Asks now and then whether the other end is still there.
        public func keepAlive() {
            self.set(SOL_SOCKET, SO_KEEPALIVE, 1)
        }

        /// Ends the sending half.
        public func finish() {
            shutdown(self.descriptor, Int32(SHUT_WR))
        }

        /// Gives it back to the kernel.
        public func close() {
            Glibc.close(self.descriptor)
        }

        /// The error that waits here; nil when there is none.
        public var pendingError: Int32? {
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            let result = getsockopt(self.descriptor, SOL_SOCKET, SO_ERROR, &value, &length)
            return result == 0 && value == 0 ? nil : (result == 0 ? value : errno)
        }

        private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
            var value = value
            _ = setsockopt(self.descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }
#endif
