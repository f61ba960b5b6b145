import Foundation
import KubernetesModel

/// A service account whose tokens are Secrets: the real API server refuses one as soon as its Secret is gone, as it does one
/// that has expired, for which it would have to be waited ten minutes at least.
public struct TokenAccount: Sendable {
    private let namespace: String

    /// Makes the account and a Secret for each of its tokens.
    public init(_ name: String, in namespace: String, tokens: [String]) async throws {
        self.namespace = namespace
        let place = JSONValue.string(namespace)
        let account: JSONValue = [
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": .string(name), "namespace": place],
        ]
        let secrets: [JSONValue] = tokens.map { token in
            [
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                "metadata": [
                    "name": .string(token), "namespace": place,
                    "annotations": ["kubernetes.io/service-account.name": .string(name)],
                ],
            ]
        }
        try await Cluster.apply([account] + secrets, in: namespace)
    }

    /// One of its tokens, as soon as the server has made it.
    public func token(_ secret: String) async throws -> String {
        var token = ""
        try await Cluster.eventually("the Secret \(secret) has a token", within: .seconds(15)) {
            let words = ["get", "secret", secret, "-n", self.namespace, "-o", "jsonpath={.data.token}"]
            token = String(decoding: Data(base64Encoded: try await Cluster.kubectl(words)) ?? Data(), as: UTF8.self)
            return !token.isEmpty
        }
        return token
    }

    /// Ends a token, and waits until the server does not know it any more.
    ///
    /// - Parameters:
    ///   - token: what the Secret had.
    ///   - server: `https://ADDRESS:PORT`.
    public func revoke(_ secret: String, _ token: String, at server: String) async throws {
        try await Cluster.kubectl("delete", "secret", secret, "-n", self.namespace)
        // It remembers for ten seconds whom it knew.
        try await Cluster.eventually("the old token is refused", within: .seconds(30), every: .milliseconds(500)) {
            let request = ["curl", "-sk", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}"]
            let header = ["-H", "Authorization: Bearer \(token)", "\(server)/api/v1/namespaces/default"]
            return try await Shell.run(request + header).text == "401"
        }
    }
}
