#if os(Linux)
    import GatewayCore
    import NIOCore
    import SocketTLS
    import TrafficMatch

    /// A listener's settings, as its connections use them.
    final class ListenerPlan: Sendable {
        let name: String
        let rules: [GatewaySettings.RouteRule]
        /// The cluster that bytes go to unread, by its place in the settings.
        let cluster: Int?
        /// Whom it serves, and how, where it is a forward proxy.
        let forward: ForwardPlan?
        /// What new connections are secured with; nil where they are plain.
        let tls: TLSServerContext?
        /// Whether a route looks at paths: then each has to have one spelling.
        let readsPaths: Bool
        /// Connections of one kind cannot go on as ones of another.
        var kind: [Bool] { [self.cluster == nil, self.forward == nil] }
        let headLimit: Int
        let headTimeout: TimeAmount
        let idleTimeout: TimeAmount
        let stallTimeout: TimeAmount
        let lingerTimeout: TimeAmount

        init(_ listener: GatewaySettings.Listener, forward: ForwardPlan?, tls: TLSServerContext?) {
            self.name = listener.name
            self.rules = listener.routes
            self.cluster = listener.cluster
            self.forward = forward
            self.tls = tls
            self.readsPaths = listener.routes.contains { route in
                route.match.conditions.contains { condition in
                    switch condition {
                    case .path: true
                    default: false
                    }
                }
            }
            self.headLimit = listener.bounds.headBytes
            self.headTimeout = TimeAmount(listener.bounds.head)
            self.idleTimeout = TimeAmount(listener.bounds.idle)
            self.stallTimeout = TimeAmount(listener.bounds.stall)
            self.lingerTimeout = TimeAmount(listener.bounds.linger)
        }
    }
#endif
