import Logging
import NIOCore
import NIOPosix
import ProxyCore
import Synchronization
import Telemetry
import Testing

@testable import PeerTestSupport
@testable import ProxyTransport

/// Row 12 of the list of bad inputs, and what a listener promises besides.
@Suite("Over real sockets, a listener", .timeLimit(.minutes(5)))
struct LimitTests {
    @Test("serves a fast connection beside 200 slow ones, which send a byte and no more")
    func slowConnections() async throws {
        try await Harness.run { harness in
            var slow: [TestSocket] = []
            for _ in 0..<200 {
                let socket = try await harness.connect()
                try await socket.write("G")
                slow.append(socket)
                _ = try await harness.origin.accept()
            }
            let fast = try await harness.connect()
            let origin = try await harness.origin.accept()
            for index in 0..<50 {
                try await fast.write(get("/\(index)"))
                await origin.text(get("/\(index)"))
                origin.drop(get("/\(index)").utf8.count)
                try await origin.write(ok("\(index)"))
                await fast.text(ok("\(index)"))
                fast.drop(ok("\(index)").utf8.count)
            }
            #expect(harness.listener.active.total == 201)
            #expect(harness.listener.active.busy == 200, "a head that has begun is not idle")
            for socket in slow { try await socket.reset() }
            while harness.listener.active.total > 1, !Task.isCancelled { await Task.yield() }
            #expect(harness.listener.active == ActiveConnections(total: 1, busy: 0))
        }
    }

    @Test("takes no more from a server than its client reads, whoever the server is", arguments: [true, false])
    func backPressure(isDiverted: Bool) async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let original = try await harness.origin.accept()
            let request = isDiverted ? get(user: "alice") : get()
            try await client.write(request)
            let server = isDiverted ? try await harness.acceptStream().0 : original
            await server.text(request)
            try await client.pause()
            let block = [UInt8](repeating: 120, count: 1 << 20)
            let total = 64
            try await server.write("HTTP/1.1 200 OK\r\nContent-Length: \(total << 20)\r\n\r\n")
            let taken = Counter()
            async let written: Void = {
                for _ in 0..<total {
                    try await server.write(block)
                    taken.add()
                }
            }()
            // The turns of another connection are the clock of this test.
            try await harness.turns(300)
            #expect(taken.value < 32, "the sockets' own buffers hold some MiB, the listener next to nothing")
            try await client.resume()
            await client.wait { $0.bytes.count >= total << 20 || $0.isClosed }
            try await written
            #expect(
                client.seen.bytes.count == total << 20
                    + "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n".utf8.count
            )
        }
    }

    /// An end must not overtake the bytes before it: both ends have ended here while MiB are still on their way.
    @Test("passes everything on that was sent before an end, though its client reads late")
    func lateReader() async throws {
        try await Harness.run { harness in
            let (client, stream) = try await harness.stalledStream()
            try await client.finish()
            await stream.wait { $0.hasEnded }
            // Fill everything between the two ends.
            let block = [UInt8](repeating: 120, count: 16 << 10)
            let taken = Counter()
            let isEnough = Counter()
            let filling = Task {
                while isEnough.value == 0 {
                    try await stream.write(block)
                    taken.add()
                }
                try await stream.close()
                isEnough.add()
            }
            var before = -1
            while taken.value != before {
                before = taken.value
                try await harness.turns(30)
            }
            // Make room for the last block only, so that the end comes while much still waits in the listener.
            isEnough.add()
            while isEnough.value < 2, !Task.isCancelled {
                try await client.readOnce()
                try await harness.turns(2)
            }
            try await filling.value
            try await harness.turns(30)
            #expect(!client.seen.hasEnded && !client.seen.isClosed)
            try await client.resume()
            await client.wait { $0.isClosed || $0.hasEnded }
            #expect(client.seen.bytes.count == taken.value * block.count + 19)
            #expect(!client.seen.hasFailed)
        }
    }

    @Test("says which address it cannot listen on, and what to do")
    func bindFails() async throws {
        let taken = try await Server()
        let configuration = ListenerConfiguration(
            host: "127.0.0.1",
            port: taken.port,
            servicePort: 80,
            original: try SocketAddress(ipAddress: "127.0.0.1", port: 9)
        )
        let listener = InterceptListener(
            configuration: configuration,
            group: MultiThreadedEventLoopGroup.singleton,
            routes: RouteTable(),
            metrics: ProxyMetrics(),
            accessLog: nil,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let error = await #expect(throws: ListenerError.self) { try await listener.start() }
        #expect(error?.code == .bind)
        #expect(error?.message.contains("127.0.0.1:\(taken.port) for Service port 80; choose a free port") == true)
        #expect(listener.boundPort == nil)
        try await taken.close()
    }

    @Test("tries the addresses of the original one after the other")
    func candidates() async throws {
        let other = try await Server()
        let refused = try other.refusingAddress
        let good = try SocketAddress(ipAddress: "127.0.0.1", port: other.port)
        try await Harness.run(configure: { $0.candidates = { [refused, good] } }) { harness in
            let client = try await harness.connect()
            let origin = try await other.accept()
            try await client.write(get())
            #expect(await origin.text(get()) == get())
        }
        try await other.close()
    }

    @Test("asks a client to go with its next response, and cuts nothing off")
    func announcesClose() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            harness.listener.announceClose()
            let body = String(repeating: "z", count: 1 << 20)
            try await client.write(get())
            await origin.text(get())
            try await origin.write(ok(body))
            let seen = await client.wait { $0.hasEnded }
            #expect(seen.text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\nconnection: close\r\n\r\nzz"))
            #expect(seen.bytes.count == ok(body).utf8.count + "connection: close\r\n".utf8.count)
            #expect(!client.seen.hasFailed)
            await origin.wait { $0.hasEnded }
        }
    }

    @Test("frees the place of a client that does not go after its last response")
    func linger() async throws {
        try await Harness.run(configure: { $0.lingerTimeout = .milliseconds(20) }) { harness in
            let client = try await harness.connect()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            try await stream.write(ok("last", fields: "Connection: close\r\n"))
            await client.wait { $0.hasEnded }
            while harness.listener.active.total > 0, !Task.isCancelled { await Task.yield() }
            #expect(client.seen.text == ok("last", fields: "Connection: close\r\n"))
        }
    }
}
