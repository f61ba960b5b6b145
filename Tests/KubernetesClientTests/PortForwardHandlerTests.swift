import KubernetesModel
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import KubernetesClient

/// Counts reads and keeps what is written, below the handler under test.
private final class Wire: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var reads = 0
    func read(context: ChannelHandlerContext) {
        self.reads += 1
        context.read()
    }
}

@Suite("A forwarded port as a stream of bytes")
struct PortForwardHandlerTests {
    private let channel = EmbeddedChannel()
    private let wire = Wire()
    private let tail = Tail()

    init() throws {
        let pipeline = self.channel.pipeline.syncOperations
        try pipeline.addHandlers([self.wire, PortForwardHandler(what: "pod p, port 1"), self.tail])
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ bytes: [UInt8]) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// The client's frames, read by another implementation.
    private func sent() throws -> [WebSocketFrame] {
        let server = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { try server.writeInbound(bytes) }
        var frames: [WebSocketFrame] = []
        while let frame = try server.readInbound(as: WebSocketFrame.self) { frames.append(frame) }
        _ = try? server.finish()
        return frames
    }

    @Test("The port prefixes are dropped and the data is handed on, byte by byte too")
    func data() throws {
        let stream = portPrefixes + serverFrame([0] + Array("hello ".utf8)) + serverFrame([0] + Array("world".utf8))
        for byte in stream { try self.receive([byte]) }
        #expect(String(buffer: self.tail.received) == "hello world")
        #expect(self.tail.errors.isEmpty)
    }

    @Test("Data in the same message as the prefix, and a prefix in two messages, are understood")
    func oddPrefixes() throws {
        try self.receive(serverFrame([0, 0x90, 0x1f] + Array("a".utf8)))
        try self.receive(serverFrame([1, 0x90]) + serverFrame([1, 0x1f]))
        try self.receive(serverFrame([0] + Array("b".utf8)))
        #expect(String(buffer: self.tail.received) == "ab")
        #expect(self.tail.errors.isEmpty)
    }

    @Test("A fragmented message belongs to the channel of its first byte")
    func fragments() throws {
        try self.receive(portPrefixes + serverFrame([0] + Array("ab".utf8), isFinal: false))
        try self.receive(serverFrame([1, 2, 3], opcode: 0x0))
        #expect(Array(self.tail.received.readableBytesView) == Array("ab".utf8) + [1, 2, 3])
    }

    @Test("The pod's error text becomes an error, then the channel closes")
    func failure() throws {
        try self.receive(
            portPrefixes + serverFrame([0, 0x61]) + serverFrame([1] + Array("dial: refused\u{1b}\n".utf8))
        )
        #expect(String(buffer: self.tail.received) == "a")
        #expect(self.tail.errors.map(\.message) == ["port-forward to pod p, port 1: dial: refused"])
        #expect(self.tail.errors.first?.code == .unreachable)
        #expect(self.tail.isInactive)
        let frames = try self.sent()
        #expect(frames.map(\.opcode) == [.connectionClose])
    }

    @Test("An error text without end is cut")
    func longFailure() throws {
        try self.receive(portPrefixes + serverFrame([1] + Array(repeating: 0x61, count: 60_000), isFinal: false))
        try self.receive(serverFrame(Array(repeating: 0x61, count: 60_000), opcode: 0x0))
        #expect((self.tail.errors.first?.message.utf8.count ?? 0) < 4200)
    }

    @Test("A message for a channel that was not opened is a violation", arguments: [[2, 1], [255, 1]] as [[UInt8]])
    func strangeChannel(payload: [UInt8]) throws {
        try self.receive(portPrefixes + serverFrame(payload))
        #expect(self.tail.errors.map(\.code) == [.protocolViolation])
        #expect(self.tail.isInactive)
    }

    @Test("Close codes: a normal one ends quietly, another is an error with its reason")
    func close() throws {
        try self.receive(portPrefixes + serverFrame([0x03, 0xe8], opcode: 0x8))
        #expect(self.tail.errors.isEmpty)
        #expect(self.tail.isInactive)
        let other = try PortForwardHandlerTests()
        try other.receive(serverFrame([0x03, 0xf3] + Array("oops".utf8), opcode: 0x8))
        #expect(other.tail.errors.map(\.message) == ["port-forward to pod p, port 1: oops (close code 1011)"])
        #expect(other.tail.isInactive)
    }

    @Test("Pings are answered with their own bytes")
    func ping() throws {
        try self.receive(serverFrame([1, 2, 3], opcode: 0x9))
        let frames = try self.sent()
        #expect(frames.map(\.opcode) == [.pong])
        #expect(frames.map { Array($0.unmaskedData.readableBytesView) } == [[1, 2, 3]])
    }

    @Test("Writes become masked messages of at most 65,535 bytes for channel 0, and promises wait for the last")
    func writes() throws {
        let payload = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let promise = self.channel.eventLoop.makePromise(of: Void.self)
        self.channel.writeAndFlush(ByteBuffer(bytes: payload), promise: promise)
        self.channel.writeAndFlush(ByteBuffer(), promise: nil)
        let frames = try self.sent()
        try promise.futureResult.wait()
        #expect(frames.allSatisfy { $0.fin && $0.opcode == .binary && $0.maskKey != nil })
        #expect(frames.map { $0.unmaskedData.readableBytes } == [65_535, 65_535, 18_933])
        #expect(frames.allSatisfy { $0.unmaskedData.readableBytesView.first == 0 })
        let isSame = frames.flatMap { $0.unmaskedData.readableBytesView.dropFirst() } == payload
        #expect(isSame)
    }

    @Test("Closing says goodbye; half-closing is not offered; writes after it fail")
    func closing() throws {
        #expect(throws: ChannelError.operationUnsupported) { try self.channel.close(mode: .output).wait() }
        try self.channel.close().wait()
        let frames = try self.sent()
        #expect(frames.map(\.opcode) == [.connectionClose])
        #expect(frames.first.map { Array($0.unmaskedData.readableBytesView) } == [0x03, 0xe8])
        #expect(throws: ChannelError.self) { try self.channel.writeAndFlush(ByteBuffer(string: "x")).wait() }
    }

    @Test("One read of the caller goes on until there is data, and not beyond")
    func readGating() throws {
        try self.channel.setOption(.autoRead, value: false).wait()
        let before = self.wire.reads
        self.channel.pipeline.read()
        #expect(self.wire.reads == before + 1)
        try self.receive(portPrefixes)
        #expect(self.wire.reads == before + 2)
        try self.receive(serverFrame([], opcode: 0xa))
        #expect(self.wire.reads == before + 3)
        try self.receive(serverFrame([0, 0x61]))
        #expect(self.wire.reads == before + 3)
        #expect(self.tail.received.readableBytes == 1)
    }

    @Test("Nothing is delivered after an error, even what came with it")
    func afterError() throws {
        try self.receive(portPrefixes + serverFrame([1] + Array("no".utf8)) + serverFrame([0] + Array("late".utf8)))
        #expect(self.tail.received.readableBytes == 0)
        #expect(self.tail.errors.count == 1)
    }
}
