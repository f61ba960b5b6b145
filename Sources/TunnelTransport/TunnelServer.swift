public import Logging
public import NIOCore
import NIOPosix

/// The interceptor's end of all its tunnels.
///
/// Laptops come in over TLS with a key that the Session names, greet, and are admitted or refused. While a route's tunnel is
/// up, a Unix-domain socket stands for the laptop: a connection to it that begins with a PROXY header becomes a stream, one
/// byte `0x06` says that the laptop's own service took it, and from there on bytes flow both ways. When the tunnel goes, the
/// socket goes with it, at once.
///
/// Everything runs on one event loop of the group given to `bind`.
public final class TunnelServer: Sendable {
    /// Where the tunnels are accepted.
    public let localAddress: SocketAddress?

    private let listener: any Channel
    private let core: NIOLoopBound<TunnelServerCore>

    private init(listener: any Channel, core: NIOLoopBound<TunnelServerCore>) {
        self.localAddress = listener.localAddress
        self.listener = listener
        self.core = core
    }

    /// The port the tunnels are accepted at.
    public var port: Int { self.localAddress?.port ?? 0 }

    /// Starts to accept tunnels at `host` and `port` (0: any free one).
    public static func bind(
        host: String,
        port: Int,
        group: any EventLoopGroup,
        configuration: Configuration,
        logger: Logger
    ) async throws -> TunnelServer {
        let eventLoop = group.next()
        let core = try await eventLoop.submit {
            let core = try TunnelServerCore(configuration: configuration, eventLoop: eventLoop, logger: logger)
            return NIOLoopBound(core, eventLoop: eventLoop)
        }.get()
        let listener = try await ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.recvAllocator, value: TunnelSocket.receiveAllocator)
            .childChannelOption(.maxMessagesPerRead, value: TunnelSocket.readsPerTurn)
            .childChannelOption(.writeBufferWaterMark, value: TunnelSocket.writeMarks)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try core.value.accept(channel) }
            }
            .bind(host: host, port: port)
            .get()
        return TunnelServer(listener: listener, core: core)
    }

    /// Sends a line (one JSON text without a newline) to a route's laptop; dropped when the route is down.
    public func send(_ line: String, to route: String) {
        self.listener.eventLoop.execute { self.core.value.send(line, to: route) }
    }

    /// Takes no more connections for a route, and ends its tunnel when those there are have ended, telling the laptop why;
    /// returns when its Unix socket is gone.
    ///
    /// - Parameter patience: how long at most what is under way may take.
    public func end(route: String, reason: String, patience: Duration = .zero) async {
        let patience = TimeAmount(patience)
        try? await self.listener.eventLoop.submit { self.core.value.retire(route, reason: reason, patience) }.get()
    }

    /// The routes whose tunnels are up, by name.
    public func routes() async -> [TunnelRouteStatus] {
        (try? await self.listener.eventLoop.submit { self.core.value.status() }.get()) ?? []
    }

    /// Accepts no more, ends every tunnel, and returns when their connections are closed.
    public func close() async {
        try? await self.listener.close().get()
        try? await self.listener.eventLoop.flatSubmit { self.core.value.close() }.get()
    }
}

/// Options of the connection under a tunnel.
public enum TunnelSocket {
    /// Large reads: one decrypts many records. Not larger, and one a turn (`readsPerTurn`), because TLS decrypts all that a
    /// turn reads into one buffer, and a stream whose reader is slow keeps that whole.
    public static var receiveAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 4 * 1024, initial: 64 * 1024, maximum: 128 * 1024)
    }

    /// How often a turn of the event loop reads such a connection, or one of those that go into tunnels.
    public static let readsPerTurn: UInt = 1

    /// Where a connection beside a tunnel stops and resumes taking data from its stream. What it holds is credited already,
    /// so that this adds to the stream's window.
    static var localWriteMarks: ChannelOptions.Types.WriteBufferWaterMark {
        .init(low: 32 * 1024, high: 64 * 1024)
    }

    /// Where a tunnel stops and resumes taking data from its streams.
    public static var writeMarks: ChannelOptions.Types.WriteBufferWaterMark {
        .init(low: 128 * 1024, high: 512 * 1024)
    }
}
