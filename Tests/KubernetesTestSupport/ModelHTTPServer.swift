import Foundation
import KubernetesClient
import KubernetesModel
public import NIOCore
import NIOHTTP1
import NIOPosix
public import NIOSSL

/// The model of an API server behind a real socket.
public final class ModelHTTPServer: Sendable {
    private let model: ModelAPIServer
    private let channel: any Channel

    /// Where it listens.
    public var address: SocketAddress {
        get throws { try SocketAddress(ipAddress: "127.0.0.1", port: self.channel.localAddress?.port ?? 0) }
    }

    /// Starts one.
    ///
    /// - Parameter tls: how it answers TLS; nil for plain HTTP.
    public init(_ model: ModelAPIServer, tls: NIOSSLContext? = nil) async throws {
        self.model = model
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Handler(model))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// Listens no more.
    public func stop() async throws { try await self.channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let model: ModelAPIServer
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ model: ModelAPIServer) { self.model = model }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head): (self.head, self.body) = (head, [])
            case .body(let bytes): self.body += Array(bytes.readableBytesView)
            case .end:
                guard let head = self.head, let request = Self.request(head, self.body) else {
                    return context.close(promise: nil)
                }
                let channel = context.channel
                let model = self.model
                channel.eventLoop.makeFutureWithTask { try await Self.answer(request, model, channel) }
                    .whenFailure { _ in channel.close(promise: nil) }
            }
        }

        private static func request(_ head: HTTPRequestHead, _ body: [UInt8]) -> KubernetesRequest? {
            guard let method = KubernetesRequest.Method(rawValue: head.method.rawValue) else { return nil }
            let parts = head.uri.split(separator: "?", maxSplits: 1)
            let query = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { item in
                let pair = item.split(separator: "=", maxSplits: 1).map { $0.removingPercentEncoding ?? "" }
                return KubernetesRequest.QueryItem(pair[0], pair.count > 1 ? pair[1] : "")
            }
            var request = KubernetesRequest(
                method,
                parts[0].split(separator: "/").map { $0.removingPercentEncoding ?? "" },
                query: query,
                body: body.isEmpty ? nil : try? JSONValue(parsing: body),
                contentType: head.headers.first(name: "content-type") ?? "application/json"
            )
            request.isStream = query.contains { $0.name == "watch" }
            return request
        }

        private static func answer(
            _ request: KubernetesRequest,
            _ model: ModelAPIServer,
            _ channel: any Channel
        ) async throws {
            let response = try await model.send(request)
            let head = HTTPResponseHead(
                version: .http1_1,
                status: .init(statusCode: response.status),
                headers: ["content-type": "application/json", "transfer-encoding": "chunked"]
            )
            try await channel.writeAndFlush(HTTPServerResponsePart.head(head))
            for try await part in response.body {
                try await channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(part)))
            }
            try await channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        }
    }
}
