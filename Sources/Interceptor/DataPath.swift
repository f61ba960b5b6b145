import InterceptPlanning
import Logging
import NIOCore
import ProxyCore
import ProxyTransport
import Telemetry
import TrafficMatch

/// The replica's listeners, one a Service port, and the routes they look at.
struct DataPath: Sendable {
    let listeners: [InterceptListener]
    let routes: RouteTable
    let metrics: ProxyMetrics
    let accessLog: AccessLog
    let originals: OriginalAddresses
    /// How TLS is spoken in the Service's place, by Service port.
    let terminations: [Int: TLSTermination]
    private let ports: [InterceptedPort]
    private let gate: TunnelGate

    init(
        _ configuration: InterceptorConfiguration,
        gate: TunnelGate,
        host: String,
        group: any EventLoopGroup,
        logger: Logger,
        tlsDirectory: (Int) -> String = InterceptorConfiguration.tlsDirectory
    ) throws {
        var terminations: [Int: TLSTermination] = [:]
        for (port, secret) in configuration.tlsSecrets {
            terminations[port] = TLSTermination(
                secret: "\(secret) in namespace \(configuration.namespace)",
                directory: tlsDirectory(port)
            )
        }
        self.terminations = terminations
        let routes = RouteTable()
        let metrics = ProxyMetrics()
        let accessLog = AccessLog(LogFile(descriptor: 1), dropped: metrics.logLinesDropped)
        let originals = OriginalAddresses(configuration)
        self.listeners = try configuration.ports.map { port in
            let decoy = try SocketAddress(ipAddress: configuration.decoyAddress, port: port.port)
            var listener = ListenerConfiguration(
                host: host,
                port: port.listener,
                servicePort: port.port,
                original: decoy
            )
            listener.candidates = { originals.candidates(servicePort: port.port, decoy: decoy) }
            listener.termination = terminations[port.port]
            // Long enough for a lost SYN or two; a decoy that was just deleted may swallow them all.
            listener.connectTimeout = .seconds(3)
            return InterceptListener(
                configuration: listener,
                group: group,
                routes: routes,
                metrics: metrics,
                accessLog: accessLog,
                logger: logger
            )
        }
        self.originals = originals
        self.routes = routes
        self.metrics = metrics
        self.accessLog = accessLog
        self.ports = configuration.ports
        self.gate = gate
    }

    /// Client connections that are open now.
    var activeConnections: Int { self.listeners.reduce(0) { $0 + $1.active.total } }

    /// Client connections that were accepted so far.
    var connectionsSoFar: Int { self.metrics.opened }

    /// The next response on each connection tells its client that the connection ends.
    func announceClose() {
        self.listeners.forEach { $0.announceClose() }
    }

    /// Idle connections end now, others after their exchange.
    func closeIdle() {
        self.listeners.forEach { $0.closeIdle() }
    }

    /// Binds every listener.
    func start() async throws {
        for listener in self.listeners { try await listener.start() }
    }

    /// Ends every connection and writes the last log lines.
    func close() async {
        self.listeners.forEach { $0.closeAll() }
        await self.accessLog.close()
    }

    /// What every route has seen on all its ports so far, by name; its latest requests are said once.
    func takeSightings() async -> [String: RouteSightings] {
        var sightings: [String: RouteSightings] = [:]
        for listener in self.listeners {
            for (route, seen) in await listener.takeSightings() { sightings[route, default: .init()] += seen }
        }
        return sightings
    }

    /// Puts the Session's routes on the listeners. A Session that closes diverts nothing any more.
    ///
    /// - Parameters:
    ///   - tunnels: the routes whose tunnel ends here, with its epoch.
    ///   - paused: the routes that take nothing for now.
    func update(_ session: Session?, tunnels: [String: UInt64], paused: Set<String>) {
        let live = session.map { $0.phase == .active ? $0.routes : [] } ?? []
        self.routes.replace(
            with: Dictionary(
                self.ports.map { port in
                    (
                        port.port,
                        live.filter { $0.ports.contains(port.port) }.map { route in
                            ProxyCore.Route(
                                id: route.id,
                                match: route.match,
                                upstreamPath: self.gate.socketPath(route: route.id),
                                isUp: tunnels[route.id] == UInt64(route.epoch),
                                onUnreachable: route.onUnreachable == .original ? .original : .unavailable,
                                samplePer10000: route.samplePer10000,
                                isBounded: route.isBounded,
                                isPaused: paused.contains(route.id),
                                isMirror: route.isMirror
                            )
                        }
                    )
                },
                uniquingKeysWith: { $1 }
            )
        )
    }
}
