#if os(Linux)
    import GatewayCore
    import NIOCore
    import SocketLoop

    /// A socket that is listened at, for as long as it is open.
    struct Listening: Sendable {
        /// What the settings say of it now.
        var listener: GatewaySettings.Listener
        let number: EnginePlan.Number
        let socket: Socket
        var acceptors: [NIOLoopBoundBox<Acceptor>] = []

        /// - Throws: `EngineError`.
        init(_ listener: GatewaySettings.Listener, number: EnginePlan.Number) throws {
            self.listener = listener
            self.number = number
            do {
                let address = try SocketAddress.makeAddressResolvingHost(listener.host, port: listener.port)
                self.socket = try Socket.listening(at: address)
            } catch {
                throw EngineError(
                    message: """
                        cannot listen at \(GatewaySettings.Endpoint(host: listener.host, port: listener.port)), which \
                        listener \(listener.name) asks for; choose a free port, above 1023 without root
                        """,
                    cause: error
                )
            }
        }

        /// The port that the system has given it.
        var port: Int { self.socket.localAddress?.port ?? self.listener.port }

        /// Whether a listener of other settings is to listen at this socket. One that takes any port is the same by its name.
        func serves(_ other: GatewaySettings.Listener) -> Bool {
            self.listener.host == other.host && self.listener.port == other.port
                && (other.port != 0 || self.listener.name == other.name)
        }

        /// Accepts what waits already, and nothing more.
        func stop() async {
            for acceptor in self.acceptors { try? await acceptor.eventLoop.submit { acceptor.value.end() }.get() }
            self.socket.close()
        }
    }
#endif
