public import Logging
public import NIOCore
import ProxyCore
public import SocketLoop
import Synchronization
public import Telemetry

/// Listens for the connections of one Service port, and relays each to the original or, request by request, into a tunnel.
///
/// Everything that belongs to a connection runs on the event loop that accepted it.
public final class InterceptListener: Sendable {
    private let configuration: ListenerConfiguration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let states: [LoopOfListener]
    private let shared = ListenerState()
    let routes: RouteTable
    private let sockets: SocketLoopGroup?
    var servicePort: Int { self.configuration.servicePort }
    private let listening = Mutex<Listening?>(nil)

    /// A listener that does nothing until `start()`.
    ///
    /// - Parameters:
    ///   - configuration: where it listens, and where the traffic was going.
    ///   - group: the event loops its connections are spread over where they are channels: where TLS is spoken, and where there are
    ///     no `sockets`.
    ///   - sockets: the loops its connections are spread over where they are bare sockets.
    ///   - routes: the routes of all ports.
    ///   - metrics: where it counts.
    ///   - accessLog: where its lines go; `nil` for none.
    ///   - logger: for what concerns the listener and no single request.
    public init(
        configuration: ListenerConfiguration,
        group: any EventLoopGroup,
        sockets: SocketLoopGroup? = .shared,
        routes: RouteTable,
        metrics: ProxyMetrics,
        accessLog: AccessLog?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.routes = routes
        let sockets = configuration.termination == nil ? sockets : nil
        self.sockets = sockets
        let shared = self.shared
        self.states = Self.loops(sockets, group).map { loop in
            let state = LoopState(
                loop: loop,
                deliveryLoop: sockets == nil ? loop : group.next(),
                configuration: configuration,
                table: routes,
                metrics: metrics.port(configuration.servicePort),
                log: accessLog,
                shared: shared
            )
            return LoopOfListener(loop: loop, box: .makeBoxSendingValue(state, eventLoop: loop))
        }
    }

    private static func loops(_ sockets: SocketLoopGroup?, _ group: any EventLoopGroup) -> [any EventLoop] {
        #if os(Linux)
            if let sockets { return sockets.loops }
        #endif
        return Array(group.makeIterator())
    }

    /// Listens, or says why it cannot.
    public func start() async throws {
        do {
            let listening = try await self.listen()
            self.listening.withLock { $0 = listening }
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

    private func listen() async throws -> Listening {
        #if os(Linux)
            if self.sockets != nil {
                return try await .sockets(
                    at: .makeAddressResolvingHost(self.configuration.host, port: self.configuration.port),
                    self.states,
                    self.logger
                )
            }
        #endif
        return try await .channels(
            host: self.configuration.host,
            port: self.configuration.port,
            self.group,
            self.states
        )
    }

    /// The port it listens on, once it does.
    public var boundPort: Int? {
        self.listening.withLock { $0?.port }
    }

    /// The client connections now.
    public var active: ActiveConnections {
        ActiveConnections(total: self.shared.total.value, busy: self.shared.busy.value)
    }

    /// Closes the listening socket; connections that are open go on.
    public func stopAccepting() async {
        let listening = self.listening.withLock { held in
            defer { held = nil }
            return held
        }
        await listening?.stop()
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
        for state in self.states {
            if let part = try? await state.loop.submit({ body(state.box.value) }).get() { parts.append(part) }
        }
        return parts
    }

    private func onEachLoop(_ body: @escaping @Sendable (LoopState) -> Void) {
        for state in self.states {
            state.loop.execute { body(state.box.value) }
        }
    }
}
