#if os(Linux)
    import GatewayCore
    import Logging
    @testable import PeerTestSupport
    import ProxyEngine
    import SocketLoop
    import Synchronization
    import Testing
    import TrafficMatch

    private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    @Suite("A gateway over real sockets", .timeLimit(.minutes(5)))
    struct EngineTests {
        @Test("the header decides where a request goes, and connections to servers are used again")
        func routes() async throws {
            try await Stage.with(servers: 2) { stage in
                let client = try await stage.client()
                try await client.write(get)
                let first = try await stage.servers[0].accept()
                await first.text(get)
                try await first.write(ok)
                await client.text(ok)
                try await client.write("GET /a HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n")
                let second = try await stage.servers[1].accept()
                await second.text { $0.contains("ada") }
                try await second.write(ok)
                await client.text(ok + ok)
                let other = try await stage.client()
                try await other.write(get)
                await first.text(get + get)
                try await first.write(ok)
                #expect(await other.text(ok) == ok)
                #expect(stage.engine.counters.reduce(0) { $0 + $1.requests.total } == 3)
                #expect(stage.engine.counters.reduce(0) { $0 + $1.upstreamConnections.total } == 2)
            }
        }

        @Test("large bodies pass in both directions, to the byte")
        func large() async throws {
            try await Stage.with { stage in
                let size = 3 << 20
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
                let client = try await stage.client()
                try await client.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \(size)\r\n\r\n")
                try await client.write(body)
                let server = try await stage.servers[0].accept()
                let seen = await server.wait { $0.bytes.count >= size + 40 || $0.isClosed }
                #expect(seen.bytes.suffix(size).elementsEqual(body))
                try await server.write("HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n")
                try await server.write(body)
                let answer = await client.wait { $0.bytes.count >= size + 40 || $0.isClosed }
                #expect(answer.bytes.suffix(size).elementsEqual(body))
            }
        }

        @Test("a client that does not read holds its server up, and gets every byte once it does")
        func backpressure() async throws {
            try await Stage.with { stage in
                let client = try await stage.client(window: 16 << 10)
                try await client.pause()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                let size = 64 << 20
                try await server.write("HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n")
                let piece = [UInt8](repeating: 7, count: 1 << 20)
                let sent = Mutex(0)
                async let sending: Void = {
                    for _ in 0..<64 {
                        try await server.write(piece)
                        sent.withLock { $0 += 1 }
                    }
                }()
                // What the kernel keeps on the way is a few MiB; until nothing moves any more.
                var before = -1
                while before != sent.withLock({ $0 }) {
                    before = sent.withLock { $0 }
                    try await Task.sleep(for: .milliseconds(300))
                }
                #expect(before < 40)
                try await client.resume()
                try await sending
                let seen = await client.wait { $0.bytes.count >= size || $0.isClosed }
                #expect(seen.bytes.suffix(size - 100).allSatisfy { $0 == 7 })
            }
        }

        @Test("a client that asks for refusals and reads none is not read from without an end")
        func unreadRefusals() async throws {
            try await Stage.with(takesAll: false) { stage in
                let client = try await stage.client(window: 8 << 10)
                try await client.pause()
                let piece = [UInt8](String(repeating: get, count: 4_096).utf8)
                let sending = Task { while true { try await client.write(piece) } }
                func answered() -> Int { stage.engine.counters.reduce(0) { $0 + $1.requests.total } }
                // Answers fill the kernel's buffers, a few MiB at most, and then no more requests are read.
                var before = -1
                while before != answered() || before == 0, before < 100_000 {
                    before = answered()
                    try await Task.sleep(for: .milliseconds(500))
                }
                #expect(before < 60_000)
                try await client.close()
                _ = await sending.result
            }
        }

        @Test("a server that resets during an upload leaves nothing behind")
        func resetDuringUpload() async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
                let server = try await stage.servers[0].accept()
                try await server.pause()
                let piece = [UInt8](repeating: 7, count: 1 << 20)
                let sending = Task { for _ in 0..<90 { try await client.write(piece) } }
                while await stage.sockets() < 2 { await Task.yield() }
                try await server.reset()
                await client.wait { $0.hasEnded || $0.isClosed }
                try? await client.close()
                _ = await sending.result
                while await stage.sockets() > 0 { await Task.yield() }
            }
        }

        @Test("a client that never reads its answer loses its place")
        func zeroWindow() async throws {
            var bounds = ListenerBounds()
            bounds.stall = .milliseconds(300)
            try await Stage.with(bounds: bounds) { stage in
                let client = try await stage.client(window: 8 << 10)
                try await client.pause()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await server.write("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
                let piece = [UInt8](repeating: 7, count: 1 << 20)
                let sending = Task { for _ in 0..<90 { try await server.write(piece) } }
                while await stage.sockets() > 0 { await Task.yield() }
                _ = await sending.result
                try? await client.close()
            }
        }

        @Test("a server that ended its idle connection is connected to again")
        func stale() async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                for round in 1...3 {
                    try await client.write(get)
                    let server = try await stage.servers[0].accept()
                    await server.text(get)
                    try await server.write(ok)
                    await client.text(String(repeating: ok, count: round))
                    if round == 2 { try await server.reset() } else { try await server.close() }
                }
                #expect(!client.seen.isClosed)
            }
        }

        @Test("no server: 503, and the connection goes on")
        func unreachable() async throws {
            try await Stage.with(isReachable: false) { stage in
                let client = try await stage.client()
                for _ in 1...2 {
                    try await client.write(get)
                    let text = await client.text { $0.hasSuffix("upstream-unreachable\n") }
                    #expect(text.hasPrefix("HTTP/1.1 503 "))
                    client.drop(text.utf8.count)
                }
            }
        }

        @Test("what is no HTTP is refused, and the connection ends without a reset")
        func refused() async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write("nonsense\r\n\r\nmore")
                let seen = await client.wait { $0.hasEnded }
                #expect(seen.text.hasPrefix("HTTP/1.1 400 "))
                try await client.close()
                while await stage.engine.connections() > 0 { await Task.yield() }
            }
        }

        @Test("a client's reset ends the server's connection, and a server's reset shows in a body without a length")
        func resets() async throws {
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await client.reset()
                await server.wait { $0.hasEnded || $0.isClosed }
                let other = try await stage.client()
                try await other.write(get)
                let next = try await stage.servers[0].accept()
                await next.text(get)
                try await next.write("HTTP/1.1 200 OK\r\n\r\nabc")
                await other.text { $0.hasSuffix("abc") }
                try await next.reset()
                #expect(await other.wait { $0.hasFailed || $0.hasEnded || $0.isClosed }.hasFailed)
            }
        }

        @Test("a slow head, an idle connection and a late answer have their times")
        func timeouts() async throws {
            var head = ListenerBounds()
            head.head = .milliseconds(300)
            try await Stage.with(bounds: head) { stage in
                let slow = try await stage.client()
                try await slow.write("GET / HT")
                #expect(await slow.wait { $0.hasEnded }.text.hasPrefix("HTTP/1.1 408 "))
            }
            var idle = ListenerBounds()
            idle.idle = .milliseconds(300)
            try await Stage.with(bounds: idle) { stage in
                let client = try await stage.client()
                #expect(await client.wait { $0.hasEnded || $0.isClosed }.bytes.isEmpty)
            }
            var cluster = ClusterBounds()
            cluster.response = .milliseconds(300)
            try await Stage.with(cluster: cluster) { stage in
                let late = try await stage.client()
                try await late.write(get)
                #expect(await late.text { $0.hasSuffix("response-timeout\n") }.hasPrefix("HTTP/1.1 504 "))
            }
        }

        @Test("draining: who is answered goes first, and nothing new is accepted")
        func drain() async throws {
            try await Stage.with { stage in
                let idle = try await stage.client()
                let busy = try await stage.client()
                try await busy.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                while await stage.engine.connections() < 2 { await Task.yield() }
                async let drained: Void = stage.engine.drain(within: .seconds(60))
                await idle.wait { $0.hasEnded || $0.isClosed }
                try await server.write(ok)
                #expect(await busy.wait { $0.hasEnded }.text.contains("connection: close\r\n"))
                try await busy.close()
                await drained
                #expect(await stage.engine.connections() == 0)
            }
        }

        @Test("an address that is taken, or a name that is none, is said with the mend")
        func cannotStart() async throws {
            let server = try await Server()
            var settings = GatewaySettings(
                listeners: [.init(name: "l", host: "127.0.0.1", port: server.port, routes: [])],
                clusters: []
            )
            let loops = try SocketLoopGroup(numberOfLoops: 1)
            let taken = Engine(settings: settings, loops: loops, logger: Logger(label: "test"))
            let error = await #expect(throws: EngineError.self) { try await taken.start() }
            #expect(error?.message.contains("choose a free port") == true)
            settings.clusters = [.init(name: "c", endpoints: [.init(host: "no-such-name.invalid", port: 1)])]
            let unknown = Engine(settings: settings, loops: loops, logger: Logger(label: "test"))
            await #expect(throws: EngineError.self) { try await unknown.start() }
            await loops.end()
            try await server.close()
        }
    }
#endif
