import KubernetesModel

/// A client certificate and its key, both in PEM.
public struct ClientIdentity: Sendable, Hashable {
    /// The certificate, and those between it and the authority.
    public var certificate: [UInt8]
    /// The private key.
    public var key: [UInt8]

    /// A certificate and its key.
    public init(certificate: [UInt8], key: [UInt8]) {
        self.certificate = certificate
        self.key = key
    }
}

/// What one request is authenticated with. Never printed: its description tells only what kinds there are.
public struct Credential: Sendable, Hashable, CustomStringConvertible {
    /// The bearer token.
    public var token: String?
    /// The client certificate.
    public var identity: ClientIdentity?

    /// A credential; with nothing in it the server sees an anonymous user.
    public init(token: String? = nil, identity: ClientIdentity? = nil) {
        self.token = token
        self.identity = identity
    }

    /// Which kinds of credential there are.
    public var description: String {
        let kinds = [self.token.map { _ in "token" }, self.identity.map { _ in "client certificate" }]
        return kinds.compactMap { $0 }.joined(separator: " and ")
    }
}

/// Where credentials come from.
public enum CredentialSource: Sendable, Hashable {
    /// They never change.
    case fixed(Credential)
    /// The token is in a file that somebody renews.
    case tokenFile(String, identity: ClientIdentity?)
}

/// Hands out the credential to use now.
///
/// A token file is read again after a minute, and at once when the server refused what was read.
actor CredentialProvider {
    private static let lifetime = Duration.seconds(60)

    private let source: CredentialSource
    private let now: @Sendable () -> ContinuousClock.Instant
    private let read: @Sendable (String) throws -> [UInt8]
    private var cached: (credential: Credential, readAt: ContinuousClock.Instant)?

    init(
        _ source: CredentialSource,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now },
        read: @escaping @Sendable (String) throws -> [UInt8] = LocalFile.read
    ) {
        self.source = source
        self.now = now
        self.read = read
    }

    /// The credential for the next request.
    func current() throws -> Credential {
        switch self.source {
        case .fixed(let credential): return credential
        case .tokenFile(let path, let identity):
            let now = self.now()
            if let cached = self.cached, cached.readAt.duration(to: now) < Self.lifetime { return cached.credential }
            do {
                let text = String(decoding: try self.read(path), as: UTF8.self)
                let token = text.split(whereSeparator: \.isWhitespace).first.map { String($0) }
                let credential = Credential(token: token, identity: identity)
                self.cached = (credential, now)
                return credential
            } catch {
                // The old token may still be good: a renewal is not atomic everywhere.
                if let cached = self.cached { return cached.credential }
                throw error
            }
        }
    }

    /// The server refused a credential.
    ///
    /// - Returns: whether there is another one to try.
    func refused(_ credential: Credential) -> Bool {
        guard case .tokenFile = self.source, let cached = self.cached else { return false }
        // Somebody else may have seen the refusal first.
        if cached.credential != credential { return true }
        self.cached = nil
        guard let renewed = try? self.current() else {
            self.cached = cached
            return false
        }
        return renewed != credential
    }
}
