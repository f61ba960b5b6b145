#if os(Linux)
    import NIOCore

    /// A client's connection, as its loop looks after it.
    protocol AcceptedConnection: AnyObject {
        /// When `expire()` is due.
        var expires: NIODeadline { get }

        /// What was waited for has not come in time.
        func expire()
        /// Ends the connection once nothing is lost by it.
        func drain()
        /// Ends the connection whatever it does.
        func closeNow()
    }
#endif
