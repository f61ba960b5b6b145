#if os(Linux)
    import GatewayCore
    import NIOCore

    /// A listener's settings, as its connections use them.
    final class ListenerPlan: Sendable {
        let routes: [GatewaySettings.RouteRule]
        let headLimit: Int
        let headTimeout: TimeAmount
        let idleTimeout: TimeAmount
        let stallTimeout: TimeAmount
        let lingerTimeout: TimeAmount

        init(_ listener: GatewaySettings.Listener) {
            self.routes = listener.routes
            self.headLimit = listener.bounds.headBytes
            self.headTimeout = TimeAmount(listener.bounds.head)
            self.idleTimeout = TimeAmount(listener.bounds.idle)
            self.stallTimeout = TimeAmount(listener.bounds.stall)
            self.lingerTimeout = TimeAmount(listener.bounds.linger)
        }
    }
#endif
