public import KubernetesModel

/// One verb on one resource that an intercept needs.
public struct Permission: Sendable, Hashable, CustomStringConvertible {
    /// `get`, `create`, …
    public var verb: String
    /// The resource.
    public var type: ResourceType
    /// A part of it, such as `portforward`; nil for the whole.
    public var subresource: String?

    /// Verb, resource and API group, such as `create roles.rbac.authorization.k8s.io`.
    public var description: String {
        "\(self.verb) \(self.type.qualifiedName)\(self.subresource.map { "/\($0)" } ?? "")"
    }

    /// Everything an intercept needs, in the Service's namespace or, where the type has none, in the cluster.
    ///
    /// More than this program does itself: nobody may grant in a Role what he may not do, so the interceptor's own verbs
    /// are among them.
    ///
    /// - Parameter definitionExists: whether the cluster knows Sessions already; else their definition has to be made.
    public static func ofIntercept(definitionExists: Bool) -> [Permission] {
        func need(_ verbs: [String], _ type: ResourceType, _ subresource: String? = nil) -> [Permission] {
            verbs.map { Permission(verb: $0, type: type, subresource: subresource) }
        }
        let needed = [
            need(["get", "list", "watch", "patch", "create"], .services),
            need(["get", "list", "watch"], .endpoints),
            need(["get", "create"], .configMaps), need(["get", "create"], .deployments),
            need(["get", "create"], .podDisruptionBudgets), need(["get", "create", "patch"], .serviceAccounts),
            need(["get", "create", "patch"], .roles), need(["get", "create", "patch"], .roleBindings),
            need(["get", "list", "watch"], .pods), need(["get", "create"], .pods, "portforward"),
            need(["get", "list", "watch", "create", "patch", "delete"], .sessions),
            need(["patch"], .sessions, "status"),
            definitionExists ? [] : need(["get", "create"], .customResourceDefinitions),
        ]
        return needed.flatMap { $0 }
    }

    /// What is made use of where it is allowed, and done without where it is not: `intercept statefulset/NAME`, and the
    /// kubelet's own words on a Pod that does not start.
    public static let helpful = [
        Permission(verb: "get", type: .statefulSets), Permission(verb: "list", type: .events),
    ]
}
