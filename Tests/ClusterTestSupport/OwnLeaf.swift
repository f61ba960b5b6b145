import Foundation
public import KubernetesModel

/// The shop's leaf in a namespace of its own, so that a test may do to both what it likes.
public struct OwnLeaf: Sendable {
    /// The namespace.
    public let namespace: String
    /// The Service at `http://127.0.0.1:PORT`.
    public let url: String

    /// Makes the namespace and the leaf, and waits until it answers.
    ///
    /// What a run that was cut off has left of a namespace of this name goes first.
    ///
    /// - Parameters:
    ///   - replicas: how many Pods it has.
    ///   - grace: how long each may take to end, in seconds; by default its end is not looked at, for the namespace goes with it.
    public init(in namespace: String, replicas: Int = 1, grace: Int = 1) async throws {
        self.namespace = namespace
        try await Cluster.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s")
        try await Cluster.kubectl("create", "namespace", namespace)
        try await Cluster.apply(try await Self.objects(in: namespace, replicas, grace), in: namespace)
        // `rollout status` would watch for longer than it takes.
        try await Cluster.kubectl("rollout", "status", "deployment/leaf", "-n", namespace, "--timeout=60s")
        let url = try await Cluster.url("\(namespace)/leaf", 80)
        self.url = url
        // kube-proxy learns of the Pod after the Deployment does.
        try await Cluster.eventually("\(namespace)/leaf answers", within: .seconds(20)) {
            try await Shop.answeredBy(url, matching: false).hasPrefix("leaf/leaf-")
        }
    }

    /// A copy of the shop's Deployment, and a Service as the shop's is while nobody intercepts it.
    private static func objects(in namespace: String, _ replicas: Int, _ grace: Int) async throws -> [JSONValue] {
        let metadata: JSONValue = ["name": "leaf", "namespace": .string(namespace)]
        let shop = try await Cluster.kubectl("get", "deployment", "leaf", "-n", "shop", "-o", "json")
        var deployment = try JSONValue(parsing: shop)
        deployment["metadata"] = metadata
        deployment["status"] = nil
        deployment["spec"]?["replicas"] = .integer(Int64(replicas))
        deployment["spec"]?["template"]?["spec"]?["terminationGracePeriodSeconds"] = .integer(Int64(grace))
        let ports: JSONValue = [["name": "http", "port": 80, "targetPort": "http"]]
        let service: JSONValue = [
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": ["selector": ["app": "leaf"], "ports": ports],
        ]
        return [deployment, service]
    }

    /// Who answers one request to the Service.
    public func answeredBy(matching: Bool) async throws -> String {
        try await Shop.answeredBy(self.url, matching: matching)
    }

    /// The Service less what every write changes.
    public func snapshot() async throws -> JSONValue {
        try await Cluster.snapshot("leaf", in: self.namespace)
    }

    /// Deletes the namespace and all in it, and does not wait for that.
    public func remove() async throws {
        try await Cluster.kubectl("delete", "namespace", self.namespace, "--wait=false")
    }

    /// Runs a test on such a leaf; the namespace goes however that ends.
    public static func with(_ namespace: String, _ body: (OwnLeaf) async throws -> Void) async throws {
        let leaf = try await OwnLeaf(in: namespace)
        do {
            try await body(leaf)
        } catch {
            try? await leaf.remove()
            throw error
        }
        try await leaf.remove()
    }
}

extension Cluster {
    /// `kubectl apply` of some objects, as administrator.
    ///
    /// - Parameters:
    ///   - objects: whole manifests.
    ///   - namespace: where those are that do not say.
    ///   - flags: more flags of `apply`.
    public static func apply(_ objects: [JSONValue], in namespace: String, _ flags: [String] = []) async throws {
        try await self.withFile(objects) { path in
            try await self.kubectl(["apply", "-n", namespace, "-f", path] + flags)
        }
    }

    /// `kubectl delete` of the same.
    public static func delete(_ objects: [JSONValue], in namespace: String) async throws {
        try await self.withFile(objects) { path in
            try await self.kubectl(["delete", "-n", namespace, "-f", path, "--ignore-not-found", "--wait=false"])
        }
    }

    /// Runs `body` with the path of a file in which some objects are, as `kubectl -f` takes them.
    public static func withFile(_ objects: [JSONValue], _ body: (String) async throws -> String) async throws {
        let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(objects)]
        let file = FileManager.default.temporaryDirectory.appending(path: "objects-\(UUID().uuidString).json")
        try Data(list.compact.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        _ = try await body(file.path())
    }
}
