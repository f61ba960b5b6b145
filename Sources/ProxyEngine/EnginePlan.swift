#if os(Linux)
    import GatewayCore
    import NIOCore

    /// What all loops are to work by: settings whose names are resolved, and whose listeners have a number each.
    struct EnginePlan: Sendable {
        /// What a listening socket is known by for as long as it is open, whatever the settings call it.
        typealias Number = Int

        struct Listener: Sendable {
            let number: Number
            let plan: ListenerPlan
        }

        var clusters: [ResolvedCluster] = []
        var listeners: [Number: Listener] = [:]
    }
#endif
