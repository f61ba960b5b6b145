import Crypto
import Foundation
import KubernetesModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SwiftASN1
import X509

@testable import KubernetesClient

/// A small HTTP server on loopback whose answers a closure gives.
final class TestServer: Sendable {
    struct Answer {
        var status: HTTPResponseStatus = .ok
        var headers: HTTPHeaders = [:]
        var body: [String] = []
        /// Whether the answer is left open after the body.
        var isEndless = false
    }

    let channel: any Channel
    var port: Int { self.channel.localAddress?.port ?? 0 }
    var connection: ClusterConnection {
        ClusterConnection(server: ServerAddress(host: "127.0.0.1", port: self.port, isTLS: false), userName: "alice")
    }

    /// - Parameters:
    ///   - tls: how it speaks TLS; nil for plain HTTP. The client's certificate is in the header `x-test-client`.
    ///   - answer: the answer to a request and its body. A request for a WebSocket gets a port-forward that says hello.
    init(
        tls: NIOSSLContext? = nil,
        _ answer: @escaping @Sendable (HTTPRequestHead, String) -> Answer
    ) async throws {
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Handler(answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// The head with the subject of the client's certificate.
    private static func identified(_ head: HTTPRequestHead, _ channel: any Channel) -> HTTPRequestHead {
        var head = head
        if let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate(),
            let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes)
        {
            head.headers.add(name: "x-test-client", value: "\(parsed.subject)")
        }
        return head
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let answer: (HTTPRequestHead, String) -> Answer
        private var head: HTTPRequestHead?
        private var body = ""

        init(answer: @escaping (HTTPRequestHead, String) -> Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch Self.unwrapInboundIn(data) {
            case .head(let head):
                self.head = TestServer.identified(head, context.channel)
                self.body = ""
            case .body(let bytes): self.body += String(buffer: bytes)
            case .end:
                guard let head = self.head else { return }
                let answer = self.answer(head, self.body)
                if let key = head.headers.first(name: "sec-websocket-key"), answer.status == .ok {
                    return Self.upgrade(context, key: key)
                }
                let responseHead = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.headers)
                context.write(Self.wrapOutboundOut(.head(responseHead)), promise: nil)
                for part in answer.body {
                    context.writeAndFlush(
                        Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: part)))),
                        promise: nil
                    )
                }
                if answer.isEndless {
                    context.flush()
                } else {
                    context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
                }
            }
        }

        /// Grants a port-forward that says hello.
        private static func upgrade(_ context: ChannelHandlerContext, key: String) {
            // RFC 6455 section 4.2.2.
            let hash = Insecure.SHA1.hash(data: Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
            let headers: HTTPHeaders = [
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Protocol": "v4.channel.k8s.io",
                "Sec-WebSocket-Accept": Data(hash).base64EncodedString(),
            ]
            let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
            context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
            let bytes = ByteBuffer(bytes: portPrefixes + serverFrame([0] + Array("hello".utf8)))
            context.writeAndFlush(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        }
    }
}
