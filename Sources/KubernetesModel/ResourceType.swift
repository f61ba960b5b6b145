/// Which API resource a request is about: the key of everything in the Kubernetes client.
public struct ResourceType: Sendable, Hashable {
    /// The API group; empty for the core group.
    public var group: String
    /// The version inside the group, such as `v1`.
    public var version: String
    /// The kind as it stands in manifests, such as `Service`.
    public var kind: String
    /// The name in URLs, such as `services`.
    public var plural: String
    /// Whether objects live in a namespace.
    public var isNamespaced: Bool

    /// A resource by its names.
    public init(group: String = "", version: String = "v1", kind: String, plural: String, isNamespaced: Bool = true) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        self.isNamespaced = isNamespaced
    }

    /// `v1` for the core group, `apps/v1` for others: the manifest's `apiVersion`.
    public var apiVersion: String { self.group.isEmpty ? self.version : "\(self.group)/\(self.version)" }

    /// `services` for the core group, `deployments.apps` for others: how kubectl and Roles' authors name it.
    public var qualifiedName: String { self.group.isEmpty ? self.plural : "\(self.plural).\(self.group)" }
}

extension ResourceType {
    /// Core Services.
    public static let services = ResourceType(kind: "Service", plural: "services")
    /// Core Pods.
    public static let pods = ResourceType(kind: "Pod", plural: "pods")
    /// Core ConfigMaps.
    public static let configMaps = ResourceType(kind: "ConfigMap", plural: "configmaps")
    /// Core Endpoints.
    public static let endpoints = ResourceType(kind: "Endpoints", plural: "endpoints")
    /// Core Events.
    public static let events = ResourceType(kind: "Event", plural: "events")
    /// Core Namespaces.
    public static let namespaces = ResourceType(kind: "Namespace", plural: "namespaces", isNamespaced: false)
    /// Core ServiceAccounts.
    public static let serviceAccounts = ResourceType(kind: "ServiceAccount", plural: "serviceaccounts")
    /// Deployments.
    public static let deployments = ResourceType(group: "apps", kind: "Deployment", plural: "deployments")
    /// StatefulSets.
    public static let statefulSets = ResourceType(group: "apps", kind: "StatefulSet", plural: "statefulsets")
    /// DaemonSets.
    public static let daemonSets = ResourceType(group: "apps", kind: "DaemonSet", plural: "daemonsets")
    /// Core Secrets.
    public static let secrets = ResourceType(kind: "Secret", plural: "secrets")
    /// Roles.
    public static let roles = ResourceType(group: "rbac.authorization.k8s.io", kind: "Role", plural: "roles")
    /// ClusterRoles.
    public static let clusterRoles = ResourceType(
        group: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        plural: "clusterroles",
        isNamespaced: false
    )
    /// RoleBindings.
    public static let roleBindings = ResourceType(
        group: "rbac.authorization.k8s.io",
        kind: "RoleBinding",
        plural: "rolebindings"
    )
    /// PodDisruptionBudgets as of Kubernetes 1.21; older servers have them in `v1beta1` only.
    public static let podDisruptionBudgets = ResourceType(
        group: "policy",
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets"
    )
    /// CustomResourceDefinitions.
    public static let customResourceDefinitions = ResourceType(
        group: "apiextensions.k8s.io",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        isNamespaced: false
    )

    /// EndpointSlices as of Kubernetes 1.21; older servers have them in `v1beta1` only.
    public static let endpointSlices = ResourceType(
        group: "discovery.k8s.io",
        kind: "EndpointSlice",
        plural: "endpointslices"
    )

    /// The same type in another version of its group.
    public func version(_ version: String) -> ResourceType {
        var other = self
        other.version = version
        return other
    }
    /// NetworkPolicies.
    public static let networkPolicies = ResourceType(
        group: "networking.k8s.io",
        kind: "NetworkPolicy",
        plural: "networkpolicies"
    )
    /// ResourceQuotas.
    public static let resourceQuotas = ResourceType(kind: "ResourceQuota", plural: "resourcequotas")
    /// LimitRanges.
    public static let limitRanges = ResourceType(kind: "LimitRange", plural: "limitranges")
    /// HorizontalPodAutoscalers, in the version that every Kubernetes has.
    public static let autoscalers = ResourceType(
        group: "autoscaling",
        kind: "HorizontalPodAutoscaler",
        plural: "horizontalpodautoscalers"
    )
}
