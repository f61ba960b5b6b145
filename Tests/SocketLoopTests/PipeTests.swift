#if os(Linux)
    import Glibc
    import NIOCore
    import Testing

    @testable import SocketLoop

    @Suite("Pipes between sockets", .timeLimit(.minutes(5)))
    struct PipeTests {
        /// Two sockets that are connected with each other.
        private func pair() throws -> (Socket, Socket) {
            let listener = try Socket.listening(at: SocketAddress(ipAddress: "127.0.0.1", port: 0))
            defer { listener.close() }
            let one = try Socket.connecting(to: try #require(listener.localAddress))
            while true {
                if let other = try listener.accept() { return (one, other) }
            }
        }

        /// Waits until there is something to read.
        private func wait(_ socket: Socket) {
            var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, -1)
        }

        @Test("bytes go from one socket to another, an end is no bytes, and what is broken is told by its number")
        func passes() throws {
            // As a loop's thread does.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            let (from, into) = try self.pair()
            let (outOf, to) = try self.pair()
            let pipe = try #require(Pipe())
            #expect(pipe.fill(from: into) == .nothing)
            #expect(Array("hello".utf8).withUnsafeBytes { from.write($0) } == 5)
            self.wait(into)
            #expect(pipe.fill(from: into) == .moved(5))
            #expect(pipe.count == 5)
            #expect(pipe.empty(into: outOf) == .moved(5))
            #expect(pipe.count == 0)
            self.wait(to)
            var bytes = [UInt8](repeating: 0, count: 9)
            #expect(bytes.withUnsafeMutableBytes { to.read(into: $0) } == 5)
            #expect(bytes.prefix(5).elementsEqual("hello".utf8))
            from.finish()
            self.wait(into)
            #expect(pipe.fill(from: into) == .stopped(0))
            #expect(Array("bye".utf8).withUnsafeBytes { to.write($0) } == 3)
            self.wait(outOf)
            #expect(pipe.fill(from: outOf) == .moved(3))
            from.resetAtClose()
            from.close()
            self.wait(into)
            // A reset after an end is EPIPE; a signal would have ended this process by now.
            #expect(pipe.empty(into: into) == .stopped(EPIPE))
            #expect(pipe.count == 3)
            for socket in [into, outOf, to] { socket.close() }
        }

        @Test("what a socket does not take stays in the pipe, in order")
        func keeps() throws {
            let (from, into) = try self.pair()
            let (outOf, to) = try self.pair()
            let pipe = try #require(Pipe())
            let piece = (0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 >> 8) }
            var sent = 0
            var moved = 0
            // Until the second socket is full.
            while pipe.count == 0 {
                sent +=
                    piece.withUnsafeBytes { from.write(UnsafeRawBufferPointer(rebasing: $0[(sent % $0.count)...])) }
                    ?? 0
                guard case .moved(let count) = pipe.fill(from: into) else { continue }
                moved += count
                _ = pipe.empty(into: outOf)
            }
            #expect(pipe.empty(into: outOf) == .nothing)
            var seen = 0
            var memory = [UInt8](repeating: 0, count: 1 << 20)
            while seen < moved {
                let count = memory.withUnsafeMutableBytes { to.read(into: $0) }
                if (0..<count).contains(where: { memory[$0] != piece[(seen + $0) % piece.count] }) {
                    Issue.record("other bytes behind \(seen)")
                }
                seen += count
                _ = pipe.empty(into: outOf)
            }
            #expect(pipe.count == 0)
            for socket in [from, into, outOf, to] { socket.close() }
        }

        @Test("a pool gives back what was empty, and closes the rest")
        func pool() throws {
            var pool = PipePool()
            let (from, into) = try self.pair()
            let taken = (pool.take(), pool.take())
            let empty = try #require(taken.0)
            let full = try #require(taken.1)
            #expect(empty !== full)
            _ = Array("x".utf8).withUnsafeBytes { from.write($0) }
            self.wait(into)
            #expect(full.fill(from: into) == .moved(1))
            pool.put(empty)
            pool.put(full)
            let again = (pool.take(), pool.take())
            #expect(again.0 === empty)
            #expect(again.1 !== full && again.1?.count == 0)
            for socket in [from, into] { socket.close() }
        }

        @Test("a loop's thread does not take the signal of a broken pipe")
        func signal() async throws {
            let group = try SocketLoopGroup(numberOfLoops: 1)
            let isBlocked = try await group.loops[0].submit {
                var signals = sigset_t()
                pthread_sigmask(SIG_BLOCK, nil, &signals)
                return sigismember(&signals, SIGPIPE)
            }.get()
            #expect(isBlocked == 1)
            await group.end()
        }
    }
#endif
