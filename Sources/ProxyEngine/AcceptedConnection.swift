#if os(Linux)
    import NIOCore

    /// A client's connection, as its loop looks after it.
    protocol AcceptedConnection: AnyObject {
        /// Where it was accepted.
        var listener: LoopListener { get }
        /// When `expire()` is due.
        var expires: NIODeadline { get }

        /// Begins.
        func start()
        /// What was waited for has not come in time.
        func expire()
        /// Ends the connection once nothing is lost by it.
        func drain()
        /// Ends the connection whatever it does.
        func closeNow()
    }
#endif
