import ClusterTestSupport
import KubernetesModel

/// A user who may do everything in a namespace and nothing outside of it, and what hides Sessions from them.
enum Restricted {
    /// Makes the user; their token.
    static func token(in namespace: String) async throws -> String {
        let subject: JSONValue = ["kind": "ServiceAccount", "name": "developer", "namespace": .string(namespace)]
        let objects: [JSONValue] = [
            ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "developer"]],
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": ["name": "developer"],
                "subjects": [subject],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"],
            ],
        ]
        try await Cluster.apply(objects, in: namespace)
        // Kubernetes makes one by itself up to 1.23, and the command is there from 1.24 on.
        var token = ""
        try await Cluster.eventually("the developer of \(namespace) has a token", within: .seconds(20)) {
            let words = ["-n", namespace, "-o", "jsonpath={.secrets[0].name}"]
            let secret = try await Cluster.kubectl(["get", "serviceaccount", "developer"] + words)
            if secret.isEmpty {
                let made = try await Shell.run([
                    Cluster.script, "kubectl", "create", "token", "developer", "-n", namespace,
                ])
                token = made.status == 0 ? made.text : ""
            } else {
                let path = "go-template={{.data.token | base64decode}}"
                token = try await Cluster.kubectl("get", "secret", secret, "-n", namespace, "-o", path)
            }
            return !token.isEmpty
        }
        return token
    }

    /// What an API server without the definition says, as rules of the proxy.
    static let withoutDefinition = [
        "list /apis/detour.dev/v1: answer 404", "* sessions: answer 404", "* sessions/status: answer 404",
    ]
}
