import ArgumentParser
import Foundation
import KubernetesClient
import Logging

/// Which cluster, and as whom.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("The namespace; the kubeconfig context's when left out.", valueName: "NAMESPACE"),
        completion: .shellCommand("kubectl get namespaces -o name | cut -d/ -f2")
    )
    var namespace: String?

    @Option(help: ArgumentHelp("The kubeconfig context; its current one when left out.", valueName: "NAME"))
    var context: String?

    @Option(
        name: [.customShort("k"), .long],
        help: ArgumentHelp("The kubeconfig file; KUBECONFIG, then ~/.kube/config, when left out.", valueName: "FILE"),
        completion: .file()
    )
    var kubeconfig: String?

    /// The chosen cluster.
    func load() throws -> ClusterConnection {
        var connection = try ClusterConnection.load(kubeconfig: self.kubeconfig, context: self.context)
        if let namespace = self.namespace { connection.namespace = namespace }
        return connection
    }

    /// The options with which another process finds the same cluster, whichever context is the current one by then.
    func words(for connection: ClusterConnection) -> [String] {
        let file = self.kubeconfig.map { ["--kubeconfig=\($0)"] } ?? []
        return file + (connection.contextName.map { ["--context=\($0)"] } ?? [])
    }

    /// Runs `body` with a client of the chosen cluster, and shuts the client down afterwards.
    ///
    /// - Parameters:
    ///   - connection: the cluster; loaded when left out.
    ///   - notice: told what is waited for, when something takes long.
    func withClient<Value>(
        of connection: ClusterConnection? = nil,
        notice: @escaping @Sendable (String) -> Void = { Terminal.say($0) },
        _ body: (KubernetesClient) async throws -> Value
    ) async throws -> Value {
        let connection = try connection ?? self.load()
        let client = try KubernetesClient(connection, notice: notice)
        do {
            let value = try await body(client)
            try await client.shutdown()
            return value
        } catch {
            try? await client.shutdown()
            throw error
        }
    }
}
