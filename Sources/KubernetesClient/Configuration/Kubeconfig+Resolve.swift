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
            connection.credentials = try self.credentials(
                user,
                owner: "user \"\(userName)\" of \(user.file)",
                cluster: Self.execCluster(cluster.value, connection)
            )
            connection.impersonation = try Self.impersonation(user.value, of: userName)
        }
        return connection
    }

    private func connection(_ entry: Entry<KubeconfigFile.Cluster>, name: String) throws -> ClusterConnection {
        let cluster = entry.value
        let owner = "cluster \"\(name)\" of \(entry.file)"
        guard let server = cluster.server.nonEmpty else {
            throw Self.fault("\(owner) has no server")
        }
        guard let address = ServerAddress(server) else {
            throw Self.fault("\(owner): the server is not a URL of scheme, host, port and path (without a login)")
        }
        let isInsecure = cluster.insecureSkipTLSVerify ?? false
        let authority = try Self.material(
            data: cluster.certificateAuthorityData,
            path: cluster.certificateAuthority,
            folder: entry.folder,
            field: "certificate-authority",
            of: owner
        )
        if isInsecure, authority != nil {
            throw Self.fault("\(owner) has both insecure-skip-tls-verify and a certificate-authority: remove one")
        }
        var connection = ClusterConnection(
            server: address,
            certificateAuthority: authority,
            tlsServerName: cluster.tlsServerName.nonEmpty,
            isInsecure: isInsecure
        )
        if let url = cluster.proxyURL.nonEmpty {
            do {
                connection.proxy = try ProxyServer(parsing: url)
            } catch {
                throw KubernetesError(.configuration, "kubeconfig: \(owner): proxy-url \(error.message)")
            }
        }
        return connection
    }

    /// PEM given inline as base64, or by a file's path; data wins, as for kubectl.
    static func material(
        data: String?,
        path: String?,
        folder: String,
        field: String,
        of owner: String
    ) throws -> [UInt8]? {
        if let data = data.nonEmpty {
            guard let bytes = LocalFile.decodeBase64(data) else {
                throw Self.fault("\(owner): \(field)-data is not base64")
            }
            return bytes
        }
        guard let path = path.nonEmpty else { return nil }
        do {
            return try LocalFile.read(LocalFile.resolve(path, from: folder))
        } catch let error as KubernetesError {
            throw Self.fault("\(owner): \(field): \(error.message)")
        }
    }

    static func fault(_ message: String) -> KubernetesError {
        KubernetesError(.configuration, "kubeconfig: \(message)")
    }
}

extension String? {
    /// The string; nil when it is empty, which in a kubeconfig means absent.
    var nonEmpty: String? { self.flatMap { $0.isEmpty ? nil : $0 } }
}
