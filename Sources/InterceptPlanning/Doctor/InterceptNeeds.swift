import KubernetesModel

/// What an intercept takes of a namespace's quota, computed from its own manifests.
struct InterceptNeeds: Sendable {
    /// What is needed of one key of a quota.
    enum Need: Sendable {
        /// This much.
        case amount(Amount)
        /// The quota wants it set, and the container does not set it.
        case unset
    }

    /// An amount and how it is said.
    struct Amount: Sendable {
        var quantity: Quantity
        var text: String
    }

    private let replicas: Int
    private let budgets: Int
    private let kind: SessionKind
    private let resources: JSONValue
    private let defaults: JSONValue

    /// The needs of a Session; what LimitRanges would fill in counts as set.
    init(planned session: Session, limits: [JSONValue]) {
        self.replicas = session.settings.replicas
        self.budgets = session.settings.replicas > 1 ? 1 : 0
        self.kind = session.kind
        self.resources = Self.container(of: session)["resources"] ?? [:]
        self.defaults = limits.reduce(into: JSONValue.object([:])) { all, limit in
            for resource in ["cpu", "memory", "ephemeral-storage"] {
                let top = limit["default"]?[resource] ?? limit["max"]?[resource]
                all["limits.\(resource)"] = all["limits.\(resource)"] ?? top
                all["requests.\(resource)"] = all["requests.\(resource)"] ?? limit["defaultRequest"]?[resource] ?? top
            }
        }
    }

    /// The interceptor's container as its Deployment has it.
    static func container(of session: Session) -> JSONValue {
        InterceptManifests(session: session).podSpec["containers"]?[0] ?? [:]
    }

    /// What is needed of a quota's key; nil for what an intercept does not use.
    subscript(_ key: String) -> Need? {
        switch key {
        case "pods", "count/pods": count(self.replicas)
        // The decoy.
        case "services", "count/services": count(1)
        case "count/deployments.apps", "count/replicasets.apps", "count/serviceaccounts",
            "count/roles.rbac.authorization.k8s.io", "count/rolebindings.rbac.authorization.k8s.io":
            count(1)
        case "configmaps", "count/configmaps": count(self.kind == .configMap ? 2 : 1)
        case "count/sessions.detour.dev": self.kind == .resource ? count(1) : nil
        case "count/poddisruptionbudgets.policy": self.budgets == 0 ? nil : count(self.budgets)
        case "cpu", "memory", "ephemeral-storage": self.resource("requests", key)
        default: self.qualified(key)
        }
    }

    private func qualified(_ key: String) -> Need? {
        let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2, ["requests", "limits"].contains(parts[0]),
            ["cpu", "memory", "ephemeral-storage"].contains(parts[1])
        else { return nil }
        return self.resource(parts[0], parts[1])
    }

    private func count(_ number: Int) -> Need { .amount(Amount(quantity: Quantity(number), text: String(number))) }

    private func resource(_ side: String, _ resource: String) -> Need? {
        let set = self.resources[side]?[resource] ?? self.defaults["\(side).\(resource)"]
        // A limit without a request is a request too.
        let json = set ?? (side == "requests" ? self.resources["limits"]?[resource] : nil)
        // Quotas of CPU and memory want both set (the quota evaluator of Pods); of other resources they only add up.
        guard let json, let each = Quantity(json) else { return resource == "ephemeral-storage" ? nil : .unset }
        let text = "\(self.replicas) × \(json.string ?? json.compact)"
        return .amount(Amount(quantity: self.replicas * each, text: text))
    }
}
