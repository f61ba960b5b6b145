#if os(Linux)
    import NIOCore

    /// A connection to a server: lent to one client connection at a time, or waiting in its pool.
    final class UpstreamConnection: StreamSocket {
        let server: ServerID
        /// Whose request is on it; nil while it waits.
        var client: ClientConnection?
        /// Its server's address, as the access log has it.
        let label: [UInt8]
        /// Since when it waits.
        var idleSince = NIODeadline.uptimeNanoseconds(0)

        init(_ state: EngineLoop, to server: ServerID) {
            self.server = server
            self.label = server.cluster.label(of: server.endpoint)
            super.init(state)
        }

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
                self.server.cluster.remove(self)
                self.close()
            }
        }
    }
#endif
