import KubernetesModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension ClusterConnection {
    /// Finds the cluster a command is meant for: an explicit kubeconfig, else `KUBECONFIG`, else `~/.kube/config`, else the
    /// cluster this process runs in.
    ///
    /// - Parameters:
    ///   - kubeconfig: one file that must exist.
    ///   - context: the context; nil for the current one.
    ///   - environment: environment variables; nil for the process's own.
    /// - Throws: ``KubernetesError`` of code `configuration` or `unsupported`.
    /// - Returns: the connection; nothing was dialled yet.
    public static func load(
        kubeconfig: String? = nil,
        context: String? = nil,
        environment: [String: String]? = nil
    ) throws -> ClusterConnection {
        let environment = environment ?? ProcessInfo.processInfo.environment
        if let kubeconfig {
            let file = try Kubeconfig(files: [kubeconfig], mayBeAbsent: false)
            return try file.resolve(context: context).completed(environment)
        }
        let list = (environment["KUBECONFIG"] ?? "").split(separator: ":").map(String.init)
        let home = environment["HOME"].map { $0 + "/.kube/config" }
        let paths = list.isEmpty ? [home].compactMap { $0 } : list
        let merged = try Kubeconfig(files: paths, mayBeAbsent: true)
        if !merged.files.isEmpty { return try merged.resolve(context: context).completed(environment) }
        if environment["KUBERNETES_SERVICE_HOST"] != nil, context == nil {
            return try Self.inCluster(environment: environment)
        }
        let searched =
            paths.isEmpty ? "neither KUBECONFIG nor HOME is set" : "\(paths.joined(separator: ", ")) does not exist"
        throw KubernetesError(.configuration, "no kubeconfig: \(searched); name one with --kubeconfig")
    }

    /// The API server of the cluster this process runs in, with its pod's service account.
    ///
    /// - Parameters:
    ///   - environment: environment variables; nil for the process's own.
    ///   - directory: where the service account is mounted.
    /// - Throws: ``KubernetesError`` of code `configuration`.
    /// - Returns: the connection; its token is read again when it ages.
    public static func inCluster(
        environment: [String: String]? = nil,
        directory: String = "/var/run/secrets/kubernetes.io/serviceaccount"
    ) throws -> ClusterConnection {
        let environment = environment ?? ProcessInfo.processInfo.environment
        guard
            let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = environment["KUBERNETES_SERVICE_PORT"].flatMap({ UInt16($0) })
        else {
            throw KubernetesError(
                .configuration,
                "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"
            )
        }
        let connection: ClusterConnection
        do {
            let authority = try LocalFile.read(directory + "/ca.crt")
            // Read now, so that a pod without a token fails here and not at its first request.
            _ = try LocalFile.read(directory + "/token")
            let namespace = (try? LocalFile.read(directory + "/namespace")).map { String(decoding: $0, as: UTF8.self) }
            let name = namespace.flatMap { $0.split(whereSeparator: \.isWhitespace).first }.map { String($0) }
            connection = ClusterConnection(
                server: ServerAddress(host: host, port: Int(port), isTLS: true),
                certificateAuthority: authority,
                credentials: .tokenFile(directory + "/token", identity: nil),
                namespace: environment["POD_NAMESPACE"].nonEmpty ?? name ?? "default",
                userName: "the pod's service account"
            )
        } catch let error as KubernetesError {
            throw KubernetesError(.configuration, "in the cluster, but without a service account: \(error.message)")
        }
        return try connection.completed(environment)
    }

    /// Adds what the environment says where the kubeconfig says nothing.
    private func completed(_ environment: [String: String]) throws -> ClusterConnection {
        var connection = self
        connection.proxy = try self.proxy ?? ProxyEnvironment(environment).proxy(for: self.server)
        if case .plugin(var plugin, let identity) = self.credentials, let text = environment[Self.pluginTimeout] {
            guard let seconds = Int(text), seconds > 0 else {
                throw KubernetesError(
                    .configuration,
                    "the environment variable \(Self.pluginTimeout) is to be a number of seconds above 0"
                )
            }
            plugin.deadline = .seconds(seconds)
            connection.credentials = .plugin(plugin, identity: identity)
        }
        return connection
    }

    private static let pluginTimeout = "DETOUR_PLUGIN_TIMEOUT"
}
