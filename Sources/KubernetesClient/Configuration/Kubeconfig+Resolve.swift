import KubernetesModel

extension Kubeconfig {
    /// The connection that a context stands for; the current one when none is named.
    func resolve(context named: String?) throws -> ClusterConnection {
        let source = self.files.joined(separator: ", ")
        guard let contextName = named ?? self.currentContext else {
            throw Self.fault("no context is chosen in \(source): name one with --context, or set current-context")
        }
        guard let context = self.contexts[contextName] else {
            let known = self.contexts.keys.sorted().joined(separator: ", ")
            throw Self.fault("there is no context \"\(contextName)\" in \(source); there is: \(known)")
        }
        guard let clusterName = context.cluster, let cluster = self.clusters[clusterName] else {
            throw Self.fault("context \"\(contextName)\" names no cluster that is in \(source)")
        }
        var connection = try self.connection(cluster, name: clusterName)
        connection.contextName = contextName
        if let namespace = context.namespace, !namespace.isEmpty { connection.namespace = namespace }
        if let userName = context.user, !userName.isEmpty {
            guard let user = self.users[userName] else {
                throw Self.fault("context \"\(contextName)\" names the user \"\(userName)\", who is not in \(source)")
            }
            connection.userName = userName
            connection.credentials = try self.credentials(user, name: userName)
        }
        return connection
    }

    private func connection(_ entry: Entry<KubeconfigFile.Cluster>, name: String) throws -> ClusterConnection {
        let cluster = entry.value
        guard let server = cluster.server, !server.isEmpty else {
            throw Self.fault("cluster \"\(name)\" has no server")
        }
        guard let address = ServerAddress(server) else {
            throw Self.fault("cluster \"\(name)\": the server \"\(server)\" is not a URL")
        }
        if let proxy = cluster.proxyURL, !proxy.isEmpty {
            throw Self.unsupported("proxy-url", of: "cluster \"\(name)\"")
        }
        let isInsecure = cluster.insecureSkipTLSVerify ?? false
        let authority = try Self.material(
            data: cluster.certificateAuthorityData,
            path: cluster.certificateAuthority,
            folder: entry.folder,
            field: "certificate-authority",
            of: "cluster \"\(name)\""
        )
        if isInsecure, authority != nil {
            throw Self.fault(
                "cluster \"\(name)\" has both insecure-skip-tls-verify and a certificate-authority: remove one"
            )
        }
        return ClusterConnection(
            server: address,
            certificateAuthority: authority,
            tlsServerName: cluster.tlsServerName.flatMap { $0.isEmpty ? nil : $0 },
            isInsecure: isInsecure
        )
    }

    private func credentials(_ entry: Entry<KubeconfigFile.User>, name: String) throws -> CredentialSource {
        let user = entry.value
        let owner = "user \"\(name)\""
        if let field = user.unsupported.first { throw Self.unsupported(field, of: owner) }
        let certificate = try Self.material(
            data: user.clientCertificateData,
            path: user.clientCertificate,
            folder: entry.folder,
            field: "client-certificate",
            of: owner
        )
        let key = try Self.material(
            data: user.clientKeyData,
            path: user.clientKey,
            folder: entry.folder,
            field: "client-key",
            of: owner
        )
        let identity: ClientIdentity?
        switch (certificate, key) {
        case (let certificate?, let key?): identity = ClientIdentity(certificate: certificate, key: key)
        case (nil, nil): identity = nil
        case (_, nil): throw Self.fault("\(owner) has a client-certificate and no client-key")
        case (nil, _): throw Self.fault("\(owner) has a client-key and no client-certificate")
        }
        if let file = user.tokenFile, !file.isEmpty {
            return .tokenFile(LocalFile.resolve(file, from: entry.folder), identity: identity)
        }
        let token = user.token.flatMap { $0.isEmpty ? nil : $0 }
        return .fixed(Credential(token: token, identity: identity))
    }

    /// PEM given inline as base64, or by a file's path; data wins, as for kubectl.
    private static func material(
        data: String?,
        path: String?,
        folder: String,
        field: String,
        of owner: String
    ) throws -> [UInt8]? {
        if let data, !data.isEmpty {
            guard let bytes = LocalFile.decodeBase64(data) else {
                throw Self.fault("\(owner): \(field)-data is not base64")
            }
            return bytes
        }
        guard let path, !path.isEmpty else { return nil }
        do {
            return try LocalFile.read(LocalFile.resolve(path, from: folder))
        } catch let error as KubernetesError {
            throw Self.fault("\(owner): \(field): \(error.message)")
        }
    }

    private static func fault(_ message: String) -> KubernetesError {
        KubernetesError(.configuration, "kubeconfig: \(message)")
    }

    private static func unsupported(_ field: String, of owner: String) -> KubernetesError {
        let mend =
            switch field {
            case "auth-provider": "; replace it by an exec plugin's token or a client certificate"
            case "exec": "; put a token or a client certificate there for now (kubectl create token can make one)"
            case "proxy-url": "; use a server address that is reached directly"
            case "username", "password": "; use a token or a client certificate"
            default: "; use a user that needs no impersonation"
            }
        return KubernetesError(.unsupported, "kubeconfig: \(owner) uses \(field), which is not supported yet\(mend)")
    }
}
