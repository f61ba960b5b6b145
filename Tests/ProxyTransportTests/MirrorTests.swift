import Foundation
import HTTP2Relay
import HTTP2Wire
import NIOCore
import ProxyCore
import Telemetry
import Testing
import TrafficMatch
import Tunnel

@testable import PeerTestSupport
@testable import ProxyTransport

/// Clients and originals see what they would see without the mirror, whatever becomes of the copies.
@Suite("Over real sockets, a mirror", .timeLimit(.minutes(5)))
struct MirrorTests {
    /// A harness whose route is a mirror of `alice`'s requests.
    private static func run(isUp: Bool = true, _ body: (Harness) async throws -> Void) async throws {
        try await Harness.run { harness in
            try harness.setRoute(isUp: isUp, isMirror: true)
            try await body(harness)
        }
    }

    /// Reads a stream's records to their end and says that they have come.
    private static func exchange(_ stream: TestSocket) async throws -> MirroredExchange {
        let read: @Sendable ([UInt8]) -> MirroredExchange = { bytes in
            var exchange = MirroredExchange()
            var buffer = ByteBuffer(bytes: bytes)
            try? exchange.add(from: &buffer)
            return exchange
        }
        let seen = await stream.wait { read($0.bytes).isWhole }
        try await stream.write([0x06])
        try await stream.close()
        return read(seen.bytes)
    }

    /// One request, answered by the original; what client and original saw is checked.
    private static func turn(
        _ request: String,
        _ response: String,
        _ client: TestSocket,
        _ origin: TestSocket
    ) async throws {
        try await client.write(request)
        #expect(await origin.text(request) == request)
        origin.drop(request.utf8.count)
        try await origin.write(response)
        #expect(await client.text(response) == response)
        client.drop(response.utf8.count)
    }

    @Test("copies whole exchanges that match, and nothing of others on the same connection")
    func copies() async throws {
        try await Self.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await Self.turn(get("/other"), ok("other"), client, origin)
            let chunked =
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
            try await Self.turn(post("body", user: "alice"), chunked, client, origin)
            try await Self.turn(get("/other"), ok("other"), client, origin)
            let (stream, header) = try await harness.acceptStream()
            #expect(header.isMirror && header.route == "alice" && header.servicePort == 80)
            let exchange = try await Self.exchange(stream)
            #expect(String(buffer: exchange.request) == post("body", user: "alice"))
            #expect(String(buffer: exchange.response) == chunked)
            #expect(exchange.missed.isEmpty)
            try await Self.turn(get("/2", user: "alice"), ok("2"), client, origin)
            #expect(String(buffer: try await Self.exchange(harness.acceptStream().0).response) == ok("2"))
            try await Self.untilFree(harness)
            #expect(harness.routes.counts().map(\.diverted) == [2])
            #expect(harness.metrics.prometheusText().contains("{port=\"80\",result=\"copied\"} 2"))
            try await client.close()
            try await origin.close()
            let lines = try await harness.logLines(4)
            #expect(lines.allSatisfy { $0.contains("\"served_by\":\"original\"") })
        }
    }

    /// Waits until no copy is under way; nothing of them is kept then.
    private static func untilFree(_ harness: Harness) async throws {
        let entries = harness.routes.entries(port: 80)
        while entries.contains(where: { $0.counters.copies.outstanding > 0 }), !Task.isCancelled { await Task.yield() }
        #expect(harness.routes.copiedBytes.outstanding == 0)
    }

    @Test("waits for no laptop: none of 300 requests is held up by one that takes streams and then nothing")
    func stalled() async throws {
        try await Self.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let body = String(repeating: "x", count: 100_000)
            for index in 0..<300 {
                try await Self.turn(get("/\(index)", user: "alice"), ok(body), client, origin)
            }
            let counters = try #require(harness.routes.entries(port: 80).first).counters
            #expect(counters.copies.outstanding == MirrorLimits.copiesOfRoute)
            #expect(harness.routes.copiedBytes.outstanding <= MirrorLimits.bytes)
            let busy = harness.metrics.port(80).missed(.busy).value
            #expect(busy == 300 - MirrorLimits.copiesOfRoute)
            // Whoever reads again is told of what there was to copy meanwhile.
            var told = 0
            for _ in 0..<MirrorLimits.copiesOfRoute {
                told += try await Self.exchange(harness.acceptStream().0).missed[.busy] ?? 0
            }
            #expect(told == busy)
            try await Self.untilFree(harness)
        }
    }

    @Test("of much passes all, copies none, and says so", arguments: [true, false])
    func tooLong(isRequest: Bool) async throws {
        try await Self.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let much = String(decoding: [UInt8](pattern: 3 << 20), as: UTF8.self)
            let request = isRequest ? post(much, user: "alice") : get(user: "alice")
            let response = ok(isRequest ? "small" : much)
            async let sent: Void = client.write(request)
            await origin.text(request)
            try await sent
            #expect(origin.seen.text == request)
            try await origin.write(response)
            #expect(await client.text(response) == response)
            let exchange = try await Self.exchange(harness.acceptStream().0)
            #expect(exchange.missed == [.tooLong: 1])
            #expect(exchange.request.readableBytes == 0 && exchange.response.readableBytes == 0)
            try await Self.untilFree(harness)
        }
    }

    @Test("whose laptop is away, or refuses, leaves everything as it is and tells it later")
    func away() async throws {
        try await Self.run(isUp: false) { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await Self.turn(get("/1", user: "alice"), ok("1"), client, origin)
            harness.routes.setUp(true, route: "alice")
            try await Self.turn(get("/2", user: "alice"), ok("2"), client, origin)
            try await harness.acceptStream(acknowledge: false).0.close()
            try await Self.untilFree(harness)
            try await Self.turn(get("/3", user: "alice"), ok("3"), client, origin)
            let exchange = try await Self.exchange(harness.acceptStream().0)
            #expect(exchange.missed == [.unreachable: 2])
            #expect(String(buffer: exchange.request) == get("/3", user: "alice"))
        }
    }

    @Test("does not copy what is cut short, or what becomes another protocol")
    func partial() async throws {
        try await Self.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get("/1", user: "alice"))
            await origin.text(get("/1", user: "alice"))
            try await origin.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            try await origin.close()
            #expect(await client.wait { $0.hasEnded || $0.isClosed }.text.hasSuffix("abc"))
            #expect(try await Self.exchange(harness.acceptStream().0).missed == [.cutShort: 1])

            let second = try await harness.connect()
            let server = try await harness.origin.accept()
            let upgrade = get(user: "alice", fields: "Connection: Upgrade\r\nUpgrade: websocket\r\n")
            let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            try await Self.turn(upgrade, switching, second, server)
            #expect(try await Self.exchange(harness.acceptStream().0).missed == [.upgrade: 1])
            try await second.write("frame")
            #expect(await server.text("frame") == "frame")
            try await Self.untilFree(harness)
        }
    }

    @Test("copies an answer that only the end of its connection ends")
    func untilClose() async throws {
        try await Self.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get("/1", user: "alice"))
            await origin.text(get("/1", user: "alice"))
            try await origin.write("HTTP/1.0 200 OK\r\n\r\nabc")
            try await origin.finish()
            await client.wait { $0.hasEnded }
            let exchange = try await Self.exchange(harness.acceptStream().0)
            #expect(String(buffer: exchange.response) == "HTTP/1.0 200 OK\r\n\r\nabc")
        }
    }

    @Test("gets nothing of what somebody takes, and is beside another mirror")
    func others() async throws {
        try await Harness.run { harness in
            let bob = try await Server(path: harness.tunnelPath + "b")
            let mirror = Route(
                id: "bob",
                match: .everything,
                upstreamPath: harness.tunnelPath + "b",
                isUp: true,
                isMirror: true
            )
            try harness.setRoute(before: [mirror])
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get("/1", user: "alice"))
            let (stream, header) = try await harness.acceptStream()
            #expect(!header.isMirror)
            try await stream.write(ok("local"))
            #expect(await client.text(ok("local")) == ok("local"))
            client.drop(ok("local").utf8.count)
            // Another mirror: each gets its own copy.
            try harness.setRoute(isMirror: true, before: [mirror])
            try await Self.turn(get("/2", user: "alice"), ok("2"), client, origin)
            let first = try await harness.acceptStream().0
            let second = try await bob.accept()
            await second.wait { $0.bytes.count > 16 }
            try await second.write([0x06])
            #expect(String(buffer: try await Self.exchange(first).request) == get("/2", user: "alice"))
            let text = await second.text { $0.contains(ok("2")) }
            #expect(text.contains(get("/2", user: "alice")) && !text.contains("GET /1"))
            try await second.close()
            try await Self.untilFree(harness)
            try await bob.close()
            unlink(harness.tunnelPath + "b")
        }
    }

    /// A request and a response of HTTP/2, each in the frames of stream 1.
    private static let asked = CopiedMessage(
        fields: [":method": "POST", ":scheme": "http", ":path": "/p", "x-user": "alice"],
        body: ByteBuffer(string: "body")
    )
    private static let answered = CopiedMessage(
        fields: [":status": "200"],
        body: ByteBuffer(string: "answer"),
        trailers: ["grpc-status": "0"]
    )

    /// A connection whose both ends have said that they speak HTTP/2.
    private static func openHTTP2(_ harness: Harness) async throws -> (client: TestSocket, origin: TestSocket) {
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        let client = try await harness.connect()
        let origin = try await harness.origin.accept()
        try await origin.write(settings)
        try await client.write(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings)
        return (client, origin)
    }

    private static func bytes(_ message: CopiedMessage) -> [UInt8] {
        Array(message.frames.readableBytesView)
    }

    @Test("copies whole HTTP/2 exchanges, trailers included, as frames of their own")
    func http2() async throws {
        try await Self.run { harness in
            let (client, origin) = try await Self.openHTTP2(harness)
            try await client.write(Self.bytes(Self.asked))
            await origin.wait { String(decoding: $0.bytes, as: UTF8.self).contains("body") }
            try await origin.write(Self.bytes(Self.answered))
            await client.wait { String(decoding: $0.bytes, as: UTF8.self).contains("grpc-status") }
            let (stream, header) = try await harness.acceptStream()
            #expect(header.isMirror && header.applicationProtocol == "h2" && header.route == "alice")
            let exchange = try await Self.exchange(stream)
            #expect(CopiedMessage(frames: exchange.request) == Self.asked)
            #expect(CopiedMessage(frames: exchange.response) == Self.answered)
            try await Self.untilFree(harness)
            #expect(harness.routes.counts().map(\.diverted) == [1])
            try await client.close()
            try await origin.close()
            #expect(try await harness.logLines(1).allSatisfy { $0.contains("\"served_by\":\"original\"") })
        }
    }

    @Test("says which HTTP/2 exchanges it did not copy: those that were cut short")
    func missedHTTP2() async throws {
        try await Self.run { harness in
            let (client, origin) = try await Self.openHTTP2(harness)
            try await client.write(Self.bytes(Self.asked))
            await origin.wait { String(decoding: $0.bytes, as: UTF8.self).contains("body") }
            // More than the client has made room for.
            let long = CopiedMessage(fields: [":status": "200"], body: ByteBuffer(repeating: 1, count: 200_000))
            try await origin.write(Self.bytes(long))
            try await client.close()
            // It sees a reset, or an end only, which comes when the client has read all that was sent to it.
            try await origin.close()
            #expect(try await Self.exchange(harness.acceptStream().0).missed == [.cutShort: 1])
            try await Self.untilFree(harness)
        }
    }

    @Test("lets what is no HTTP/2 after its preface pass unread")
    func notHTTP2() async throws {
        try await Harness.run { harness in
            try harness.setRoute(match: .everything, isMirror: true)
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frames at all"
            try await client.write(preface)
            #expect(await origin.text(preface) == preface)
            try await origin.write("whatever")
            #expect(await client.text("whatever") == "whatever")
        }
    }
}
