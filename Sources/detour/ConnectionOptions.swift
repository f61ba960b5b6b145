import ArgumentParser
import Foundation
import KubernetesClient
import Logging

/// Which cluster, and as whom.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: [.customShort("n"), .long],
        help: "The namespace; the kubeconfig context's when left out.",
        completion: .shellCommand("kubectl get namespaces -o name | cut -d/ -f2")
    )
    var namespace: String?

    @Option(help: "The kubeconfig context; its current one when left out.")
    var context: String?

    @Option(
        name: [.customShort("k"), .long],
        help: "The kubeconfig file; KUBECONFIG, then ~/.kube/config, when left out.",
        completion: .file()
    )
    var kubeconfig: String?

    /// Runs `body` with a client of the chosen cluster, and shuts the client down afterwards.
    func withClient<Value>(_ body: (KubernetesClient) async throws -> Value) async throws -> Value {
        var connection = try ClusterConnection.load(kubeconfig: self.kubeconfig, context: self.context)
        if let namespace = self.namespace { connection.namespace = namespace }
        let client = try KubernetesClient(connection)
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
