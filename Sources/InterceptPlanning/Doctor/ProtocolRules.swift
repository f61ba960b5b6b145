import KubernetesModel

extension Diagnosis {
    /// Ports whose requests a route cannot see, or asks more for, told by `appProtocol` or by the port's name.
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
            kind.isRead ? .note : severity,
            kind.isRead ? .protocolHTTP2 : .protocolUnread,
            "port \(port) of \(seen.place) seems to speak \(kind.name) (\(evidence)): \(kind.consequence)",
            mend: kind.mend
        )
    }
}

/// What is spoken on a port, as far as it is not HTTP/1.1.
private enum ApplicationProtocol {
    case http2
    case tls
    case opaque(String)

    /// The protocol by the word of an `appProtocol` or port name; nil for HTTP/1.1, WebSocket and words not known.
    init?(_ word: String) {
        switch word.lowercased() {
        case "kubernetes.io/h2c", "h2c", "http2", "grpc": self = .http2
        case "https", "tls", "kubernetes.io/wss", "wss", "ssl": self = .tls
        case "mongo", "mysql", "postgres", "postgresql", "redis", "kafka", "amqp", "tcp": self = .opaque(word)
        default: return nil
        }
    }

    /// Whether routes can read it.
    var isRead: Bool {
        if case .http2 = self { true } else { false }
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
        case .http2: "each of its streams is routed by itself, as long as there is no TLS"
        case .tls: "what is encrypted passes unread, and no route takes its requests"
        case .opaque: "it passes unread, and no route takes part of it"
        }
    }

    var mend: String {
        switch self {
        case .http2: "let your process speak HTTP/2 without TLS too: for one that does not, the original answers"
        case .tls:
            "name the Secret with its certificate with --tls-secret, intercept a port without TLS, behind whatever terminates "
                + "it, or take whole connections with --all"
        case .opaque: "take whole connections with --all; else its traffic goes to the original as before"
        }
    }
}
