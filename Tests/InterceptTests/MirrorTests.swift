import HTTP2Relay
import HTTP2Wire
import InterceptPlanning
import KubernetesModel
import NIOCore
import NIOPosix
import ResponseDiff
import Synchronization
import TestSupport
import Testing
import Tunnel
import TunnelTransport

@testable import Intercept

@Suite("A mirror on this machine", .timeLimit(.minutes(5)))
struct MirrorTests {
    /// A station whose local process is a server that gives every connection one answer.
    private struct Setting {
        let station: MirrorStation
        let ports: LocalPorts
        let jobs: AsyncStream<MirrorStation.Job>
        let said: AsyncStream<InterceptEvent>
        private let end: AsyncStream<MirrorStation.Job>.Continuation

        init(port: Int, limit: Int? = nil, rules: IgnoreRules = .init(), patience: TimeAmount = .seconds(50)) {
            let (said, saying) = AsyncStream.makeStream(of: InterceptEvent.self)
            let service = LocalService(requestLimit: limit, isMirror: true) { saying.yield($0) }
            self.station = MirrorStation(rules, service: service, patience: patience) { saying.yield($0) }
            (self.jobs, self.end) = AsyncStream.makeStream()
            self.ports = LocalPorts(service: service, ports: [80: port], mirror: (self.station, self.end))
            self.said = said
        }

        /// Gives the station an exchange, as a tunnel does; false when it wants none.
        func send(
            _ request: String,
            _ response: String,
            missed: [MirrorMiss: UInt32] = [:],
            done: @escaping @Sendable () -> Void = {}
        ) throws -> Bool {
            try self.send(ByteBuffer(string: request), ByteBuffer(string: response), missed: missed, done: done)
        }

        func send(
            _ request: ByteBuffer,
            _ response: ByteBuffer,
            missed: [MirrorMiss: UInt32] = [:],
            applicationProtocol: String? = nil,
            done: @escaping @Sendable () -> Void = {}
        ) throws -> Bool {
            var header = ProxyHeader(source: nil, destination: nil, route: "r", servicePort: 80)
            header.isMirror = true
            guard let taker = self.ports.taker(for: header) else { return false }
            var records = missed.map { MirrorRecord.missed($0.key, count: $0.value) }
            if request.readableBytes > 0 { records += [.request(request), .response(response)] }
            var bytes = ByteBuffer()
            for piece in (records + [.end]).flatMap(\.pieces) { bytes.writeImmutableBuffer(piece) }
            var exchange = MirroredExchange(applicationProtocol: applicationProtocol)
            try exchange.add(from: &bytes)
            taker.take(exchange, done: done)
            return true
        }

        /// Compares what was sent, and gives all that was said meanwhile, up to the last comparison or refusal.
        func events() async -> [InterceptEvent] {
            self.end.finish()
            await self.station.serve(self.jobs)
            var events: [InterceptEvent] = []
            var iterator = self.said.makeAsyncIterator()
            let summary = self.station.summary
            let wanted = summary.compared + summary.missed.count
            while events.count(where: Self.counts) < wanted, let event = await iterator.next() { events.append(event) }
            return events
        }

        private static func counts(_ event: InterceptEvent) -> Bool {
            switch event {
            case .compared, .notCompared: true
            default: false
            }
        }
    }

    private static func request(_ path: String = "/a", body: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: leaf\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func json(_ body: String, status: String = "200 OK", fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test("sends the request as it came and says how the answers differ")
    func differs() async throws {
        let local = try await AnsweringServer(
            "HTTP/1.1 100 Continue\r\n\r\n"
                + Self.json("{\"b\":3,\"a\":1}", status: "201 Created", fields: "X-Id: 1\r\n")
        )
        let setting = Setting(port: local.port, rules: IgnoreRules(headers: ["x-id"]))
        #expect(try setting.send(Self.request("/a?b=1", body: "body"), Self.json("{\"a\":1,\"b\":2}")))
        let events = await setting.events()
        let difference = JSONDifference(path: "/b", before: 2, after: 3)
        let answer = MirroredAnswer(
            method: "POST",
            target: "/a?b=1",
            status: 200,
            differences: [.status(original: 200, local: 201), .json(difference)]
        )
        #expect(events == [.compared(answer)])
        #expect(local.requests == [Self.request("/a?b=1", body: "body")])
        #expect(!setting.station.summary.isPassed)
        try await local.close()
    }

    @Test("gives back what is queued when this machine joins again: it is over, and does not count")
    func rejoining() async throws {
        let setting = Setting(port: 1, limit: 2)
        let done = Mutex(0)
        func send() throws -> Bool {
            try setting.send(Self.request(), Self.json("{}")) { done.withLock { $0 += 1 } }
        }
        #expect(try send())
        #expect(try send())
        #expect(try !send())
        let serving = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await setting.station.serve(setting.jobs)
        }
        await serving.value
        #expect(done.withLock { $0 } == 2)
        #expect(setting.station.summary == MirrorSummary())
        // Nobody serves that queue any more: what comes late is given back, too.
        for _ in 0..<3 { #expect(try send()) }
        #expect(done.withLock { $0 } == 5)
    }

    @Test("passes when something was compared and nothing differs; not when nothing was compared")
    func equal() async throws {
        let local = try await AnsweringServer(Self.json("{\"a\": 1}", fields: "Date: then\r\n"))
        let setting = Setting(port: local.port)
        #expect(!setting.station.summary.isPassed)
        #expect(try setting.send(Self.request(), Self.json("{\"a\":1}", fields: "Date: now\r\n")))
        #expect(try setting.send("", "", missed: [.busy: 3]))
        let events = await setting.events()
        #expect(events.contains(.notCompared(reason: "busy", count: 3)))
        let summary = setting.station.summary
        #expect(summary.compared == 1 && summary.different == 0 && summary.missed == ["busy": 3] && summary.isPassed)
        try await local.close()
    }

    @Test(
        "calls it a difference when there is no answer",
        arguments: [("", "without an answer"), ("junk\r\n\r\n", "well-formed")]
    )
    func noAnswer(text: String, why: String) async throws {
        let local = try await AnsweringServer(text)
        let setting = Setting(port: local.port)
        #expect(try setting.send(Self.request(), Self.json("1")))
        guard case .compared(let answer)? = await setting.events().last,
            case .noAnswer(let reason)? = answer.differences.first
        else { return #expect(Bool(false), "not compared") }
        #expect(reason.contains(why))
        try await local.close()
    }

    @Test("gives a process that does not answer its time, and no more")
    func slow() async throws {
        let local = try await AnsweringServer(nil)
        let setting = Setting(port: local.port, patience: .milliseconds(1))
        #expect(try setting.send(Self.request(), Self.json("1")))
        guard case .compared(let answer)? = await setting.events().last else {
            return #expect(Bool(false), "not compared")
        }
        #expect(answer.differences == [.noAnswer("none within 0 s")])
        try await local.close()
    }

    @Test("does not compare where nothing listens, or what is not whole, and says so")
    func missed() async throws {
        let setting = Setting(port: 1)
        #expect(try setting.send(Self.request(), Self.json("1")))
        #expect(await setting.events() == [.localPortLost(1), .notCompared(reason: "local-refused", count: 1)])
        let cut = Setting(port: 1)
        #expect(try cut.send(Self.request(), String(Self.json("123").dropLast())))
        #expect(await cut.events() == [.notCompared(reason: "cut-short", count: 1)])
    }

    @Test("compares as many as it was told to and takes no more")
    func limit() async throws {
        let local = try await AnsweringServer(Self.json("1"))
        let setting = Setting(port: local.port, limit: 2)
        #expect(try setting.send("", "", missed: [.busy: 1]))
        #expect(try setting.send(Self.request("/1"), Self.json("1")))
        #expect(try setting.send(Self.request("/2"), Self.json("1")))
        #expect(try !setting.send(Self.request("/3"), Self.json("1")))
        _ = await setting.events()
        #expect(local.requests.count == 2)
        #expect(try await setting.ports.service.limitReached() == "2 requests were compared")
        try await local.close()
    }

    @Test("asks over HTTP/2 what was asked so, and compares trailers like fields")
    func http2() async throws {
        let request = CopiedMessage(
            fields: [":method": "POST", ":scheme": "http", ":path": "/s/m", ":authority": "leaf"],
            body: ByteBuffer(string: "body")
        )
        func response(_ status: String) -> CopiedMessage {
            CopiedMessage(fields: [":status": "200"], body: ByteBuffer(string: "x"), trailers: ["grpc-status": status])
        }
        // SETTINGS without parameters first.
        var answering = ByteBuffer(bytes: [0, 0, 0, 4, 0, 0, 0, 0, 0])
        answering.writeImmutableBuffer(response("5").frames)
        let local = try await AnsweringServer(bytes: answering)
        let setting = Setting(port: local.port)
        #expect(try setting.send(request.frames, response("0").frames, applicationProtocol: "h2"))
        let cut = response("0").frames.getSlice(at: 0, length: 12) ?? ByteBuffer()
        #expect(try setting.send(request.frames, cut, applicationProtocol: "h2"))
        let answer = MirroredAnswer(
            method: "POST",
            target: "/s/m",
            status: 200,
            differences: [.header("grpc-status", original: ["0"], local: ["5"])]
        )
        let events = await setting.events()
        #expect(events.contains(.compared(answer)), "\(events)")
        #expect(events.contains(.notCompared(reason: "cut-short", count: 1)))
        #expect(local.requests.first?.hasPrefix("PRI * HTTP/2.0") == true)
        try await local.close()
    }

    @Test("compares with a real server, whose answers only their connection's end ends")
    func realServer() async throws {
        let server = try FileServer(files: ["pen.json": "{\"price\": 12, \"name\": \"pen\"}"])
        defer { server.stop() }
        let setting = Setting(port: server.port, rules: IgnoreRules(headers: ["last-modified"]))
        let request = "GET /pen.json HTTP/1.1\r\nHost: leaf\r\n\r\n"
        #expect(try setting.send(request, Self.json("{\"name\":\"pen\",\"price\":10}")))
        guard case .compared(let answer)? = await setting.events().last else {
            return #expect(Bool(false), "not compared")
        }
        #expect(answer.differences == [.json(JSONDifference(path: "/price", before: 10, after: 12))])
    }

    @Test("joins as a route that takes nothing, and is warned of those that take what it would compare")
    func joins() async throws {
        let scene = Scene()
        _ = try await scene.run().join()
        let membership = try await scene.run(owner: "bob@desk", change: { $0.mirror = IgnoreRules() }).join()
        #expect(membership.route.isMirror)
        #expect(try scene.session()?.routes.map(\.isMirror) == [false, true])
        #expect(scene.texts.contains { $0.contains("answered by the machine of ada@laptop") })
    }
}

/// Gives each connection the same bytes after its first request, and ends it; or with nil, nothing.
private final class AnsweringServer: Sendable {
    private let channel: any Channel

    convenience init(_ answer: String?) async throws {
        try await self.init(bytes: answer.map { ByteBuffer(string: $0) })
    }

    init(bytes answer: ByteBuffer?) async throws {
        let seen = Requests()
        self.kept = seen
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(answer, seen))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private let kept: Requests
    var requests: [String] { self.kept.texts.withLock { $0 } }
    var port: Int { self.channel.localAddress?.port ?? 0 }

    func close() async throws {
        try await self.channel.close()
    }

    private final class Requests: Sendable {
        let texts = Mutex<[String]>([])
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: ByteBuffer?
        private let requests: Requests

        init(_ answer: ByteBuffer?, _ requests: Requests) {
            self.answer = answer
            self.requests = requests
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: self.unwrapInboundIn(data))
            self.requests.texts.withLock { $0.append(text) }
            guard let answer else { return }
            let channel = context.channel
            context.writeAndFlush(self.wrapOutboundOut(answer))
                .whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
