import KubernetesModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Kubeconfig {
    /// What a user authenticates with, by the rules of kubectl: one way only, a token file before a token, both before a
    /// plugin; a client certificate beside any of them.
    func credentials(
        _ entry: Entry<KubeconfigFile.User>,
        owner: String,
        cluster: @autoclosure () -> JSONValue
    ) throws -> CredentialSource {
        let user = entry.value
        let identity = try Self.identity(entry, owner: owner)
        let login = try Self.login(user, owner: owner)
        var token = user.token.nonEmpty
        if let provider = user.authProvider {
            guard user.exec == nil else { throw Self.fault("\(owner) has both exec and auth-provider: remove one") }
            token = try token ?? Self.token(of: provider, owner: owner)
        }
        if login != nil, token != nil || user.tokenFile.nonEmpty != nil {
            throw Self.fault("\(owner) has both a token and a username with a password: remove one")
        }
        if let file = user.tokenFile.nonEmpty {
            return .tokenFile(LocalFile.resolve(file, from: entry.folder), identity: identity)
        }
        // Checked even when it is not used, as kubectl does.
        let plugin = try user.exec.map { try Self.plugin($0, folder: entry.folder, owner: owner, cluster: cluster()) }
        if let plugin, token == nil, login == nil { return .plugin(plugin, identity: identity) }
        return .fixed(Credential(token: token, identity: identity, login: login))
    }

    private static func identity(_ entry: Entry<KubeconfigFile.User>, owner: String) throws -> ClientIdentity? {
        let certificate = try Self.material(
            data: entry.value.clientCertificateData,
            path: entry.value.clientCertificate,
            folder: entry.folder,
            field: "client-certificate",
            of: owner
        )
        let key = try Self.material(
            data: entry.value.clientKeyData,
            path: entry.value.clientKey,
            folder: entry.folder,
            field: "client-key",
            of: owner
        )
        switch (certificate, key) {
        case (let certificate?, let key?): return ClientIdentity(certificate: certificate, key: key)
        case (nil, nil): return nil
        case (_, nil): throw Self.fault("\(owner) has a client-certificate and no client-key")
        case (nil, _): throw Self.fault("\(owner) has a client-key and no client-certificate")
        }
    }

    private static func login(_ user: KubeconfigFile.User, owner: String) throws -> Login? {
        guard user.username.nonEmpty != nil || user.password.nonEmpty != nil else { return nil }
        guard let username = user.username.nonEmpty else { throw Self.fault("\(owner) has a password and no username") }
        // RFC 7617 section 2: the first colon ends the name.
        guard !username.contains(":") else { throw Self.fault("\(owner): a username cannot have a colon in it") }
        return Login(username: username, password: user.password ?? "")
    }

    /// The ways that were built into kubectl once. Only an OpenID Connect token that is there already can be used.
    private static func token(of provider: KubeconfigFile.AuthProvider, owner: String) throws -> String {
        let name = provider.name ?? ""
        if name == "oidc", let token = provider.config?["id-token"].nonEmpty {
            guard !Self.isExpired(token) else {
                throw Self.fault(
                    "\(owner): the id-token of auth-provider \"oidc\" has expired, and Detour does not renew it:"
                        + " run kubectl once, which does, or use an exec plugin such as kubelogin"
                )
            }
            return token
        }
        let mend =
            switch name {
            case "gcp": "run gcloud container clusters get-credentials, which writes an exec plugin there"
            case "azure": "run kubelogin convert-kubeconfig, which writes an exec plugin there"
            case "oidc": "it has no id-token: log in with kubectl once, or use an exec plugin such as kubelogin"
            default: "replace it by an exec plugin, a token or a client certificate"
            }
        throw KubernetesError(
            .unsupported,
            "kubeconfig: \(owner) uses auth-provider \"\(name)\", which is not supported; \(mend)"
        )
    }

    /// Whether a JSON Web Token's time is over (RFC 7519 section 4.1.4); false when it does not say.
    private static func isExpired(_ token: String) -> Bool {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return false }
        var payload = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
        payload += String(repeating: "=", count: (4 - payload.count % 4) % 4)
        guard
            let bytes = LocalFile.decodeBase64(payload), let json = try? JSONValue(parsing: bytes),
            let expiry = json["exp"]?.integer
        else { return false }
        return Date(timeIntervalSince1970: TimeInterval(expiry)) <= Date()
    }

    static func impersonation(_ user: KubeconfigFile.User, of name: String) throws -> Impersonation? {
        let groups = user.impersonateGroups ?? []
        let extra = user.impersonateExtra ?? [:]
        guard let other = user.impersonate.nonEmpty else {
            guard groups.isEmpty, extra.isEmpty, user.impersonateUID.nonEmpty == nil else {
                throw Self.fault("user \"\(name)\" has as-uid, as-groups or as-user-extra and no \"as\": add it")
            }
            return nil
        }
        return Impersonation(user: other, uid: user.impersonateUID.nonEmpty, groups: groups, extra: extra)
    }
}
