import KubernetesModel

/// What keeps a Pod alive: the object a person would scale or restart.
struct Workload: Sendable, Hashable {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, …
    var kind: String
    /// Its name.
    var name: String

    /// The workload by its parts.
    init(kind: String, name: String) {
        self.kind = kind
        self.name = name
    }

    /// The Pod's controller, a ReplicaSet's Deployment in its place; nil for a Pod that nobody keeps.
    init?(of pod: DynamicObject) {
        let owners = pod[path: "metadata", "ownerReferences"]?.array ?? []
        let owner = owners.first { $0["controller"]?.bool == true } ?? owners.first
        guard let owner, let kind = owner["kind"]?.string, let name = owner["name"]?.string else { return nil }
        if kind == "ReplicaSet", let hash = pod.labels["pod-template-hash"], name.hasSuffix("-\(hash)") {
            self.init(kind: "Deployment", name: String(name.dropLast(hash.count + 1)))
        } else {
            self.init(kind: kind, name: name)
        }
    }

    /// `deployment/leaf`, as kubectl takes it.
    var reference: String { "\(self.kind.lowercased())/\(self.name)" }

    /// The command that restarts it one Pod after the other; nil for a kind that kubectl cannot restart.
    func restart(in namespace: String) -> String? {
        guard ["Deployment", "StatefulSet", "DaemonSet"].contains(self.kind) else { return nil }
        return "kubectl rollout restart \(self.reference) -n \(namespace)"
    }
}
