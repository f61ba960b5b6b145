#if os(Linux)
    import GatewayCore
    import Glibc
    import NIOCore
    @testable import PeerTestSupport
    @testable import ProxyEngine
    @testable import SocketLoop
    import Testing

    private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    /// Much of what is allowed. Each connection has four descriptors in this process.
    @Suite("Floods, over real sockets", .timeLimit(.minutes(10)))
    struct FloodTests {
        @Test("requests that always come with the beginning of the next: no more is held than a read and a head")
        func pipelining() async throws {
            let request = "GET /a HTTP/1.1\r\nhost: x\r\na: \(String(repeating: "a", count: 40_000))\r\n\r\n"
            let (first, second) = (String(request.prefix(20_000)), String(request.dropFirst(20_000)))
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write(first + second + first)
                let server = try await stage.servers[0].accept()
                for _ in 0..<100 {
                    await server.text(request)
                    server.drop(request.utf8.count)
                    try await server.write(ok)
                    await client.text(ok)
                    client.drop(ok.utf8.count)
                    try await client.write(second + first)
                }
                let most = try await stage.mostHeld()
                #expect((1...(256 << 10)).contains(most))
            }
        }

        @Test("thousands of heads that do not end have their time, and a fast client is served beside them")
        func heads() async throws {
            Self.raiseLimit()
            var bounds = ListenerBounds()
            bounds.head = .seconds(3)
            try await Stage.with(bounds: bounds) { stage in
                var slow: [TestSocket] = []
                for _ in 0..<1_500 {
                    let client = try await stage.client()
                    try await client.write("GET / HTTP/1.1\r\n")
                    slow.append(client)
                }
                try await Self.isWell(stage)
                for client in slow {
                    #expect(await client.wait { $0.hasEnded || $0.isClosed }.text.hasPrefix("HTTP/1.1 408 "))
                    try await client.close()
                }
                try await Self.isWell(stage)
                try await Self.isEmpty(stage)
            }
        }

        @Test("a thousand uploads that stand still hold nobody up, and leave nothing when their clients are gone")
        func uploads() async throws {
            Self.raiseLimit()
            try await Stage.with { stage in
                var clients: [TestSocket] = []
                var servers: [TestSocket] = []
                for _ in 0..<1_000 {
                    let client = try await stage.client()
                    try await client.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\na")
                    clients.append(client)
                    let server = try await stage.servers[0].accept()
                    await server.text { $0.hasSuffix("\r\n\r\na") }
                    servers.append(server)
                }
                try await Self.isWell(stage)
                #expect(try await stage.mostHeld() < 1 << 10)
                for (index, client) in clients.enumerated() {
                    // Half of them vanish, half only stop sending.
                    if index.isMultiple(of: 2) { try await client.reset() } else { try await client.finish() }
                }
                for server in servers {
                    #expect(await server.wait { $0.hasEnded || $0.isClosed }.text.hasSuffix("\r\n\r\na"))
                    try await server.close()
                }
                for client in clients { try await client.close() }
                try await Self.isWell(stage)
                try await Self.isEmpty(stage)
            }
        }

        /// As many descriptors as these tests need, where the system's first limit is lower.
        private static func raiseLimit() {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 8_192))
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }

        /// A good request of somebody else is answered.
        private static func isWell(_ stage: Stage) async throws {
            let client = try await stage.client()
            try await client.write(get + get)
            let server = try await stage.servers[0].accept()
            for _ in 0..<2 {
                await server.text(get)
                server.drop(get.utf8.count)
                try await server.write(ok)
            }
            #expect(await client.text(ok + ok) == ok + ok)
            try await client.close()
            try await server.close()
        }

        /// Every descriptor is given back.
        private static func isEmpty(_ stage: Stage) async throws {
            while await stage.sockets() > 0, !Task.isCancelled { await Task.yield() }
            #expect(await stage.sockets() == 0)
            #expect(await stage.engine.connections() == 0)
        }
    }

    extension Stage {
        /// The most memory that one connection has for bytes that came in and were not used.
        fileprivate func mostHeld() async throws -> Int {
            var most = 0
            for loop in self.loops.loops {
                let held = try await loop.submit {
                    let core = loop.core
                    // Places are used again, by later generations.
                    let tickets = (0..<UInt32(core.handlers.count + 8)).flatMap { index in
                        (0..<UInt32(4)).map { SocketTicket(index: index, generation: $0) }
                    }
                    return tickets.compactMap { (core.handlers[$0] as? StreamSocket)?.held.storageCapacity }.max() ?? 0
                }.get()
                most = max(most, held)
            }
            return most
        }
    }
#endif
