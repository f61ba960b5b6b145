import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSOCKS
import Synchronization

@testable import KubernetesClient

/// A proxy on loopback. Whatever it is asked for, it connects to one port: names need not resolve.
final class TestProxy: Sendable {
    /// What it was asked: the heads of CONNECT requests, or the addresses of SOCKS requests.
    let asked = Asked()
    let channel: any Channel

    final class Asked: Sendable {
        private let all = Mutex<[String]>([])
        var list: [String] { self.all.withLock { $0 } }
        func add(_ text: String) { self.all.withLock { $0.append(text) } }
    }

    /// - Parameters:
    ///   - kind: what it speaks.
    ///   - port: where every connection goes.
    ///   - answer: the answer to CONNECT.
    init(_ kind: ProxyServer.Kind, to port: Int, answer: String = "HTTP/1.1 200 OK\r\n\r\n") async throws {
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [asked] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if kind == .socks5 {
                        let handshake = SOCKSServerHandshakeHandler()
                        try pipeline.addHandlers(handshake, SOCKSEnd(handshake, asked, port))
                    } else {
                        try pipeline.addHandler(ConnectEnd(asked, port, answer))
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func server(_ kind: ProxyServer.Kind) -> ProxyServer {
        ProxyServer(kind: kind, host: "127.0.0.1", port: self.channel.localAddress?.port ?? 0)
    }

    /// Connects to the port and passes everything on, both ways.
    fileprivate static func join(_ channel: any Channel, _ port: Int) -> EventLoopFuture<Void> {
        ClientBootstrap(group: channel.eventLoop).connect(host: "127.0.0.1", port: port).flatMapThrowing { other in
            try other.pipeline.syncOperations.addHandler(Pass(to: channel))
            try channel.pipeline.syncOperations.addHandler(Pass(to: other))
        }
    }
}

private final class Pass: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let other: any Channel
    init(to other: any Channel) { self.other = other }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.other.writeAndFlush(Self.unwrapInboundIn(data), promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { self.other.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class ConnectEnd: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    private let asked: TestProxy.Asked
    private let port: Int
    private let answer: String
    private var bytes = ByteBuffer()

    init(_ asked: TestProxy.Asked, _ port: Int, _ answer: String) {
        self.asked = asked
        self.port = port
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var data = Self.unwrapInboundIn(data)
        self.bytes.writeBuffer(&data)
        guard let head = self.bytes.readHTTPHead() else { return }
        self.asked.add(head)
        let channel = context.channel
        let answer = ByteBuffer(string: self.answer)
        guard self.answer.contains(" 200 ") else {
            channel.writeAndFlush(answer, promise: nil)
            return
        }
        TestProxy.join(channel, self.port).assumeIsolated().whenSuccess {
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
            channel.writeAndFlush(answer, promise: nil)
        }
    }
}

private final class SOCKSEnd: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ClientMessage
    typealias OutboundOut = ServerMessage
    private let handshake: SOCKSServerHandshakeHandler
    private let asked: TestProxy.Asked
    private let port: Int

    init(_ handshake: SOCKSServerHandshakeHandler, _ asked: TestProxy.Asked, _ port: Int) {
        self.handshake = handshake
        self.asked = asked
        self.port = port
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .greeting:
            let method = ServerMessage.selectedAuthenticationMethod(.init(method: .noneRequired))
            context.writeAndFlush(Self.wrapOutboundOut(method), promise: nil)
            let done = ServerMessage.authenticationData(ByteBuffer(), complete: true)
            context.writeAndFlush(Self.wrapOutboundOut(done), promise: nil)
        case .request(let request):
            switch request.addressType {
            case .domain(let name, let port): self.asked.add("\(name):\(port)")
            case .address(let address): self.asked.add("\(address)")
            }
            let response = SOCKSResponse(reply: .succeeded, boundAddress: request.addressType)
            let message = Self.wrapOutboundOut(.response(response))
            let pipeline = context.pipeline.syncOperations
            TestProxy.join(context.channel, self.port).assumeIsolated().whenSuccess {
                context.writeAndFlush(message, promise: nil)
                // In this order: the other one hands on bytes as it leaves.
                pipeline.removeHandler(self, promise: nil)
                pipeline.removeHandler(self.handshake, promise: nil)
            }
        case .authenticationData: break
        }
    }
}
