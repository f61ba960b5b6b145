import KubernetesModel
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Asks for a WebSocket, and makes place for the frame handler when it is granted.
///
/// Everything happens at once in the read that brings the answer, so a pod's refusal in the same packet, and the end of the
/// connection right behind it, reach the handlers that were just added. (NIOHTTP1's upgrade handler needs a turn of the event
/// loop to leave, and a connection that ends meanwhile takes those bytes with it.) The key and its check are NIOWebSocket's.
final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the handler asks its maker.
    struct Delegate {
        /// Sets up the pipeline behind the handler; runs before the first byte is handed on.
        var install: (any Channel) throws -> Void
        /// The error for an answer that is no upgrade.
        var refuse: (HTTPResponseHead, [UInt8]) -> KubernetesError
        /// The error for a connection that failed.
        var explain: (any Error) -> KubernetesError
    }

    private static let headLimit = 64 * 1024
    private static let bodyLimit = 64 * 1024

    private let handshake = NIOTypedWebSocketClientUpgrader<Void> { channel, _ in
        channel.eventLoop.makeSucceededVoidFuture()
    }
    private let target: String
    private let headers: HTTPHeaders
    private let subprotocol: String
    private let delegate: Delegate
    private let promise: EventLoopPromise<Void>
    private var bytes = ByteBuffer()
    /// The head of an answer that is no upgrade, whose body is awaited.
    private var refusal: HTTPResponseHead?
    private var isDone = false

    /// - Parameters:
    ///   - target: the request's path and query.
    ///   - headers: its headers, those of the upgrade aside.
    ///   - subprotocol: the only one offered; a server that does not choose it is refused.
    ///   - delegate: what to do with the answer.
    ///   - promise: succeeds when the connection is upgraded.
    init(target: String, headers: HTTPHeaders, subprotocol: String, delegate: Delegate, promise: EventLoopPromise<Void>)
    {
        self.target = target
        self.headers = headers
        self.subprotocol = subprotocol
        self.delegate = delegate
        self.promise = promise
    }

    /// Sends the request.
    func handlerAdded(context: ChannelHandlerContext) {
        var headers = self.headers
        headers.add(name: "Connection", value: "Upgrade")
        headers.add(name: "Upgrade", value: "websocket")
        headers.add(name: "Sec-WebSocket-Protocol", value: self.subprotocol)
        self.handshake.addCustom(upgradeRequestHeaders: &headers)
        var request = context.channel.allocator.buffer(capacity: 1024)
        request.writeString("GET \(self.target) HTTP/1.1\r\n")
        for header in headers { request.writeString("\(header.name): \(header.value)\r\n") }
        request.writeString("\r\n")
        context.writeAndFlush(Self.wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isDone else { return context.fireChannelRead(data) }
        var bytes = Self.unwrapInboundIn(data)
        self.bytes.writeBuffer(&bytes)
        if self.refusal != nil { return self.endRefusalIfWhole(context) }
        while !self.isDone, self.refusal == nil, let head = self.takeHead(context) {
            // Interim answers come before the one that counts.
            if head.status == .switchingProtocols {
                self.upgrade(context, head)
            } else if head.status.code >= 200 {
                self.refusal = head
                self.endRefusalIfWhole(context)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // With reads on demand only, nobody behind this handler asks for the rest of the answer.
        if !self.isDone { context.read() }
        context.fireChannelReadComplete()
    }

    private func takeHead(_ context: ChannelHandlerContext) -> HTTPResponseHead? {
        guard let text = self.bytes.readHTTPHead() else {
            if self.bytes.readableBytes > Self.headLimit { self.fail(context, "the answer's head is too long") }
            return nil
        }
        guard let head = HTTPResponseHead(parsing: text) else {
            self.fail(context, "the answer is not HTTP/1.1: is it an API server?")
            return nil
        }
        return head
    }

    private func upgrade(_ context: ChannelHandlerContext, _ head: HTTPResponseHead) {
        guard self.handshake.shouldAllowUpgrade(upgradeResponse: head) else {
            return self.fail(context, "the answer to the WebSocket handshake is wrong")
        }
        let chosen = head.headers[canonicalForm: "Sec-WebSocket-Protocol"].joined(separator: ", ")
        guard chosen == self.subprotocol else {
            let said = chosen.isEmpty ? "none" : chosen
            return self.fail(
                context,
                KubernetesError(.unsupported, "the API server does not offer \(self.subprotocol) (it chose \(said))")
            )
        }
        do {
            try self.delegate.install(context.channel)
        } catch {
            return self.fail(context, error)
        }
        self.isDone = true
        self.promise.succeed()
        if self.bytes.readableBytes > 0 { context.fireChannelRead(Self.wrapInboundOut(self.bytes)) }
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func endRefusalIfWhole(_ context: ChannelHandlerContext) {
        guard let head = self.refusal, self.bytes.readableBytes < Self.bodyLimit else {
            return self.endRefusal(context)
        }
        if head.headers[canonicalForm: "Transfer-Encoding"].last == "chunked" {
            if self.bytes.readableBytesView.suffix(5).elementsEqual("0\r\n\r\n".utf8) { self.endRefusal(context) }
        } else if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }) {
            if self.bytes.readableBytes >= length { self.endRefusal(context) }
        }
    }

    private func endRefusal(_ context: ChannelHandlerContext) {
        guard let head = self.refusal else { return }
        let isChunked = head.headers[canonicalForm: "Transfer-Encoding"].last == "chunked"
        let body = isChunked ? Self.unchunk(self.bytes) : Array(self.bytes.readableBytesView)
        self.fail(context, self.delegate.refuse(head, body))
    }

    /// The payload of chunks, as far as they can be read: it is only quoted.
    private static func unchunk(_ bytes: ByteBuffer) -> [UInt8] {
        var rest = bytes.readableBytesView[...]
        var body: [UInt8] = []
        while let line = rest.firstRange(of: [0x0d, 0x0a]) {
            let digits = String(decoding: rest[..<line.lowerBound].prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self)
            guard let size = Int(digits, radix: 16), size > 0 else { break }
            rest = rest[line.upperBound...]
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return body
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !self.isDone else { return context.fireErrorCaught(error) }
        self.fail(context, error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isDone {
            self.endRefusal(context)
            self.promise.fail(self.delegate.explain(ChannelError.eof))
        }
        context.fireChannelInactive()
    }

    private func fail(_ context: ChannelHandlerContext, _ message: String) {
        self.fail(context, KubernetesError(.protocolViolation, message))
    }

    private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
        guard !self.isDone else { return }
        self.isDone = true
        self.promise.fail(self.delegate.explain(error))
        context.close(promise: nil)
    }
}

extension HTTPResponseHead {
    /// Reads a status line and header lines; nil when they are none.
    init?(parsing text: String) {
        // By code units: Swift sees a carriage return and a line feed as one character.
        let lines = text.utf8.split(separator: 0x0a).map { String(decoding: $0.filter { $0 != 0x0d }, as: UTF8.self) }
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let code = UInt(words[1]), (100..<600).contains(code)
        else {
            return nil
        }
        var headers = HTTPHeaders()
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers.add(name: String(line[..<colon]), value: String(value))
        }
        self.init(version: .http1_1, status: HTTPResponseStatus(statusCode: Int(code)), headers: headers)
    }
}
