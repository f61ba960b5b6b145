#if os(Linux)
    import GatewayCore
    import NIOCore
    import SocketTLS

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
        /// What listeners prove themselves with, made ready once: with the same files, clients go on to resume their sessions.
        var contexts: [TLSRules: TLSServerContext] = [:]

        /// What a listener's new connections are secured with; nil where they are plain.
        ///
        /// - Throws: `EngineError`.
        mutating func context(of listener: GatewaySettings.Listener, before: EnginePlan) throws -> TLSServerContext? {
            guard let rules = listener.tls else { return nil }
            let context = try self.contexts[rules] ?? before.contexts[rules] ?? rules.context(of: listener.name)
            self.contexts[rules] = context
            return context
        }
    }

    extension TLSRules {
        fileprivate func context(of listener: String) throws -> TLSServerContext {
            do {
                return try TLSServerContext(
                    chain: self.certificate.bytes,
                    key: self.key.bytes,
                    clientAuthority: self.clientAuthority?.bytes,
                    isModern: self.isModern,
                    protocols: ["http/1.1"]
                )
            } catch {
                let wrong =
                    switch error {
                    case .certificate: "\(self.certificate) holds no certificate in PEM (BEGIN CERTIFICATE)"
                    case .key: "\(self.key) holds no private key in PEM (BEGIN PRIVATE KEY) without a passphrase"
                    case .clientAuthority:
                        "\(self.clientAuthority?.path ?? "") holds no certificate in PEM (BEGIN CERTIFICATE)"
                    case .pair: "the key in \(self.key) is not that of the first certificate in \(self.certificate)"
                    }
                throw EngineError(message: "listener \(listener) cannot speak TLS: \(wrong)", cause: error)
            }
        }
    }
#endif
