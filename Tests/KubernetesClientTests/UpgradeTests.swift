import KubernetesModel
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOWebSocket
import Testing

@testable import KubernetesClient

/// The client's side of a port-forward on an embedded channel, and the bytes of a server.
private struct Session {
    let client = EmbeddedChannel()
    private let outcome: NIOLoopBoundBox<Result<Void, any Error>?>
    let tail = Tail()

    init(token: String? = nil, configure: @escaping @Sendable (any Channel) throws -> Void = { _ in }) throws {
        let connection = ClusterConnection(
            server: ServerAddress(host: "127.0.0.1", port: 1, isTLS: false, basePath: "/base")
        )
        let transport = try LiveTransport(connection)
        let tail = NIOLoopBound(self.tail, eventLoop: self.client.eventLoop)
        let attempt = try UpgradeAttempt(
            transport,
            .portForward(pod: "web-0", in: "shop", port: 8080),
            "v4.channel.k8s.io",
            Credential(token: token)
        ) { channel in
            try configure(channel)
            try channel.pipeline.syncOperations.addHandler(tail.value)
        }
        try self.client.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let outcome = NIOLoopBoundBox<Result<Void, any Error>?>(nil, eventLoop: self.client.eventLoop)
        self.outcome = outcome
        attempt.run(on: self.client).whenComplete { outcome.value = $0 }
    }

    /// What became of the attempt by now. (Waiting for a future that never comes would hang.)
    func result() throws {
        self.client.embeddedEventLoop.run()
        try #require(self.outcome.value, "the attempt has not ended").get()
    }

    /// What the client has sent so far.
    func sent() throws -> ByteBuffer {
        var bytes = ByteBuffer()
        while var part = try self.client.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
        return bytes
    }

    /// The answer of a WebSocket server to the client's request.
    func accept(_ request: ByteBuffer, subprotocol: String? = "v4.channel.k8s.io") throws -> ByteBuffer {
        let server = EmbeddedChannel()
        let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
            shouldUpgrade: { channel, _ in
                var headers = HTTPHeaders()
                if let subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
                return channel.eventLoop.makeSucceededFuture(headers)
            },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
        )
        _ = try server.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(
                upgradeConfiguration: .init(
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededVoidFuture() }
                )
            )
        )
        try server.writeInbound(request)
        server.embeddedEventLoop.run()
        var bytes = ByteBuffer()
        while var part = try server.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
        return bytes
    }
}

/// The caller's handler: keeps what it is given.
final class Tail: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var received = ByteBuffer()
    var errors: [KubernetesError] = []
    var isInactive = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        self.received.writeBuffer(&bytes)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? KubernetesError { self.errors.append(error) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isInactive = true
    }
}

/// A server's frame, unmasked.
func serverFrame(_ payload: [UInt8], opcode: UInt8 = 0x2, isFinal: Bool = true) -> [UInt8] {
    var frame: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
    if payload.count < 126 {
        frame.append(UInt8(payload.count))
    } else if payload.count < 65_536 {
        frame += [126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    } else {
        frame.append(127)
        frame += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> (8 * $0)) }
    }
    return frame + payload
}

/// The prefixes of channels 0 and 1 for port 8080.
let portPrefixes = serverFrame([0, 0x90, 0x1f]) + serverFrame([1, 0x90, 0x1f])

@Suite("Upgrading a connection to a port-forward")
struct UpgradeTests {
    @Test("The request asks for the pod's port with one subprotocol and the caller's token")
    func request() throws {
        let session = try Session(token: "secret")
        let text = String(buffer: try session.sent())
        #expect(text.hasPrefix("GET /base/api/v1/namespaces/shop/pods/web-0/portforward?ports=8080 HTTP/1.1\r\n"))
        #expect(text.contains("Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n"))
        #expect(text.contains("Authorization: Bearer secret\r\n"))
        #expect(text.contains("Host: 127.0.0.1:1\r\n"))
        #expect(text.contains("Sec-WebSocket-Version: 13\r\n"))
        _ = try? session.client.finish()
    }

    @Test("Bytes in the same packet as the answer reach the handlers that configure added")
    func earlyBytes() throws {
        let session = try Session()
        var answer = try session.accept(try session.sent())
        answer.writeBytes(portPrefixes + serverFrame([0] + Array("hello".utf8)))
        try session.client.writeInbound(answer)
        try session.result()
        #expect(String(buffer: session.tail.received) == "hello")
        _ = try? session.client.finish()
    }

    @Test("An answer cut at every byte works the same")
    func splits() throws {
        let probe = try Session()
        let length = try probe.accept(try probe.sent()).readableBytes
        _ = try? probe.client.finish()
        let frames = portPrefixes + serverFrame([0] + Array("hello".utf8))
        for cut in 1..<(length + frames.count) {
            let session = try Session()
            var answer = try session.accept(try session.sent())
            answer.writeBytes(frames)
            let head = answer.readSlice(length: cut) ?? ByteBuffer()
            try session.client.writeInbound(head)
            try session.client.writeInbound(answer)
            try session.result()
            #expect(String(buffer: session.tail.received) == "hello", "cut at \(cut)")
            _ = try? session.client.finish()
        }
    }

    @Test("A pod that refuses in the same packet as the answer is heard, not mistaken for a lost connection")
    func earlyRefusal() throws {
        let session = try Session()
        var answer = try session.accept(try session.sent())
        answer.writeBytes(
            portPrefixes + serverFrame([1] + Array("connection refused".utf8)) + serverFrame([3, 232], opcode: 0x8)
        )
        try session.client.writeInbound(answer)
        try? session.client.close().wait()
        try session.result()
        #expect(session.tail.errors.map(\.code) == [.unreachable])
        #expect(session.tail.errors.first?.message == "port-forward to pod web-0, port 8080: connection refused")
        #expect(session.tail.isInactive)
    }

    @Test(
        "A server that does not upgrade is quoted",
        arguments: zip([404, 403, 401, 500], [KubernetesError.Code.notFound, .forbidden, .unauthorized, .server])
    )
    func refused(status: Int, code: KubernetesError.Code) throws {
        let session = try Session()
        _ = try session.sent()
        let body = KubernetesStatus(code: status, reason: "", message: "because of \(status)").json.compact
        let answer = "HTTP/1.1 \(status) No\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try session.client.writeInbound(ByteBuffer(string: answer))
        let error = #expect(throws: KubernetesError.self) { try session.result() }
        #expect(error?.code == code)
        if status != 401 { #expect(error?.message == "because of \(status)") }
        #expect(session.client.isActive == false)
    }

    @Test("A refusal without a length ends with the connection")
    func refusedUntilClose() throws {
        let session = try Session()
        _ = try session.sent()
        try session.client.writeInbound(ByteBuffer(string: "HTTP/1.1 502 Bad\r\n\r\nno backend"))
        try session.client.close().wait()
        let error = #expect(throws: KubernetesError.self) { try session.result() }
        #expect(error?.code == .server)
        #expect(error?.message == "the API server answered 502: no backend")
    }

    @Test("A server that chooses no subprotocol is refused by name")
    func otherSubprotocol() throws {
        let session = try Session()
        let answer = try session.accept(try session.sent(), subprotocol: nil)
        _ = try? session.client.writeInbound(answer)
        let error = #expect(throws: KubernetesError.self) { try session.result() }
        #expect(error?.code == .unsupported)
        #expect(session.client.isActive == false)
    }

    @Test("A connection that ends before the answer is unreachable, and a silent one times out")
    func noAnswer() throws {
        let closed = try Session()
        try closed.client.close().wait()
        #expect(throws: KubernetesError(.unreachable, "")) { try closed.result() }
        let silent = try Session()
        silent.client.embeddedEventLoop.advanceTime(by: .seconds(16))
        #expect(throws: KubernetesError(.timeout, "")) { try silent.result() }
        #expect(silent.client.isActive == false)
    }
}
