import KubernetesModel
import NIOCore
import NIOHTTP1

/// Watches over a connection until it is upgraded: whatever goes wrong before, the caller's promise fails with it.
///
/// It lets only the answer's head pass and holds back what follows, the end of the connection included, until the handlers
/// behind it are in place: a pod's refusal often comes in the same packet as the answer.
final class UpgradeGuard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let headLimit = 64 * 1024

    private let promise: EventLoopPromise<Void>
    private let explain: (any Error) -> KubernetesError
    private var held = ByteBuffer()
    private var hasHead = false
    private var hasEnded = false
    private var isReleased = false

    init(_ promise: EventLoopPromise<Void>, explain: @escaping (any Error) -> KubernetesError) {
        self.promise = promise
        self.explain = explain
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isReleased else { return context.fireChannelRead(data) }
        var bytes = Self.unwrapInboundIn(data)
        self.held.writeBuffer(&bytes)
        while !self.hasHead, let head = self.takeHead() {
            // Interim answers come before the one that counts.
            let status = head.getString(at: head.readerIndex + 9, length: 3) ?? ""
            self.hasHead = !status.hasPrefix("1") || status == "101"
            context.fireChannelRead(Self.wrapInboundOut(head))
        }
        if !self.hasHead, self.held.readableBytes > Self.headLimit {
            self.fail(KubernetesError(.protocolViolation, "the answer to an upgrade has no end"), context)
        }
    }

    /// The bytes up to the first empty line, that included.
    private func takeHead() -> ByteBuffer? {
        guard let end = self.held.readableBytesView.firstRange(of: [0x0d, 0x0a, 0x0d, 0x0a]) else { return nil }
        return self.held.readSlice(length: end.upperBound - self.held.readerIndex)
    }

    /// The handlers behind this one are ready: hands on what was held back, and from now on everything.
    func release(_ context: ChannelHandlerContext) {
        self.isReleased = true
        if self.held.readableBytes > 0 {
            context.fireChannelRead(Self.wrapInboundOut(self.held))
            context.fireChannelReadComplete()
        }
        self.held = ByteBuffer()
        if self.hasEnded { context.fireChannelInactive() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.isReleased { return context.fireErrorCaught(error) }
        // A connection that breaks behind the head is heard of when its bytes have been.
        if !self.hasHead { self.fail(error, context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.isReleased { return context.fireChannelInactive() }
        self.hasEnded = true
        if !self.hasHead { self.fail(ChannelError.eof, context) }
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        self.promise.fail(self.explain(error))
        context.close(promise: nil)
    }
}

/// Reads the answer of a server that did not upgrade, and fails the promise with what it says.
final class RefusedUpgrade: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private static let bodyLimit = 64 * 1024

    private let promise: EventLoopPromise<Void>
    private let explain: (HTTPResponseHead, [UInt8]) -> KubernetesError
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []

    init(_ promise: EventLoopPromise<Void>, explain: @escaping (HTTPResponseHead, [UInt8]) -> KubernetesError) {
        self.promise = promise
        self.explain = explain
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let bytes):
            self.body.append(contentsOf: bytes.readableBytesView.prefix(max(0, Self.bodyLimit - self.body.count)))
        case .end: self.finish(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.finish(context)
    }

    private func finish(_ context: ChannelHandlerContext) {
        // The head is what brought this handler here; it is delivered first.
        self.promise.fail(self.explain(self.head ?? HTTPResponseHead(version: .http1_1, status: .badGateway), self.body))
        context.close(promise: nil)
    }
}
