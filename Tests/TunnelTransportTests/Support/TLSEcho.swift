import CertificateTestSupport
import NIOCore
import NIOPosix
import NIOSSL

/// A local service that speaks TLS, sends everything back, and ends when its client does.
struct TLSEcho {
    let channel: any Channel
    let authority: TestAuthority
    var port: Int { self.channel.localAddress?.port ?? 0 }

    init(applicationProtocols: [String] = [], saysGoodbye: Bool = true) async throws {
        self.authority = try TestAuthority()
        let identity = try self.authority.identity("localhost")
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8)).map {
                .certificate($0)
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem))
        )
        configuration.applicationProtocols = applicationProtocols
        let context = try NIOSSLContext(configuration: configuration)
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.addHandler(Echo(saysGoodbye: saysGoodbye))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func close() async throws {
        try await self.channel.close()
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let saysGoodbye: Bool

        init(saysGoodbye: Bool) {
            self.saysGoodbye = saysGoodbye
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(data, promise: nil)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .inputClosed = event as? ChannelEvent else { return }
            if self.saysGoodbye { return context.close(mode: .output, promise: nil) }
            // Below TLS, which would say it.
            let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
            context.writeAndFlush(NIOAny(ByteBuffer())).assumeIsolated().whenComplete { _ in
                tls?.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}
