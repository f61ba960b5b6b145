import InterceptPlanning

/// The Secret with which TLS is spoken in a Service's place.
public struct TLSSecret: Sendable, Hashable {
    /// The Service's port, by number or name; nil for all ports that are intercepted.
    public var port: String?
    /// The Secret's name.
    public var name: String

    /// Reads `[PORT=]NAME`.
    ///
    /// - Throws: ``InterceptError`` with code `badArgument`.
    public init(parsing text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.last ?? ""
        // RFC 1123 as Kubernetes reads it: a name that breaks it can never be found.
        let isName = name.wholeMatch(of: #/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/#) != nil
        guard isName, parts.count == 1 || !parts[0].isEmpty else {
            throw InterceptError(
                .badArgument,
                "--tls-secret takes [PORT=]NAME, the name of a Secret of type kubernetes.io/tls, as in --tls-secret leaf-tls or "
                    + "--tls-secret 443=leaf-tls; '\(text)' is neither"
            )
        }
        self.port = parts.count == 2 ? parts[0] : nil
        self.name = name
    }
}

extension InterceptRun {
    /// The Secrets asked for, by Service port.
    ///
    /// - Throws: ``InterceptError`` with code `badArgument` where one is for a port that is not intercepted, or two are for
    ///   the same.
    func tlsSecrets(_ ports: [InterceptOptions.PortPair], _ original: OriginalService) throws -> [Int: String] {
        let known = InterceptedPort.all(in: original.ports)
        var secrets: [Int: String] = [:]
        for secret in self.options.tlsSecrets {
            let chosen = known.filter { port in
                guard ports.contains(where: { $0.remote == port.port }) else { return false }
                return secret.port == nil || secret.port == "\(port.port)" || secret.port == port.name
            }
            guard !chosen.isEmpty else {
                throw InterceptError(
                    .badArgument,
                    "--tls-secret \(secret.port ?? "")=\(secret.name) is for a port that is not intercepted; intercepted are: "
                        + ports.map { "\($0.remote)" }.joined(separator: ", ")
                )
            }
            for port in chosen {
                if let other = secrets.updateValue(secret.name, forKey: port.port), other != secret.name {
                    throw InterceptError(
                        .badArgument,
                        "--tls-secret names both \(other) and \(secret.name) for port \(port); one is enough for a port"
                    )
                }
            }
        }
        return secrets
    }
}
