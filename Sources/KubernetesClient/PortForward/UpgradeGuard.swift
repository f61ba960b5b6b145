import KubernetesModel
import NIOCore
import NIOHTTP1

/// Watches over a connection until it is upgraded: whatever goes wrong before, the caller's promise fails with it.
final class UpgradeGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let promise: EventLoopPromise<Void>
    private let explain: (any Error) -> KubernetesError

    init(_ promise: EventLoopPromise<Void>, explain: @escaping (any Error) -> KubernetesError) {
        self.promise = promise
        self.explain = explain
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(self.explain(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.fail(self.explain(ChannelError.eof))
        context.fireChannelInactive()
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
