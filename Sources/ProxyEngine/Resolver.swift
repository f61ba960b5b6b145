#if os(Linux)
    import Dispatch
    import NIOCore
    import Synchronization

    /// Looks up names on threads that may block, a few at once: the system's resolver has no other way (getaddrinfo(3)).
    final class Resolver: Sendable {
        /// For the whole process, whose resolver it is.
        static let shared = Resolver(atOnce: 16)

        typealias Answer = Result<[SocketAddress], any Error>

        private struct Query: Sendable {
            let host: String
            let port: Int
            let answer: @Sendable (Answer) -> Void
        }

        private struct State {
            var running = 0
            var waiting = CircularBuffer<Query>()
        }

        private let atOnce: Int
        private let addresses: @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]
        private let queue = DispatchQueue(label: "resolver", attributes: .concurrent)
        private let state = Mutex(State())

        /// A resolver that asks the system, or whoever knows `addresses`, which may block.
        init(
            atOnce: Int,
            addresses: @escaping @Sendable (String, Int) throws -> [SocketAddress] = {
                try SocketAddress.all(of: $0, port: $1)
            }
        ) {
            self.atOnce = atOnce
            self.addresses = addresses
        }

        /// Looks up all addresses of a name; `answer` is called on another thread, after whoever has asked before.
        func look(up host: String, port: Int, _ answer: @escaping @Sendable (Answer) -> Void) {
            let query = Query(host: host, port: port, answer: answer)
            let runs = self.state.withLock { state in
                guard state.running < self.atOnce else {
                    state.waiting.append(query)
                    return false
                }
                state.running += 1
                return true
            }
            if runs { self.queue.async { self.run(query) } }
        }

        private func run(_ first: Query) {
            var next: Query? = first
            while let query = next {
                query.answer(Result { try self.addresses(query.host, query.port) })
                next = self.state.withLock { state in
                    let query = state.waiting.popFirst()
                    if query == nil { state.running -= 1 }
                    return query
                }
            }
        }
    }
#endif
