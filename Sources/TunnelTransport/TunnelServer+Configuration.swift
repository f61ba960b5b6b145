public import Tunnel

extension TunnelServer {
    /// What the interceptor decides about its tunnels. The closures run on the event loop: they look things up, no more.
    public struct Configuration: Sendable {
        /// This end's key.
        public var identity: TunnelIdentity
        /// Whether a laptop's key may come in, asked at every handshake.
        public var isAllowed: @Sendable (_ fingerprint: String) -> Bool
        /// Whether a laptop may serve the route it greets for.
        ///
        /// Compares the session in constant time (`constantTimeEquals`), and the key with the one of that route.
        public var admit: @Sendable (_ hello: TunnelHello, _ fingerprint: String) -> TunnelVerdict
        /// Told of what happens.
        public var onEvent: @Sendable (TunnelServerEvent) -> Void
        /// Pings and deadlines.
        public var timing = TunnelTiming()
        /// What a session lets its peer do.
        public var limits = YamuxLimits()
        /// How many connections may be on their way in at once; one more ends the oldest of them.
        public var mostStrangers = 64

        /// A configuration with the design's timing and limits.
        public init(
            identity: TunnelIdentity,
            isAllowed: @escaping @Sendable (_ fingerprint: String) -> Bool,
            admit: @escaping @Sendable (_ hello: TunnelHello, _ fingerprint: String) -> TunnelVerdict,
            onEvent: @escaping @Sendable (TunnelServerEvent) -> Void
        ) {
            self.identity = identity
            self.isAllowed = isAllowed
            self.admit = admit
            self.onEvent = onEvent
        }
    }
}

/// What happened to the interceptor's tunnels.
public enum TunnelServerEvent: Sendable, Hashable {
    /// A route's Unix socket accepts now.
    case routeUp(id: String, epoch: UInt64, fingerprint: String)
    /// A route's Unix socket is gone.
    case routeDown(id: String, epoch: UInt64, reason: String)
    /// A newer tunnel of the route took an older one's place; `routeUp` of the newer follows.
    case superseded(id: String, epoch: UInt64, by: UInt64)
    /// A handshake or a greeting was turned down; the route is known only after a greeting.
    case refused(id: String?, reason: TunnelError)
    /// A later line of a laptop.
    case line(id: String, String)
}

/// A route whose tunnel is up.
public struct TunnelRouteStatus: Sendable, Hashable {
    /// The route's identifier.
    public var id: String
    /// The tunnel's epoch.
    public var epoch: UInt64
    /// The laptop's key.
    public var fingerprint: String
    /// What the tunnel has carried.
    public var counters: TunnelCounters
}
