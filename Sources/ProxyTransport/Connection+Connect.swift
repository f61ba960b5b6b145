import HTTPWire
import NIOCore
import NIOPosix
import ProxyCore
import Telemetry

/// The connections this one opens: to the original, and into a tunnel.
extension Connection {
    /// The byte with which a tunnel says that the laptop's local port has accepted.
    private static let acknowledgement: UInt8 = 0x06

    /// Connects to the original, unless a route takes whole connections.
    func begin() {
        guard let whole = self.state.routes.first(where: { $0.route.takesWholeConnections }) else {
            self.connectOriginal()
            return
        }
        whole.counters.seen.add()
        guard !whole.route.isPaused else {
            self.connectOriginal()
            return
        }
        guard whole.route.isSampled else {
            self.isOutsideSample = true
            self.connectOriginal()
            return
        }
        guard whole.route.isUp else {
            self.connectOriginal()
            return
        }
        whole.counters.matched.add()
        self.chosen = whole
        self.machine.takeWhole(by: whole.route)
        self.pump()
    }

    func connectOriginal() {
        let configuration = self.state.configuration
        if configuration.termination != nil, self.entry == nil { self.entry = TLSEntry() }
        self.connectOriginal(configuration.candidates?() ?? [configuration.original])
    }

    /// Tries one address after the other: a client is refused only when all of them refuse.
    private func connectOriginal(_ candidates: [SocketAddress]) {
        guard let address = candidates.first else {
            self.originalFailed()
            return
        }
        let timeout = self.state.configuration.connectTimeout
        self.state.makeSide(.original, self).connect(to: address, within: timeout) {
            self.connectOriginal(Array(candidates.dropFirst()))
        }
    }

    func connectUpstream() {
        guard let route = self.machine.route else {
            return
        }
        let handler = self.state.makeSide(.upstream, self)
        self.upstream = handler
        self.upstreamStartedAt = .now()
        self.connect(handler, to: route) {
            if self.upstream === handler {
                self.upstream = nil
                self.machine.upstreamFailed(.localRefused)
                self.pump()
                self.flush()
            }
        }
    }

    /// Opens a connection into the tunnel of `route`, or says that there is none.
    func connect(_ handler: SideHandler, to route: Route, orElse failed: @escaping () -> Void) {
        handler.awaitsAcknowledgement = true
        guard let path = try? SocketAddress(unixDomainSocketPath: route.upstreamPath) else {
            handler.connection = nil
            return self.state.loop.assumeIsolated().execute(failed)
        }
        handler.connect(to: path, within: self.state.configuration.acknowledgementTimeout, orElse: failed)
    }

    /// Tells the tunnel whose connection this is; nothing of the request goes before the answer to that.
    func greet(_ handler: SideHandler) {
        guard let route = self.tunnelRoute(handler), let addresses = self.client?.addresses else {
            handler.connection = nil
            handler.close()
            return
        }
        let preamble = proxyPreamble(
            source: addresses.remote,
            destination: addresses.local,
            route: route.id,
            servicePort: self.state.configuration.servicePort,
            applicationProtocol: self.protocolOfTunnel
        )
        _ = handler.send(preamble)
        handler.flush()
    }

    /// What goes into a tunnel, as ALPN names it; nil where a whole connection goes, which nobody has looked at.
    private var protocolOfTunnel: String? {
        if self.http2 != nil { return "h2" }
        return self.machine.head == nil ? nil : "http/1.1"
    }

    /// The route a connection into a tunnel was opened for; nil when it is wanted no more.
    private func tunnelRoute(_ handler: SideHandler) -> Route? {
        if let http2 = self.http2 {
            return http2.route(of: handler)
        }
        return self.upstream === handler ? self.machine.route : nil
    }

    /// Takes the acknowledgement off the front of what a tunnel sent; `false` when the bytes are not for the machine.
    func acknowledge(_ handler: SideHandler) -> Bool {
        guard handler.awaitsAcknowledgement else {
            return true
        }
        guard let isAccepted = self.takeAcknowledgement(handler, since: self.upstreamStartedAt) else {
            return false
        }
        if isAccepted {
            self.machine.upstreamAccepted()
        } else {
            self.machine.upstreamFailed(.localRefused)
        }
        return true
    }

    /// What the tunnel said first; nil while it has said nothing.
    func takeAcknowledgement(_ handler: SideHandler, since start: NIODeadline) -> Bool? {
        guard let first = handler.held.readInteger(as: UInt8.self) else {
            return nil
        }
        handler.awaitsAcknowledgement = false
        guard first == Self.acknowledgement else {
            handler.held.clear()
            return false
        }
        let taken = NIODeadline.now() - start
        self.state.metrics.acknowledgement.record(microseconds: Int(taken.nanoseconds / 1_000))
        return true
    }
}
