public import Logging
public import NIOCore
import NIOPosix
import ProxyCore
import Synchronization

/// Listens for the connections of one Service port, and relays each to the original or, request by request, into a tunnel.
///
/// Everything that belongs to a connection runs on the event loop that accepted it.
public final class InterceptListener: Sendable {
    private let configuration: ListenerConfiguration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let states: [(loop: any EventLoop, box: NIOLoopBoundBox<LoopState>)]
    private let shared = ListenerState()
    let routes: RouteTable
    var servicePort: Int { self.configuration.servicePort }
    private let channel = Mutex<(any Channel)?>(nil)

    /// A listener that does nothing until `start()`.
    ///
    /// - Parameters:
    ///   - configuration: where it listens, and where the traffic was going.
    ///   - group: the event loops its connections are spread over.
    ///   - routes: the routes of all ports.
    ///   - metrics: where it counts.
    ///   - accessLog: where its lines go; `nil` for none.
    ///   - logger: for what concerns the listener and no single request.
    public init(
        configuration: ListenerConfiguration,
        group: any EventLoopGroup,
        routes: RouteTable,
        metrics: ProxyMetrics,
        accessLog: AccessLog?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.routes = routes
        let shared = self.shared
        self.states = group.makeIterator().map { loop in
            let state = LoopState(
                loop: loop,
                configuration: configuration,
                table: routes,
                metrics: metrics.port(configuration.servicePort),
                log: accessLog,
                shared: shared
            )
            return (loop, NIOLoopBoundBox.makeBoxSendingValue(state, eventLoop: loop))
        }
    }

    /// Listens, or says why it cannot.
    public func start() async throws {
        let states = Dictionary(uniqueKeysWithValues: self.states.map { (ObjectIdentifier($0.loop), $0.box) })
        let bootstrap = ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let state = states[ObjectIdentifier(channel.eventLoop)] else {
                        throw ChannelError.inappropriateOperationForState
                    }
                    try channel.pipeline.syncOperations.addHandler(Connection(state.value).makeClientHandler())
                }
            }
        do {
            let channel = try await bootstrap.bind(host: self.configuration.host, port: self.configuration.port).get()
            self.channel.withLock { $0 = channel }
        } catch {
            throw ListenerError(
                code: .bind,
                message: """
                    cannot listen on \(self.configuration.host):\(self.configuration.port) for Service port \
                    \(self.configuration.servicePort); choose a free port, above 1023 without root
                    """,
                cause: error
            )
        }
        self.logger.info(
            "listening",
            metadata: [
                "port": "\(self.configuration.servicePort)",
                "address": "\(self.configuration.host):\(self.boundPort ?? 0)",
                "original": "\(self.configuration.original)",
            ]
        )
    }

    /// The port it listens on, once it does.
    public var boundPort: Int? {
        self.channel.withLock { $0?.localAddress?.port }
    }

    /// The client connections now.
    public var active: ActiveConnections {
        ActiveConnections(total: self.shared.total.value, busy: self.shared.busy.value)
    }

    /// Closes the listening socket; connections that are open go on.
    public func stopAccepting() async {
        let channel = self.channel.withLock { held in
            defer { held = nil }
            return held
        }
        try? await channel?.close()
    }

    /// Lets the next response on each connection tell its client that the connection ends: nothing is lost that way.
    public func announceClose() {
        self.onEachLoop { $0.announceClose() }
    }

    /// Closes connections that are between two requests; the others follow after their exchange, raw ones by themselves.
    public func closeIdle() {
        self.onEachLoop { state in
            for connection in state.connections.values { connection.closeWhenIdle() }
        }
    }

    /// Closes every connection at once.
    public func closeAll() {
        self.onEachLoop { state in
            for connection in state.connections.values { connection.closeNow() }
            state.flushLog()
        }
    }

    /// What `body` makes of the state of each loop.
    func onEachLoop<Part: Sendable>(_ body: @escaping @Sendable (LoopState) -> Part) async -> [Part] {
        var parts: [Part] = []
        for (loop, box) in self.states {
            if let part = try? await loop.submit({ body(box.value) }).get() { parts.append(part) }
        }
        return parts
    }

    private func onEachLoop(_ body: @escaping @Sendable (LoopState) -> Void) {
        for (loop, box) in self.states {
            loop.execute { body(box.value) }
        }
    }
}
