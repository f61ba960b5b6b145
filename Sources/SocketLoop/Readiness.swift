#if os(Linux)
    import CEpoll

    /// What epoll(7) says of a descriptor.
    public struct Readiness: OptionSet, Sendable {
        /// The bits, as epoll_ctl(2) has them.
        public let rawValue: UInt32

        /// Readiness from its bits.
        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Bytes, or a connection, or an end can be read.
        public static let read = Readiness(rawValue: EPOLLIN.rawValue)
        /// Bytes can be written, or the connection is open.
        public static let write = Readiness(rawValue: EPOLLOUT.rawValue)
        /// The other end has ended its sending half.
        public static let readEnd = Readiness(rawValue: EPOLLRDHUP.rawValue)
        /// Both halves have ended.
        public static let hangUp = Readiness(rawValue: EPOLLHUP.rawValue)
        /// The connection was reset, or could not be opened.
        public static let error = Readiness(rawValue: EPOLLERR.rawValue)

        /// There is urgent data (RFC 9293 section 3.8.5): reads stop short at it.
        public static let urgent = Readiness(rawValue: EPOLLPRI.rawValue)

        /// Said once for each change, and not again while nothing changes.
        static let edgeTriggered = Readiness(rawValue: EPOLLET.rawValue)
        /// Said to one of the loops that wait for the same descriptor.
        static let exclusive = Readiness(rawValue: EPOLLEXCLUSIVE.rawValue)
    }

    /// Whose descriptor a loop waits for.
    public protocol SocketHandler: AnyObject {
        /// Something has happened at the descriptor. Only ever on the loop's thread.
        func ready(_ readiness: Readiness)

        /// What was to happen by a time has not: see `SocketLoop.expect(_:within:)`.
        func isLate()
    }

    extension SocketHandler {
        /// Nothing is expected by any time.
        public func isLate() {}
    }
#endif
