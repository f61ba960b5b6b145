#if os(Linux)
    import Glibc
    import NIOCore
    import Synchronization
    import Testing

    @testable import SocketLoop

    @Suite("The loop over bare sockets", .timeLimit(.minutes(5)))
    struct SocketLoopTests {
        private func run(_ body: (SocketLoop) async throws -> Void) async throws {
            let group = try SocketLoopGroup(numberOfLoops: 1)
            var failure: (any Error)?
            do { try await body(group.loops[0]) } catch { failure = error }
            await group.end()
            if let failure { throw failure }
        }

        @Test("tasks run on the loop's thread, in order, from wherever they come")
        func tasks() async throws {
            try await self.run { loop in
                #expect(!loop.inEventLoop)
                let order = Mutex<[Int]>([])
                for number in 0..<1_000 { loop.execute { order.withLock { $0.append(number) } } }
                #expect(try await loop.submit { loop.inEventLoop }.get())
                #expect(order.withLock { $0 } == Array(0..<1_000))
                // From the loop itself, behind what runs now.
                let inner: [Int] = try await loop.submit {
                    let seen = Mutex<[Int]>([])
                    loop.execute { seen.withLock { $0.append(2) } }
                    seen.withLock { $0.append(1) }
                    return seen.withLock { $0 }
                }.get()
                #expect(inner == [1])
                await #expect(throws: ChannelError.self) {
                    try await loop.submit { throw ChannelError.eof }.get()
                }
            }
        }

        @Test("timers run in their order, and a cancelled one never, from whichever thread")
        func timers() async throws {
            try await self.run { loop in
                let order = Mutex<[Int]>([])
                let last = loop.scheduleTask(in: .milliseconds(30)) { order.withLock { $0.append(3) } }
                let cancelled = loop.scheduleTask(in: .milliseconds(10)) { order.withLock { $0.append(9) } }
                let first = loop.scheduleTask(in: .milliseconds(5)) { order.withLock { $0.append(1) } }
                cancelled.cancel()
                try await loop.submit {
                    let inner = loop.scheduleTask(in: .milliseconds(1)) { order.withLock { $0.append(9) } }
                    inner.cancel()
                }.get()
                try await first.futureResult.get()
                try await last.futureResult.get()
                #expect(order.withLock { $0 } == [1, 3])
                await #expect(throws: EventLoopError.self) { try await cancelled.futureResult.get() }
            }
        }

        @Test("a socket that nobody listens for is told as an error, and one that is taken as open")
        func connecting() async throws {
            try await self.run { loop in
                let listener = try Socket.listening(at: SocketAddress(ipAddress: "127.0.0.1", port: 0))
                let address = try #require(listener.localAddress)
                #expect(try await Self.outcome(of: address, on: loop) == nil)
                listener.close()
                // Nobody can listen at port 0.
                let nobody = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
                #expect(try await Self.outcome(of: nobody, on: loop) == ECONNREFUSED)
            }
        }

        @Test("who waits to be accepted when that ends is taken, and sees no reset")
        func waitingAtTheEnd() async throws {
            try await self.run { loop in
                let listener = try Socket.listening(at: SocketAddress(ipAddress: "127.0.0.1", port: 0))
                let address = try #require(listener.localAddress)
                let accepted = try await loop.submit {
                    let taken = Mutex<[Socket]>([])
                    let acceptor = try Acceptor(listener, on: loop, isShared: false) { socket in
                        taken.withLock { $0.append(socket) }
                    } refused: { _ in
                    }
                    // The loop has no turn in between, so all of them wait.
                    let clients = try (0..<5).map { _ in try Socket.connecting(to: address) }
                    acceptor.end()
                    acceptor.end()
                    for client in clients { client.close() }
                    return taken.withLock { $0.count }
                }.get()
                #expect(accepted == 5)
                listener.close()
            }
        }

        private static func outcome(of address: SocketAddress, on loop: SocketLoop) async throws -> Int32? {
            final class Once: SocketHandler {
                let socket: Socket
                let answer: EventLoopPromise<Int32?>
                init(_ socket: Socket, _ answer: EventLoopPromise<Int32?>) {
                    self.socket = socket
                    self.answer = answer
                }
                func ready(_ readiness: Readiness) {
                    self.answer.succeed(self.socket.pendingError)
                }
            }
            let answer = loop.makePromise(of: Int32?.self)
            let socket = try Socket.connecting(to: address)
            defer { socket.close() }
            try await loop.submit { _ = try loop.register(socket, Once(socket, answer)) }.get()
            return try await answer.futureResult.get()
        }
    }
#endif
