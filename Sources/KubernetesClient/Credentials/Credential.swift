#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

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

/// A name and a password: HTTP's basic authentication. Never printed.
public struct Login: Sendable, Hashable, CustomStringConvertible {
    /// The user.
    public var username: String
    /// The secret.
    public var password: String

    /// A name and a password.
    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    /// That there is one.
    public var description: String { "password" }

    /// The value of an `Authorization` header (RFC 7617 section 2).
    var authorization: String {
        "Basic " + Data("\(self.username):\(self.password)".utf8).base64EncodedString()
    }
}

/// What one request is authenticated with. Never printed: its description tells only what kinds there are.
public struct Credential: Sendable, Hashable, CustomStringConvertible {
    /// The bearer token; wins over a login.
    public var token: String?
    /// The client certificate.
    public var identity: ClientIdentity?
    /// The name and password.
    public var login: Login?

    /// A credential; with nothing in it the server sees an anonymous user.
    public init(token: String? = nil, identity: ClientIdentity? = nil, login: Login? = nil) {
        self.token = token
        self.identity = identity
        self.login = login
    }

    /// Which kinds of credential there are.
    public var description: String {
        let kinds = [
            self.token.map { _ in "token" }, self.login.map(\.description),
            self.identity.map { _ in "client certificate" },
        ]
        return kinds.compactMap { $0 }.joined(separator: " and ")
    }
}

/// Where credentials come from.
public enum CredentialSource: Sendable, Hashable {
    /// They never change.
    case fixed(Credential)
    /// The token is in a file that somebody renews.
    case tokenFile(String, identity: ClientIdentity?)
    /// A program hands them out. The identity is the kubeconfig's own, in use where the program gives none.
    case plugin(ExecPlugin, identity: ClientIdentity?)

    /// The client certificate that is known before anything was asked.
    var initialIdentity: ClientIdentity? {
        switch self {
        case .fixed(let credential): credential.identity
        case .tokenFile(_, let identity), .plugin(_, let identity): identity
        }
    }
}

/// On whose behalf the user acts (`kubectl --as`).
public struct Impersonation: Sendable, Hashable {
    /// The user to be.
    public var user: String
    /// That user's UID.
    public var uid: String?
    /// That user's groups.
    public var groups: [String]
    /// What else is known of that user: values by key.
    public var extra: [String: [String]]

    /// Somebody to be.
    public init(user: String, uid: String? = nil, groups: [String] = [], extra: [String: [String]] = [:]) {
        self.user = user
        self.uid = uid
        self.groups = groups
        self.extra = extra
    }
}
