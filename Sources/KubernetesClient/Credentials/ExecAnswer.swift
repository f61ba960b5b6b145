import KubernetesModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a credential plugin printed: a credential, and until when it holds.
struct ExecAnswer: Sendable, Equatable {
    var credential: Credential
    /// Nil when it holds until it is refused.
    var expiry: Date?

    /// Reads the plugin's standard output. Nothing of it gets into an error, since all of it may be secret.
    init(parsing output: [UInt8], from plugin: ExecPlugin) throws(ExecFault) {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: output)
        } catch {
            throw ExecFault(
                output.isEmpty
                    ? "printed nothing on its standard output"
                    : "printed something else than one JSON document on its standard output (\(error));"
                        + " messages belong on its standard error"
            )
        }
        guard json["kind"]?.string == "ExecCredential" else {
            throw ExecFault("printed a document that is no ExecCredential")
        }
        let version = json["apiVersion"]?.string ?? "none"
        guard version == plugin.version.rawValue else {
            throw ExecFault(
                "answered with apiVersion \(version.prefix(100)), where the kubeconfig says \(plugin.version.rawValue);"
                    + " make the two the same, or update the plugin",
                isLasting: true
            )
        }
        guard let status = json["status"], status.object != nil else {
            throw ExecFault("gave no credentials: its answer has no status")
        }
        func text(_ key: String) -> String? { status[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        let identity: ClientIdentity?
        switch (text("clientCertificateData"), text("clientKeyData")) {
        case (let certificate?, let key?):
            identity = ClientIdentity(certificate: Array(certificate.utf8), key: Array(key.utf8))
        case (nil, nil): identity = nil
        default: throw ExecFault("gave only one of certificate and key")
        }
        let token = text("token")
        guard token != nil || identity != nil else {
            throw ExecFault("gave neither a token nor a certificate with its key")
        }
        self.credential = Credential(token: token, identity: identity)
        if let stamp = text("expirationTimestamp") {
            guard let expiry = Self.date(stamp) else {
                throw ExecFault("gave an expirationTimestamp that is no RFC 3339 time")
            }
            self.expiry = expiry
        }
    }

    init(credential: Credential, expiry: Date? = nil) {
        self.credential = credential
        self.expiry = expiry
    }

    /// RFC 3339 section 5.6, with or without a fraction of a second.
    private static func date(_ text: String) -> Date? {
        let style = Date.ISO8601FormatStyle()
        return (try? Date(text, strategy: style))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
}

/// What is wrong with a plugin or its answer; said of the plugin.
struct ExecFault: Error, Hashable {
    var message: String
    /// Whether another run cannot end otherwise.
    var isLasting = false

    init(_ message: String, isLasting: Bool = false) {
        self.message = message
        self.isLasting = isLasting
    }
}
