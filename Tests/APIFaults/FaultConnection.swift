import NIOCore
import NIOPosix
import NIOSSL

/// One client connection and the one to the server behind it, on one event loop: it does what the relay says.
final class FaultConnection {
    enum Side {
        case client
        case server
    }

    private var relay = FaultRelay()
    private let decide: @Sendable (APIRequest) -> Fault?
    private let kill: @Sendable () -> Void
    private let strike: @Sendable () async -> Void
    fileprivate var client: ChannelHandlerContext?
    fileprivate var server: ChannelHandlerContext?

    init(
        decide: @escaping @Sendable (APIRequest) -> Fault?,
        kill: @escaping @Sendable () -> Void,
        strike: @escaping @Sendable () async -> Void
    ) {
        self.decide = decide
        self.kill = kill
        self.strike = strike
    }

    /// Connects to the server, and then reads what the client says.
    func connect(_ configuration: FaultProxy.Configuration, from client: any Channel) {
        let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
        ClientBootstrap(group: client.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    if let tls = configuration.serverTLS {
                        try operations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil))
                    }
                    try operations.addHandler(FaultHandler(.server, bound.value))
                }
            }
            .connect(to: configuration.server)
            .flatMap { _ in client.setOption(.autoRead, value: true) }
            .whenFailure { _ in client.close(promise: nil) }
    }

    func received(_ bytes: [UInt8], _ side: Side) {
        self.perform(side == .client ? self.relay.clientSent(bytes) : self.relay.serverSent(bytes))
    }

    func ended(_ side: Side) {
        self.perform(side == .client ? self.relay.clientEnded() : self.relay.serverEnded())
        if side == .client { self.client = nil } else { self.server = nil }
    }

    private func perform(_ outputs: [FaultRelay.Output]) {
        for output in outputs {
            switch output {
            case .decide(let request): self.perform(self.relay.decided(self.decide(request)))
            case .toClient(let bytes): Self.send(bytes, self.client)
            case .toServer(let bytes): Self.send(bytes, self.server)
            case .wait(let milliseconds):
                self.client?.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                    self.perform(self.relay.waited())
                }
            case .kill: self.kill()
            case .strike:
                let strike = self.strike
                self.client?.eventLoop.makeFutureWithTask { await strike() }.assumeIsolated().whenComplete { _ in
                    self.perform(self.relay.waited())
                }
            case .reset:
                for context in [self.client, self.server].compactMap({ $0 }) {
                    let options = context.channel as? any SocketOptionProvider
                    _ = options?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                    // Below TLS, whose goodbye would be an end and no cut.
                    context.channel.pipeline.syncOperations.closeSocket()
                }
            case .close:
                self.client?.close(promise: nil)
                self.server?.close(promise: nil)
            }
        }
    }

    private static func send(_ bytes: [UInt8], _ context: ChannelHandlerContext?) {
        guard !bytes.isEmpty, let context else { return }
        context.writeAndFlush(NIOAny(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Closes the socket without asking the handlers between.
    func closeSocket() {
        if let tls = try? self.context(handlerType: NIOSSLServerHandler.self) {
            tls.close(promise: nil)
        } else if let tls = try? self.context(handlerType: NIOSSLClientHandler.self) {
            tls.close(promise: nil)
        } else {
            self.close(mode: .all, promise: nil)
        }
    }
}

/// The last handler of either channel.
final class FaultHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let side: FaultConnection.Side
    private let connection: FaultConnection

    init(_ side: FaultConnection.Side, _ connection: FaultConnection) {
        self.side = side
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if self.side == .client { self.connection.client = context } else { self.connection.server = context }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.received(Array(self.unwrapInboundIn(data).readableBytesView), self.side)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.connection.ended(self.side)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
