#if os(Linux)
    import GatewayCore
    import Logging
    import NIOCore

    /// The settings of a listener that relays bytes unread, as its connections use them.
    final class UnreadPlan: Sendable {
        let name: String
        let cluster: Int
        let idleTimeout: TimeAmount
        let logger: Logger

        init(_ listener: GatewaySettings.Listener, to cluster: Int, _ logger: Logger) {
            self.name = listener.name
            self.cluster = cluster
            self.idleTimeout = TimeAmount(listener.bounds.idle)
            self.logger = logger
        }
    }
#endif
