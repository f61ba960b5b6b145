import KubernetesModel

extension Diagnosis {
    /// Ports whose requests a header route cannot see, told by `appProtocol` or by the port's name.
    static func protocols(_ seen: Surroundings) -> [Finding] {
        seen.ports.compactMap { _, port in
            let number = port["port"]?.integer ?? 0
            if let declared = port["appProtocol"]?.string {
                return self.finding(declared, "appProtocol: \(declared)", .hurts, number, seen)
            }
            // Istio's convention, which many follow: the name is the protocol, or begins with it and a hyphen.
            let name = port["name"]?.string ?? ""
            guard let guess = name.split(separator: "-").first.map(String.init) else {
                return number == 443 ? self.finding("https", "its number", .note, number, seen) : nil
            }
            return self.finding(guess, "its name, '\(name)'", .note, number, seen)
        }
    }

    private static func finding(
        _ word: String,
        _ evidence: String,
        _ severity: Finding.Severity,
        _ port: Int64,
        _ seen: Surroundings
    ) -> Finding? {
        guard let kind = ApplicationProtocol(word) else { return nil }
        return Finding(
            severity,
            .protocolUnread,
            "port \(port) of \(seen.place) seems to speak \(kind.name) (\(evidence)): \(kind.consequence)",
            mend: kind.mend
        )
    }
}

/// What is spoken on a port, as far as it is nothing that routes can read.
private enum ApplicationProtocol {
    case http2
    case tls
    case opaque(String)

    /// The protocol by the word of an `appProtocol` or port name; nil for HTTP/1.1, WebSocket and words not known.
    init?(_ word: String) {
        switch word.lowercased() {
        case "kubernetes.io/h2c", "h2c", "http2", "grpc", "grpc-web": self = .http2
        case "https", "tls", "kubernetes.io/wss", "wss", "ssl": self = .tls
        case "mongo", "mysql", "postgres", "postgresql", "redis", "kafka", "amqp", "tcp": self = .opaque(word)
        default: return nil
        }
    }

    var name: String {
        switch self {
        case .http2: "HTTP/2"
        case .tls: "TLS"
        case .opaque(let word): word == "tcp" ? "something else than HTTP" : word
        }
    }

    var consequence: String {
        switch self {
        case .http2: "it passes unread, and no header route takes its requests"
        case .tls: "what is encrypted passes unread, and no header route takes its requests"
        case .opaque: "it passes unread, and there is no header to match"
        }
    }

    var mend: String {
        switch self {
        case .http2: "intercept a port that speaks HTTP/1.1; HTTP/2 and gRPC routes are not there yet"
        case .tls: "intercept a port without TLS, behind whatever terminates it"
        case .opaque: "nothing: its traffic goes to the original as before"
        }
    }
}
