import KubernetesModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Kubeconfig {
    /// The plugin that an `exec` section describes.
    static func plugin(
        _ exec: KubeconfigFile.Exec,
        folder: String,
        owner: String,
        cluster: JSONValue
    ) throws -> ExecPlugin {
        guard let command = exec.command.nonEmpty else { throw Self.fault("\(owner): exec has no command") }
        guard let written = exec.apiVersion.nonEmpty else {
            throw Self.fault("\(owner): exec has no apiVersion: add \(ExecPlugin.Version.v1beta1.rawValue)")
        }
        guard let version = ExecPlugin.Version(rawValue: written) else {
            throw Self.fault(
                "\(owner): exec has apiVersion \(written); Detour, like kubectl, knows"
                    + " \(ExecPlugin.Version.v1.rawValue) and \(ExecPlugin.Version.v1beta1.rawValue):"
                    + " update the plugin and let it write the kubeconfig again"
            )
        }
        var environment: [String: String] = [:]
        for variable in exec.env ?? [] {
            guard let name = variable.name.nonEmpty, !name.contains("=") else {
                throw Self.fault("\(owner): exec has an environment variable without a usable name")
            }
            environment[name] = variable.value ?? ""
        }
        return ExecPlugin(
            version: version,
            command: command.contains("/") ? LocalFile.resolve(command, from: folder) : command,
            arguments: exec.args ?? [],
            environment: environment,
            installHint: exec.installHint.nonEmpty.map { $0.trimmingPrefix(while: \.isWhitespace) }.map { String($0) },
            interaction: try Self.interaction(exec, version, owner: owner),
            cluster: exec.provideClusterInfo == true ? cluster : nil
        )
    }

    private static func interaction(
        _ exec: KubeconfigFile.Exec,
        _ version: ExecPlugin.Version,
        owner: String
    ) throws -> ExecPlugin.Interaction {
        let known = "Never, IfAvailable or Always"
        guard let written = exec.interactiveMode.nonEmpty else {
            // Only the older form has a default.
            guard version == .v1beta1 else {
                throw Self.fault(
                    "\(owner): exec has no interactiveMode, which \(version.rawValue) asks for: add \(known)"
                )
            }
            return .ifAvailable
        }
        guard let interaction = ExecPlugin.Interaction(rawValue: written) else {
            throw Self.fault("\(owner): exec has interactiveMode \"\(written)\"; there is \(known)")
        }
        return interaction
    }

    /// `spec.cluster` for a plugin that is told of the cluster; what is absent is left out.
    static func execCluster(_ cluster: KubeconfigFile.Cluster, _ connection: ClusterConnection) -> JSONValue {
        var json: JSONValue = ["server": .string(cluster.server ?? "")]
        json["tls-server-name"] = connection.tlsServerName.map { .string($0) }
        json["insecure-skip-tls-verify"] = connection.isInsecure ? true : nil
        json["certificate-authority-data"] = connection.certificateAuthority.map {
            .string(Data($0).base64EncodedString())
        }
        json["proxy-url"] = cluster.proxyURL.nonEmpty.map { .string($0) }
        json["config"] = cluster.extensions?.first { $0.name == "client.authentication.k8s.io/exec" }?.value
        return json
    }
}
