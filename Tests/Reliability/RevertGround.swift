import ClusterTestSupport
import Foundation
import KubernetesModel

/// A Service in a namespace of its own, and what others do to it.
struct RevertGround: Sendable {
    let leaf: OwnLeaf
    /// The address of the Service, which it has again when it is made anew.
    private let address: JSONValue
    /// Two Pods' labels that are no selector of before, and lead to the same Pods.
    private let otherSelector: JSONValue
    /// Does as an editor what a person does in one.
    private let editor: URL

    private var inNamespace: [String] { ["-n", self.leaf.namespace] }

    init(_ leaf: OwnLeaf) async throws {
        self.leaf = leaf
        self.address = try await leaf.snapshot()[path: "spec", "clusterIP"] ?? .null
        let words = ["get", "pods", "-l", "app=leaf", "-n", leaf.namespace, "-o"]
        let hash = try await Cluster.kubectl(words + ["jsonpath={.items[0].metadata.labels.pod-template-hash}"])
        self.otherSelector = ["app": "leaf", "pod-template-hash": .string(hash)]
        self.editor = FileManager.default.temporaryDirectory.appending(path: "editor-\(UUID().uuidString)")
        let script = """
            #!/bin/sh
            exec sed -i -e 's/^    app: interceptor$/    app: leaf/' -e '/^    system\\.codezero\\.io\\/session:/d' \\
                -e 's/^    targetPort: 15[0-9]*$/    targetPort: http/' "$1"

            """
        try Data(script.utf8).write(to: self.editor)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: self.editor.path())
    }

    func remove() { try? FileManager.default.removeItem(at: self.editor) }

    private static let ports: JSONValue = [["name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"]]
    private static let selector: JSONValue = ["app": "leaf"]

    /// What a repository has of the Service, or a person in a file.
    private func manifest(_ revert: Revert) -> JSONValue {
        var metadata: JSONValue = ["name": "leaf", "namespace": .string(self.leaf.namespace)]
        if let tool = revert.tool { metadata["labels"] = .object([tool.label: "shop"]) }
        return [
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": ["selector": Self.selector, "ports": Self.ports, "clusterIP": self.address],
        ]
    }

    private func flags(_ revert: Revert) -> [String] {
        revert.tool.map { ["--server-side", "--field-manager=\($0.manager)", "--force-conflicts"] } ?? []
    }

    /// Makes the Service anew, as whoever reverts it later made it, and waits until it answers.
    func prepare(_ revert: Revert) async throws {
        try await Cluster.kubectl(["delete", "service", "leaf", "--ignore-not-found"] + self.inNamespace)
        try await self.apply(revert)
        try await Cluster.eventually("\(self.leaf.namespace)/leaf answers", within: .seconds(20)) {
            try await self.leaf.answeredBy(matching: false).hasPrefix("leaf/leaf-")
        }
        // Until all of the node's rules have followed.
        try await Task.sleep(for: .seconds(1))
    }

    private func apply(_ revert: Revert) async throws {
        try await Cluster.apply([self.manifest(revert)], in: self.leaf.namespace, self.flags(revert))
    }

    /// The Service less what is another's for each that is made; nil when there is none.
    func snapshot() async throws -> JSONValue? {
        guard
            try await !Cluster.kubectl(
                ["get", "service", "leaf", "-o", "name", "--ignore-not-found"] + self.inNamespace
            )
            .isEmpty
        else { return nil }
        var json = try await self.leaf.snapshot()
        for name in ["uid", "creationTimestamp"] { json["metadata"]?[name] = nil }
        // kubectl's own note, which `kubectl replace` drops.
        var annotations = json[path: "metadata", "annotations"]
        annotations?["kubectl.kubernetes.io/last-applied-configuration"] = nil
        json["metadata"]?["annotations"] = annotations?.object?.isEmpty == true ? nil : annotations
        return json
    }

    /// What is to be there in the end, where it was `before`; nil for no Service.
    func wanted(_ revert: Revert, _ before: JSONValue) -> JSONValue? {
        var wanted = before
        if revert.kind == .other { wanted["spec"]?["selector"] = self.otherSelector }
        return revert.kind == .delete ? nil : wanted
    }

    /// Does it.
    func perform(_ revert: Revert) async throws {
        switch revert.kind {
        case .argo, .flux: try await self.apply(revert)
        case .edit:
            let words = [Cluster.script, "kubectl", "edit", "service", "leaf"] + self.inNamespace
            try await Shell.must(words, environment: ["KUBE_EDITOR": self.editor.path()])
        case .replace:
            try await Cluster.withFile([self.manifest(revert)]) { path in
                try await Cluster.kubectl(["replace", "-f", path] + self.inNamespace)
            }
        case .patch: try await self.patch(Self.selector)
        case .other: try await self.patch(self.otherSelector)
        case .delete, .recreate:
            try await Cluster.kubectl(["delete", "service", "leaf"] + self.inNamespace)
            if revert.kind == .recreate { try await self.apply(revert) }
        }
    }

    private func patch(_ selector: JSONValue) async throws {
        let operations: JSONValue = [
            ["op": "replace", "path": "/spec/selector", "value": selector],
            ["op": "replace", "path": "/spec/ports", "value": Self.ports],
        ]
        let words = ["patch", "service", "leaf", "--type=json", "-p", operations.compact]
        try await Cluster.kubectl(words + self.inNamespace)
    }
}
