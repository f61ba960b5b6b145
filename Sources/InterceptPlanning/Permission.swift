public import KubernetesModel

/// One verb on one resource that an intercept needs.
public struct Permission: Sendable, Hashable, CustomStringConvertible {
    /// `get`, `create`, …
    public var verb: String
    /// The resource.
    public var type: ResourceType
    /// A part of it, such as `portforward`; nil for the whole.
    public var subresource: String?
    /// The object it is enough for; nil for all of them.
    public var name: String?

    /// A permission by its parts.
    public init(verb: String, type: ResourceType, subresource: String? = nil, name: String? = nil) {
        self.verb = verb
        self.type = type
        self.subresource = subresource
        self.name = name
    }

    /// Verb, resource and API group, such as `create roles.rbac.authorization.k8s.io`.
    public var description: String {
        "\(self.verb) \(self.resource)"
    }

    private var resource: String {
        let part = self.subresource.map { "/\($0)" } ?? ""
        return "\(self.type.qualifiedName)\(part)\(self.name.map { " \($0)" } ?? "")"
    }

    /// Some permissions in few words, resource by resource, such as `create, get pods/portforward`.
    public static func grouped(_ permissions: [Permission]) -> [String] {
        Dictionary(grouping: permissions, by: \.resource).sorted { $0.key < $1.key }.map { resource, all in
            "\(Set(all.map(\.verb)).sorted().joined(separator: ", ")) \(resource)"
        }
    }

    /// Everything an intercept needs, in the Service's namespace or, where the type has none, in the cluster.
    ///
    /// More than this program does itself: nobody may grant in a Role what he may not do, so the interceptor's own verbs
    /// are among them.
    ///
    /// - Parameters:
    ///   - home: where its Session is kept.
    ///   - session: the name that a ConfigMap with the Session has, so that no other need be writable; nil for all of them.
    ///   - isPrepared: whether an administrator has made what the interceptor runs as.
    public static func ofIntercept(
        _ home: SessionHome,
        session: String? = nil,
        isPrepared: Bool = false
    ) -> [Permission] {
        let making = isPrepared ? ["get"] : ["get", "create", "patch"]
        let common = [
            self.need(["get", "list", "watch", "patch", "create"], .services),
            self.need(["get", "list", "watch"], .endpoints),
            self.need(["get", "create"], .configMaps), self.need(["get", "create"], .deployments),
            self.need(["get", "create"], .podDisruptionBudgets),
            self.need(making, .serviceAccounts), self.need(making, .roles), self.need(making, .roleBindings),
            self.need(["get", "list", "watch"], .pods), self.need(["get", "create"], .pods, "portforward"),
        ]
        return common.flatMap { $0 } + self.ofSession(home, session)
    }

    /// What its Session alone needs.
    static func ofSession(_ home: SessionHome, _ session: String?) -> [Permission] {
        switch home {
        case .resource:
            self.need(["get", "list", "watch", "create", "patch", "delete"], .sessions)
                + self.need(["patch"], .sessions, "status")
        case .resourceOnceDefined: self.ofSession(.resource, session) + self.ofDefinition
        // What reads and makes ConfigMaps is needed anyway.
        case .configMap: self.need(["list", "watch", "patch", "delete"], .configMaps, name: session)
        }
    }

    /// What making the definition of Sessions needs, in the cluster.
    public static let ofDefinition = need(["get", "create"], .customResourceDefinitions)

    /// What is made use of where it is allowed, and done without where it is not: `intercept statefulset/NAME`, the
    /// kubelet's own words on a Pod that does not start, and the list of the Sessions that are kept in ConfigMaps.
    public static let helpful =
        need(["get"], .statefulSets) + need(["list"], .events) + need(["list"], .configMaps)

    private static func need(
        _ verbs: [String],
        _ type: ResourceType,
        _ subresource: String? = nil,
        name: String? = nil
    ) -> [Permission] {
        verbs.map { Permission(verb: $0, type: type, subresource: subresource, name: name) }
    }
}
