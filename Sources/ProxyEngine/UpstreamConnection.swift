#if os(Linux)
    import GatewayCore
    import NIOCore

    /// A connection to a server: lent to one client connection at a time, or waiting in its pool.
    class UpstreamConnection: StreamSocket {
        let server: ServerID
        /// Whose request is on it; nil while it waits.
        var client: ClientConnection?
        /// Its server's address, as the access log has it.
        let label: [UInt8]
        /// Since when it waits.
        var idleSince = NIODeadline.uptimeNanoseconds(0)

        init(_ state: EngineLoop, to server: ServerID, label: [UInt8]? = nil) {
            self.server = server
            self.label = label ?? server.cluster.label(of: server.endpoint)
            super.init(state)
        }

        /// It did not open.
        func hasFailed() {
            self.server.cluster.tryNextAddress(of: self.server.endpoint)
            self.server.cluster.ended(self.server.endpoint, .failed)
        }

        /// It is lent no more.
        func isReleased(_ verdict: ServerVerdict) { self.server.cluster.ended(self.server.endpoint, verdict) }

        /// Waits for the next request.
        func wait() { self.state.keep(self) }

        /// Waits no more.
        func leavePool() { self.server.cluster.remove(self) }

        /// Whether one that has waited can be used. What the loop has not told yet, of the turn that it is in, the kernel knows.
        /// One that was used a moment ago has been looked at, and needs no system call.
        final var isUsable: Bool { .now() - self.idleSince < .milliseconds(1) || self.isQuiet }

        override func opened() { self.client?.upstreamOpened(self) }

        override func failedToOpen(isLate: Bool) {
            let client = self.client
            self.client = nil
            client?.upstreamFailed(self, isLate: isLate)
        }

        override func turn() {
            if let client = self.client { return client.pump() }
            // Nobody asked it for anything: it has ended, or speaks out of turn.
            if self.mayRead, self.isOpen {
                self.leavePool()
                self.close()
            }
        }
    }
#endif
