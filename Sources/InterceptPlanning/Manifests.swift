public import KubernetesModel

/// The objects that a Session owns, as manifests.
public struct InterceptManifests: Sendable {
    /// The Session, as the server returned it: its UID is the owner of everything here.
    public let session: Session
    /// The `apiVersion` the server has PodDisruptionBudgets in: `policy/v1` since Kubernetes 1.21.
    public let disruptionBudgetType: ResourceType

    /// Manifests for one Session.
    public init(session: Session, disruptionBudgetType: ResourceType = .podDisruptionBudgets) {
        self.session = session
        self.disruptionBudgetType = disruptionBudgetType
    }

    private var names: InterceptNames { self.session.names }

    /// Which resource an owned object is, and its name.
    public func identity(_ object: OwnedObject) -> (type: ResourceType, name: String) {
        let type = object == .disruptionBudget ? self.disruptionBudgetType : object.type
        return (type, object.name(in: self.names))
    }

    /// The manifest of an owned object.
    ///
    /// - Parameter decoyAddress: the decoy's cluster address, once it has one; the ConfigMap carries it, and a decoy that
    ///   is made anew takes it again.
    public func manifest(_ object: OwnedObject, decoyAddress: String = "") -> DynamicObject {
        let (type, name) = self.identity(object)
        let fields: [String: JSONValue] =
            switch object {
            case .decoy: ["spec": self.decoySpec(decoyAddress)]
            case .serviceAccount: [:]
            case .role: ["rules": Self.rules(for: self.names, keptAs: [self.session.kind])]
            case .roleBinding: Self.roleBinding(for: self.names)
            case .configMap: ["data": self.configuration(decoyAddress: decoyAddress)]
            case .disruptionBudget: ["spec": ["maxUnavailable": 1, "selector": self.podSelector]]
            case .deployment: ["spec": self.deploymentSpec]
            }
        var manifest = DynamicObject(type, name: name, namespace: self.session.namespace, fields)
        manifest.json["metadata"]?["labels"] = JSONValue(self.labels)
        manifest.json["metadata"]?["ownerReferences"] = [
            [
                "apiVersion": .string(self.session.kind.type.apiVersion),
                "kind": .string(self.session.kind.type.kind),
                "name": .string(self.session.name),
                "uid": .string(self.session.uid),
                "controller": true,
            ]
        ]
        return manifest
    }

    /// On every owned object, Pods included.
    private var labels: [String: String] {
        var labels = Marks.selector(incarnation: self.session.incarnation)
        labels[Self.managedBy.key] = Self.managedBy.value
        return labels
    }

    /// Whether an object was made for this incarnation.
    public static func isOf(_ session: Session, _ object: DynamicObject) -> Bool {
        self.incarnation(of: object) == session.incarnation
    }

    /// Whether an object was made for an earlier incarnation of this Session, whose name it has: that one is gone then.
    public static func isLeftover(_ object: DynamicObject, of session: Session) -> Bool {
        self.incarnation(of: object).map { $0 != session.incarnation } ?? false
    }

    /// Whether a Service points to the incarnation that an object was made for.
    public static func isNeeded(_ object: DynamicObject, by service: DynamicObject) -> Bool {
        self.incarnation(of: object).map { $0 == ServiceSwap.selectedIncarnation(of: service) } ?? false
    }

    /// Whether an administrator made an object for all intercepts of a Service: no Session owns it, and it stays.
    public static func isInstalled(_ object: DynamicObject) -> Bool {
        self.isOurs(object) && object.labels[Marks.installedLabel] == "true"
    }

    /// Whether Detour made an object.
    static func isOurs(_ object: DynamicObject) -> Bool {
        object.labels[Self.managedBy.key] == Self.managedBy.value
    }

    private static func incarnation(of object: DynamicObject) -> String? {
        self.isOurs(object) ? object.labels[Marks.sessionLabel] : nil
    }

    /// The label on everything Detour makes.
    static let managedBy = (key: "app.kubernetes.io/managed-by", value: "detour")

    private var podSelector: JSONValue {
        ["matchLabels": JSONValue(Marks.selector(incarnation: self.session.incarnation))]
    }

    /// The original selector and ports, names included. No nodePorts: those stay with the Service.
    private func decoySpec(_ address: String) -> JSONValue {
        var spec: JSONValue = [
            "type": "ClusterIP",
            "selector": JSONValue(self.session.original.selector),
            "ports": .array(
                (self.session.original.ports.array ?? []).map { port in
                    var copy = port
                    copy["nodePort"] = nil
                    return copy
                }
            ),
        ]
        if !address.isEmpty { spec["clusterIP"] = .string(address) }
        return spec
    }

    /// What a replica may do: its own Session and Service by name, see Pods, and become an owner of what keeps it able to
    /// restore. A change of a Role's rules is refused by the API server unless who makes it has them himself. No
    /// wildcard, no Secrets.
    ///
    /// - Parameter kinds: what kinds of objects may hold its Session.
    static func rules(for names: InterceptNames, keptAs kinds: [SessionKind]) -> JSONValue {
        func rule(_ group: String, _ resource: String, _ verbs: [String], named names: [String] = []) -> JSONValue {
            PolicyRule(group, [resource], verbs, named: names).json
        }
        let own = kinds.flatMap { kind in
            let kept = kind.type
            let verbs = ["get", "list", "watch", "patch", "delete"]
            let status = rule(kept.group, "\(kept.plural)/status", ["patch"], named: [names.session])
            return [rule(kept.group, kept.plural, verbs, named: [names.session])] + (kind == .resource ? [status] : [])
        }
        let others = [
            rule("", "services", ["get", "list", "watch", "patch"], named: [names.service]),
            rule("", "services", ["patch"], named: [names.decoy]),
            rule("", "serviceaccounts", ["patch"], named: [names.interceptor]),
            rule(ResourceType.roles.group, "roles", ["patch"], named: [names.interceptor]),
            rule(ResourceType.roles.group, "rolebindings", ["patch"], named: [names.interceptor]),
            rule("", "endpoints", ["get", "list", "watch"], named: [names.decoy]),
            rule("", "pods", ["get", "list", "watch"]),
        ]
        return .array(own + others)
    }

    static func roleBinding(for names: InterceptNames) -> [String: JSONValue] {
        [
            "roleRef": [
                "apiGroup": .string(ResourceType.roles.group),
                "kind": "Role",
                "name": .string(names.interceptor),
            ],
            "subjects": [
                [
                    "kind": "ServiceAccount",
                    "name": .string(names.interceptor),
                    "namespace": .string(names.namespace),
                ]
            ],
        ]
    }

    private func configuration(decoyAddress: String) -> JSONValue {
        let configuration = InterceptorConfiguration(session: self.session, decoyAddress: decoyAddress)
        return [InterceptorConfiguration.fileName: .string(configuration.json.pretty)]
    }

    private var deploymentSpec: JSONValue {
        [
            "replicas": .integer(Int64(self.session.settings.replicas)),
            "selector": self.podSelector,
            // A replica must never leave before its successor serves.
            "strategy": ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": 0, "maxSurge": 1]],
            "template": ["metadata": ["labels": JSONValue(self.labels)], "spec": self.podSpec],
        ]
    }
}

extension OwnedObject {
    /// What a replica runs as: only who may write Roles can make these.
    public static let identity: [OwnedObject] = [.serviceAccount, .role, .roleBinding]

    /// The resource it is an object of, in the version of current servers.
    public var type: ResourceType {
        switch self {
        case .decoy: .services
        case .serviceAccount: .serviceAccounts
        case .role: .roles
        case .roleBinding: .roleBindings
        case .configMap: .configMaps
        case .disruptionBudget: .podDisruptionBudgets
        case .deployment: .deployments
        }
    }

    /// The name it has for one Service.
    public func name(in names: InterceptNames) -> String {
        self == .decoy ? names.decoy : names.interceptor
    }
}
