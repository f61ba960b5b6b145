/// All that is needed to talk to one API server as one user: what a kubeconfig context resolves to.
public struct ClusterConnection: Sendable {
    /// Where the API server is.
    public var server: ServerAddress
    /// Whose certificates are believed, in PEM; nil for the system's authorities.
    public var certificateAuthority: [UInt8]?
    /// The name to expect in the server's certificate, when it is not the host's.
    public var tlsServerName: String?
    /// Whether the server's certificate is not checked at all.
    public var isInsecure: Bool
    /// Where credentials come from.
    public var credentials: CredentialSource
    /// The default namespace.
    public var namespace: String
    /// The kubeconfig context; nil in a cluster.
    public var contextName: String?
    /// The kubeconfig user, or the service account.
    public var userName: String

    /// A connection by its parts.
    public init(
        server: ServerAddress,
        certificateAuthority: [UInt8]? = nil,
        tlsServerName: String? = nil,
        isInsecure: Bool = false,
        credentials: CredentialSource = .fixed(Credential()),
        namespace: String = "default",
        contextName: String? = nil,
        userName: String = "anonymous"
    ) {
        self.server = server
        self.certificateAuthority = certificateAuthority
        self.tlsServerName = tlsServerName
        self.isInsecure = isInsecure
        self.credentials = credentials
        self.namespace = namespace
        self.contextName = contextName
        self.userName = userName
    }

    /// Who is talking, for messages.
    var userDescription: String {
        guard let contextName = self.contextName else { return self.userName }
        return "user \"\(self.userName)\" in context \"\(contextName)\""
    }
}

/// The address of an API server.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// Whether it is reached by TLS.
    public var isTLS: Bool
    /// Name or address, without brackets.
    public var host: String
    /// Port.
    public var port: Int
    /// What stands before every path, such as `/k8s/clusters/c-1`; empty as a rule.
    public var basePath: String

    /// Reads `https://host:port/base`; nil when it is no such URL.
    public init?(_ url: String) {
        let isTLS: Bool
        var rest: Substring
        if url.hasPrefix("https://") {
            isTLS = true
            rest = url.dropFirst(8)
        } else if url.hasPrefix("http://") {
            isTLS = false
            rest = url.dropFirst(7)
        } else if !url.contains("://") {
            // As for kubectl, an address without a scheme is reached by TLS unless a port says otherwise.
            isTLS = true
            rest = url[...]
        } else {
            return nil
        }
        guard !rest.contains(where: { $0.isWhitespace || $0 == "?" || $0 == "#" || $0 == "@" }) else { return nil }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var basePath = rest[slash...]
        while basePath.last == "/" { basePath.removeLast() }
        rest = rest[..<slash]
        var portText: Substring?
        if rest.first == "[" {
            guard let bracket = rest.firstIndex(of: "]") else { return nil }
            let after = rest[rest.index(after: bracket)...]
            guard after.isEmpty || after.first == ":" else { return nil }
            portText = after.isEmpty ? nil : after.dropFirst()
            rest = rest[rest.index(after: rest.startIndex)..<bracket]
        } else if let colon = rest.lastIndex(of: ":") {
            portText = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        guard !rest.isEmpty else { return nil }
        if let portText {
            guard let port = UInt16(portText), port > 0 else { return nil }
            self.port = Int(port)
        } else {
            self.port = isTLS ? 443 : 80
        }
        self.isTLS = isTLS
        self.host = String(rest)
        self.basePath = String(basePath)
    }

    /// An address by its parts.
    public init(host: String, port: Int, isTLS: Bool, basePath: String = "") {
        self.host = host
        self.port = port
        self.isTLS = isTLS
        self.basePath = basePath
    }

    /// Host and port as they stand in a URL and a `Host` header.
    var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(host):\(self.port)"
    }

    /// The URL.
    public var description: String {
        "\(self.isTLS ? "https" : "http")://\(self.authority)\(self.basePath)"
    }
}
