import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Tunnel

/// The interceptor's tunnels and the Unix sockets in front of them. Lives on one event loop.
final class TunnelServerCore {
    let configuration: TunnelServer.Configuration
    let eventLoop: any EventLoop
    private let context: NIOSSLContext
    private let logger: Logger
    private var accepted: [ObjectIdentifier: ServerTunnel] = [:]
    /// Those that nobody has admitted yet, in the order they came.
    private var strangers: [ServerTunnel] = []
    private var routes: [String: ServerTunnel] = [:]
    private var listeners: [String: UnixListener] = [:]
    /// The newest epoch of each route's laptop, kept so that an old tunnel that turns up late finds its successor's mark.
    private var epochs: [String: (fingerprint: String, epoch: UInt64)] = [:]
    private var attempts = 0
    private var isClosed = false

    init(configuration: TunnelServer.Configuration, eventLoop: any EventLoop, logger: Logger) throws {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.context = try PinnedTLS.serverContext(configuration.identity)
    }

    // MARK: Tunnels

    func accept(_ channel: any Channel) throws {
        guard !self.isClosed else { throw TunnelError(.closed, "the tunnel listener is closed") }
        let tunnel = ServerTunnel(channel: channel, server: self)
        self.accepted[ObjectIdentifier(tunnel)] = tunnel
        self.strangers.append(tunnel)
        try tunnel.start(self.context)
        // The oldest has had the most time to say who it is: those who say nothing do not keep a laptop out.
        guard self.strangers.count > self.configuration.mostStrangers else { return }
        self.strangers.first?.mux.end(
            TunnelError(.timeout, "others came before it had greeted, too many to wait for all")
        )
    }

    func admit(_ hello: TunnelHello, _ fingerprint: String) -> TunnelVerdict {
        // The same epoch comes again when its tunnel broke, often before that is noticed here.
        if let last = self.epochs[hello.route], last.fingerprint == fingerprint, hello.epoch < last.epoch {
            return .refuse(reason: "epoch \(hello.epoch) of this route is stale: epoch \(last.epoch) was here already")
        }
        return self.configuration.admit(hello, fingerprint)
    }

    func admitted(_ tunnel: ServerTunnel, _ hello: TunnelHello) {
        self.strangers.removeAll { $0 === tunnel }
        self.epochs[hello.route] = (tunnel.fingerprint, hello.epoch)
        let older = self.routes.updateValue(tunnel, forKey: hello.route)
        if let older {
            let epoch = older.hello?.epoch ?? 0
            self.configuration.onEvent(.superseded(id: hello.route, epoch: epoch, by: hello.epoch))
            older.end(
                TunnelError(.superseded, "epoch \(hello.epoch) of the route took over"),
                saying: ControlMessage(superseded: .init(by: hello.epoch))
            )
        }
        if let listener = self.listeners[hello.route] {
            if listener.path == tunnel.socketPath { return self.up(tunnel, hello) }
            self.listeners.removeValue(forKey: hello.route)?.close()
        }
        self.listen(tunnel, hello)
    }

    private func listen(_ tunnel: ServerTunnel, _ hello: TunnelHello) {
        let core = NIOLoopBound(self, eventLoop: self.eventLoop)
        let path = tunnel.socketPath
        let route = hello.route
        let bound = NIOLoopBound(tunnel, eventLoop: self.eventLoop)
        self.attempts += 1
        UnixListener.bind(
            path,
            attempt: self.attempts,
            on: self.eventLoop,
            isWanted: { core.value.routes[route] === bound.value },
            onConnection: { try core.value.connected($0, route: route) }
        )
        .assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel):
                let listener = UnixListener(path: path, channel: channel)
                guard self.routes[route] === tunnel else {
                    listener.close()
                    return
                }
                self.listeners[route] = listener
                self.up(tunnel, hello)
            case .failure(let error):
                let reason = "the interceptor cannot listen for the route's connections"
                self.logger.error("route socket failed", metadata: ["route": "\(route)", "error": "\(error)"])
                tunnel.end(TunnelError(.refused, reason), saying: ControlMessage(refused: .init(reason: reason)))
            }
        }
    }

    private func up(_ tunnel: ServerTunnel, _ hello: TunnelHello) {
        tunnel.confirm()
        self.configuration.onEvent(.routeUp(id: hello.route, epoch: hello.epoch, fingerprint: tunnel.fingerprint))
    }

    func ended(_ tunnel: ServerTunnel, _ reason: TunnelError, wasAdmitted: Bool) {
        self.accepted.removeValue(forKey: ObjectIdentifier(tunnel))
        self.strangers.removeAll { $0 === tunnel }
        guard wasAdmitted, let hello = tunnel.hello else {
            return self.configuration.onEvent(.refused(id: tunnel.hello?.route, reason: reason))
        }
        guard self.routes[hello.route] === tunnel else { return }
        self.routes.removeValue(forKey: hello.route)
        self.listeners.removeValue(forKey: hello.route)?.close()
        self.configuration.onEvent(
            .routeDown(id: hello.route, epoch: hello.epoch, reason: reason.description)
        )
    }

    private func connected(_ channel: any Channel, route: String) throws {
        guard let tunnel = self.routes[route] else { throw TunnelError(.closed, "the route is down") }
        try UnixEntrance.install(on: channel, tunnel: tunnel.mux, timing: self.configuration.timing)
    }

    // MARK: For the owner

    func send(_ line: String, to route: String) {
        self.routes[route]?.send(line)
    }

    func end(route: String, reason: String) {
        self.routes[route]?.end(
            TunnelError(.closed, reason),
            saying: ControlMessage(closing: .init(reason: reason))
        )
    }

    /// Ends a route's tunnel once nothing is under way in it; its Unix socket goes at once.
    func retire(_ route: String, reason: String, _ patience: TimeAmount) {
        guard let tunnel = self.routes[route] else { return }
        self.listeners.removeValue(forKey: route)?.close()
        self.endWhenIdle(tunnel, route, reason: reason, until: .now() + patience)
    }

    private func endWhenIdle(_ tunnel: ServerTunnel, _ route: String, reason: String, until deadline: NIODeadline) {
        // A newer tunnel of the route is none of this one's business.
        guard self.routes[route] === tunnel, self.listeners[route] == nil else { return }
        guard tunnel.mux.currentCounters.openStreams > 0, NIODeadline.now() < deadline else {
            return self.end(route: route, reason: reason)
        }
        _ = self.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(20)) {
            self.endWhenIdle(tunnel, route, reason: reason, until: deadline)
        }
    }

    func status() -> [TunnelRouteStatus] {
        self.routes.map { route, tunnel in
            TunnelRouteStatus(
                id: route,
                epoch: tunnel.hello?.epoch ?? 0,
                fingerprint: tunnel.fingerprint,
                counters: tunnel.mux.currentCounters
            )
        }
        .sorted { $0.id < $1.id }
    }

    /// Ends every tunnel; the future is done when their connections are closed.
    func close() -> EventLoopFuture<Void> {
        self.isClosed = true
        let closes = self.accepted.values.map { $0.channel.closeFuture }
        for route in Array(self.routes.keys) { self.end(route: route, reason: "the interceptor stops") }
        for tunnel in Array(self.accepted.values) {
            tunnel.mux.end(TunnelError(.closed, "the interceptor stops"))
        }
        return EventLoopFuture.andAllComplete(closes, on: self.eventLoop)
    }
}
