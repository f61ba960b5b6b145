public import KubernetesModel

/// A workload whose Pods can be replaced one after the other, as `kubectl rollout restart` does it.
public struct RolloutRestart: Sendable, Hashable, CustomStringConvertible {
    /// The kinds that roll.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case deployment = "Deployment"
        case statefulSet = "StatefulSet"
        case daemonSet = "DaemonSet"
    }

    /// How far a roll-out has come.
    public enum Progress: Sendable, Hashable {
        /// Not there yet, in words.
        case waiting(String)
        /// Every Pod is of the newest template and available.
        case done
        /// It will not get there, and why.
        case failed(String)
    }

    /// The annotation of a Pod template whose change makes the Pods anew; kubectl's own.
    static let annotation = "kubectl.kubernetes.io/restartedAt"

    /// The kind.
    public var kind: Kind
    /// The name.
    public var name: String

    /// A workload by its parts.
    public init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// The workload that `deployment/leaf` names, its kind written as kubectl takes it; nil for other words.
    public init?(typed text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[1].isEmpty else { return nil }
        switch parts[0].lowercased() {
        case "deployment", "deployments", "deploy": self.init(.deployment, parts[1])
        case "statefulset", "statefulsets", "sts": self.init(.statefulSet, parts[1])
        case "daemonset", "daemonsets", "ds": self.init(.daemonSet, parts[1])
        default: return nil
        }
    }

    /// What restarting it needs.
    public var permissions: [Permission] {
        ["get", "patch"].map { Permission(verb: $0, type: self.type, name: self.name) }
    }

    /// The workloads that keep these Pods, each once, sorted; others, such as Pods of their own, are left out.
    public static func workloads(of pods: [DynamicObject]) -> [RolloutRestart] {
        let found = pods.filter { !$0.isTerminating }.compactMap { Workload(of: $0) }.compactMap { workload in
            Kind(rawValue: workload.kind).map { RolloutRestart($0, workload.name) }
        }
        return Set(found).sorted { $0.description < $1.description }
    }

    /// The resource it is one of.
    public var type: ResourceType {
        switch self.kind {
        case .deployment: .deployments
        case .statefulSet: .statefulSets
        case .daemonSet: .daemonSets
        }
    }

    /// `deployment/leaf`, as kubectl takes it.
    public var description: String { Workload(kind: self.kind.rawValue, name: self.name).reference }

    /// Why the workload would not be restarted by a new template; nil when it would.
    ///
    /// - Parameter object: the workload as it is.
    public func obstacle(_ object: DynamicObject) -> String? {
        if object[path: "spec", "paused"]?.bool == true { return "its roll-outs are paused (kubectl rollout resume)" }
        if object[path: "spec", "updateStrategy", "type"]?.string == "OnDelete" {
            return "its update strategy OnDelete leaves its Pods alone until somebody deletes them"
        }
        let replicas = object[path: "spec", "replicas"]?.integer ?? 1
        let surge = object[path: "spec", "strategy", "rollingUpdate", "maxSurge"]
        let hasNoSurge = surge?.integer == 0 || ["0", "0%"].contains(surge?.string)
        if object[path: "spec", "strategy", "type"]?.string == "Recreate" {
            return "its strategy Recreate ends all Pods before there are new ones, for everybody's requests"
        }
        if replicas < 2, self.kind == .statefulSet || self.kind == .deployment && hasNoSurge {
            return "its only Pod would end before there is a new one, for everybody's requests"
        }
        let partition = object[path: "spec", "updateStrategy", "rollingUpdate", "partition"]?.integer ?? 0
        return partition > 0 ? "its partition of \(partition) keeps Pods as they are" : nil
    }

    /// The change that restarts it.
    ///
    /// - Parameter time: the moment, as RFC 3339 has it.
    public func patch(at time: String) -> Patch {
        .merge(["spec": ["template": ["metadata": ["annotations": [Self.annotation: .string(time)]]]]])
    }

    /// How far the newest roll-out has come, by the rules of `kubectl rollout status`.
    ///
    /// - Parameter object: the workload as it is.
    public func progress(_ object: DynamicObject) -> Progress {
        let generation = object[path: "metadata", "generation"]?.integer ?? 0
        guard (object[path: "status", "observedGeneration"]?.integer ?? 0) >= generation else {
            return .waiting("the change has not been seen yet")
        }
        func count(_ name: String) -> Int64 { object[path: "status", name]?.integer ?? 0 }
        let wanted =
            self.kind == .daemonSet ? count("desiredNumberScheduled") : object[path: "spec", "replicas"]?.integer ?? 1
        switch self.kind {
        case .deployment:
            let conditions = object[path: "status", "conditions"]?.array ?? []
            if let condition = conditions.first(where: { $0["reason"]?.string == "ProgressDeadlineExceeded" }) {
                return .failed(condition["message"]?.string ?? "it exceeded its progress deadline")
            }
            return self.progress(wanted, count("updatedReplicas"), count("availableReplicas"), old: count("replicas"))
        case .statefulSet:
            let updated = object[path: "status", "updateRevision"]?.string
            let isNew = object[path: "status", "currentRevision"]?.string == updated
            return self.progress(wanted, isNew ? wanted : count("updatedReplicas"), count("readyReplicas"), old: 0)
        case .daemonSet:
            return self.progress(wanted, count("updatedNumberScheduled"), count("numberAvailable"), old: 0)
        }
    }

    private func progress(_ wanted: Int64, _ updated: Int64, _ available: Int64, old: Int64) -> Progress {
        if updated < wanted { return .waiting("\(updated) of \(wanted) Pods are new") }
        if old > updated { return .waiting("\(old - updated) old Pods are ending") }
        if available < wanted { return .waiting("\(available) of \(wanted) new Pods are available") }
        return .done
    }
}
