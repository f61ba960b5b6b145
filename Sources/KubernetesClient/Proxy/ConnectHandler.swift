import NIOCore
import NIOHTTP1

/// Asks an HTTP proxy for a connection by CONNECT (RFC 9110 section 9.3.6), and leaves when it is there.
///
/// NIOExtras has one too; its errors do not tell the status, and the status is what a user can act on.
final class ConnectHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let headLimit = 16 * 1024

    private let target: String
    private let login: Login?
    private let promise: EventLoopPromise<Void>
    private var bytes = ByteBuffer()
    private var isDone = false

    /// - Parameters:
    ///   - target: host and port to be connected to.
    ///   - login: for proxies that ask for one.
    ///   - promise: succeeds when the connection is there.
    init(target: String, login: Login?, promise: EventLoopPromise<Void>) {
        self.target = target
        self.login = login
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        var request = context.channel.allocator.buffer(capacity: 256)
        request.writeString("CONNECT \(self.target) HTTP/1.1\r\nHost: \(self.target)\r\nUser-Agent: detour\r\n")
        if let login = self.login { request.writeString("Proxy-Authorization: \(login.authorization)\r\n") }
        request.writeString("\r\n")
        context.writeAndFlush(Self.wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isDone else { return context.fireChannelRead(data) }
        var bytes = Self.unwrapInboundIn(data)
        self.bytes.writeBuffer(&bytes)
        while let text = self.bytes.readHTTPHead() {
            guard let head = HTTPResponseHead(parsing: text) else { return self.fail("it does not speak HTTP/1.1") }
            if head.status.code < 200 { continue }
            guard head.status.code < 300 else { return self.fail(Self.describe(head.status.code)) }
            return self.leave(context)
        }
        if self.bytes.readableBytes > Self.headLimit { self.fail("the head of its answer is too long") }
    }

    private func leave(_ context: ChannelHandlerContext) {
        // Nobody was asked anything yet, so these are not the API server's bytes.
        guard self.bytes.readableBytes == 0 else { return self.fail("it sent more than an answer") }
        self.isDone = true
        context.pipeline.syncOperations.removeHandler(context: context, promise: self.promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isDone { self.fail("it closed the connection") }
        context.fireChannelInactive()
    }

    private func fail(_ message: String) {
        self.isDone = true
        self.promise.fail(ProxyRefusal(message))
    }

    static let needsLogin = "asks for a login (407): put one into the URL, http://user:password@host:port"

    private static func describe(_ status: UInt) -> String {
        switch status {
        case 407: "it \(Self.needsLogin)"
        case 403: "it refuses (403)"
        default: "it answered \(status)"
        }
    }
}

extension ByteBuffer {
    /// Takes an HTTP/1 head with the empty line behind it; nil when it is not whole yet.
    mutating func readHTTPHead() -> String? {
        guard let end = self.readableBytesView.firstRange(of: [0x0d, 0x0a, 0x0d, 0x0a]) else { return nil }
        let text = self.readString(length: end.lowerBound - self.readerIndex) ?? ""
        self.moveReaderIndex(to: end.upperBound)
        return text
    }
}
