#if os(Linux)
    import CEpoll
    import NIOCore

    /// Loops that share the work.
    public final class SocketLoopGroup: Sendable {
        /// One loop a core, for the whole process; nil when the kernel gives no more descriptors.
        public static let shared = try? SocketLoopGroup(numberOfLoops: coreCount)

        /// How many cores this process may use: two loops on one core are in each other's way.
        private static var coreCount: Int {
            let allowed = Int(detour_allowed_cores())
            return allowed > 0 ? min(allowed, System.coreCount) : System.coreCount
        }

        /// The loops.
        public let loops: [SocketLoop]

        /// So many loops, each on a thread of its own.
        ///
        /// - Throws: `SocketFailure` when the kernel gives no more descriptors.
        public init(numberOfLoops: Int) throws {
            self.loops = try (0..<numberOfLoops).map { try SocketLoop(name: "SOCKETS-\($0)") }
        }

        /// Ends the loops behind the tasks they have.
        public func end() async {
            for loop in self.loops {
                await withCheckedContinuation { continuation in loop.end { continuation.resume() } }
            }
        }
    }
#else
    /// Loops that share the work: epoll(7) is Linux's, so there are none here.
    public final class SocketLoopGroup: Sendable {
        /// None.
        public static let shared: SocketLoopGroup? = nil
    }
#endif
