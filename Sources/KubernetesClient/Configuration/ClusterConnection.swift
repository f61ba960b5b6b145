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
    /// What stands between this machine and the API server; nil for nothing.
    public var proxy: ProxyServer?
    /// Where credentials come from.
    public var credentials: CredentialSource
    /// On whose behalf the user acts; nil for his own.
    public var impersonation: Impersonation?
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
        proxy: ProxyServer? = nil,
        credentials: CredentialSource = .fixed(Credential()),
        impersonation: Impersonation? = nil,
        namespace: String = "default",
        contextName: String? = nil,
        userName: String = "anonymous"
    ) {
        self.server = server
        self.certificateAuthority = certificateAuthority
        self.tlsServerName = tlsServerName
        self.isInsecure = isInsecure
        self.proxy = proxy
        self.credentials = credentials
        self.impersonation = impersonation
        self.namespace = namespace
        self.contextName = contextName
        self.userName = userName
    }

    /// Who is talking, for messages.
    var userDescription: String {
        guard let contextName = self.contextName else { return self.userName }
        let other = self.impersonation.map { " as \"\($0.user)\"" } ?? ""
        return "user \"\(self.userName)\"\(other) in context \"\(contextName)\""
    }

    /// Where requests go, for messages.
    var serverDescription: String {
        self.server.description + (self.proxy.map { " through the proxy \($0)" } ?? "")
    }
}
