#if os(Linux)
    import NIOCore
    import ProxyCore
    import Testing

    @testable import PeerTestSupport
    @testable import ProxyTransport
    @testable import SocketLoop

    @Suite("Floods of requests, over real sockets", .timeLimit(.minutes(5)))
    struct FloodTests {
        @Test("that always come with the beginning of the next: no more is held than a read and a head")
        func pipelining() async throws {
            let request = "GET /a HTTP/1.1\r\nhost: x\r\na: \(String(repeating: "a", count: 40_000))\r\n\r\n"
            let (first, second) = (String(request.prefix(20_000)), String(request.dropFirst(20_000)))
            let loops = try SocketLoopGroup(numberOfLoops: 1)
            try await Harness.$sockets.withValue(loops) {
                try await Harness.run { harness in
                    let client = try await harness.connect()
                    let origin = try await harness.origin.accept()
                    try await client.write(first + second + first)
                    for _ in 0..<100 {
                        await origin.text(request)
                        origin.drop(request.utf8.count)
                        try await origin.write(ok("1"))
                        await client.text(ok("1"))
                        client.drop(ok("1").utf8.count)
                        try await client.write(second + first)
                    }
                    let most = try await Self.mostHeld(loops)
                    #expect((1...(256 << 10)).contains(most))
                    try await client.close()
                }
            }
            await loops.end()
        }

        /// The most memory that one side has for bytes that came in and were not used.
        private static func mostHeld(_ loops: SocketLoopGroup) async throws -> Int {
            var most = 0
            for loop in loops.loops {
                let held = try await loop.submit {
                    let core = loop.core
                    let sides = (0..<UInt32(core.handlers.count + 1)).compactMap {
                        core.handlers[SocketTicket(index: $0, generation: 0)] as? SideHandler
                    }
                    return sides.map(\.held.storageCapacity).max() ?? 0
                }.get()
                most = max(most, held)
            }
            return most
        }
    }
#endif
