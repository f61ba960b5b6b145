#if os(Linux)
    import GatewayCore
    import Logging
    import NIOCore

    /// The settings of a listener that relays bytes unread, as its connections use them.
    final class UnreadPlan: Sendable {
        let name: String
        /// The listener's place in the settings.
        let index: Int
        let cluster: Int
        let idleTimeout: TimeAmount
        let logger: Logger

        init(_ listener: GatewaySettings.Listener, index: Int, to cluster: Int, _ logger: Logger) {
            self.name = listener.name
            self.index = index
            self.cluster = cluster
            self.idleTimeout = TimeAmount(listener.bounds.idle)
            self.logger = logger
        }
    }
#endif
