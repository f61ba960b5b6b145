public import KubernetesModel

/// What an administrator sets up once, as manifests, so that developers who are no administrators can intercept.
public struct Installation: Sendable, Hashable {
    /// An object that is to be there.
    public struct Item: Sendable, Hashable {
        /// The resource it is an object of.
        public var type: ResourceType
        /// The object, with the fields that are to hold; others are left as they are found.
        public var manifest: DynamicObject
    }

    /// The name of the Role, the RoleBinding and the ClusterRole.
    public static let roleName = "detour-intercept"

    /// The objects, in the order they are to be made.
    public var items: [Item]

    /// What the whole cluster needs: the definition of Sessions, and the verbs of an intercept as a ClusterRole. That one
    /// gives nothing to anybody until a RoleBinding in a namespace, or a ClusterRoleBinding, refers to it.
    public static var cluster: Installation {
        Installation(items: [
            Item(type: .customResourceDefinitions, manifest: SessionDefinition.manifest),
            self.item(.clusterRoles, in: nil, ["rules": self.rules(PolicyRule.allowing(self.permissions))]),
        ])
    }

    /// What one namespace needs: a Role with the verbs of an intercept, and a RoleBinding when somebody is to have it.
    ///
    /// - Parameters:
    ///   - namespace: the namespace, which must exist.
    ///   - subjects: who is given the Role; for nobody there is no RoleBinding.
    ///   - services: Services whose intercepts may be cleaned up at once. Their interceptors' objects may be deleted, by
    ///     name; nothing else but Sessions may. Without it the garbage collector does that.
    ///   - keepsConfigMaps: whether Sessions may be kept in ConfigMaps, too: those of the Services that are named, or,
    ///     where none is, of all. Then every ConfigMap of the namespace may be changed.
    ///   - preparesInterceptors: whether what the interceptors of the Services that are named run as is made too. The
    ///     Role then makes none, and intercepts of other Services are refused.
    ///   - restarts: workloads that may be restarted, by name: `--restart-target` asks for it.
    public static func namespace(
        _ namespace: String,
        subjects: [Subject],
        services: [String],
        keepsConfigMaps: Bool = false,
        preparesInterceptors: Bool = false,
        restarts: [RolloutRestart] = []
    ) -> Installation {
        let names = self.withoutRepetition(services).map { InterceptNames(namespace: namespace, service: $0) }
        let kinds: [SessionKind] = keepsConfigMaps ? [.resource, .configMap] : [.resource]
        let identities = preparesInterceptors ? names.flatMap { self.identity($0, keptAs: kinds) } : []
        let needed =
            Permission.ofIntercept(.resource, isPrepared: preparesInterceptors) + Permission.helpful
            + (keepsConfigMaps ? self.configMaps(of: names) : [])
            + self.withoutRepetition(restarts).flatMap(\.permissions)
        let made = OwnedObject.allCases.filter { !preparesInterceptors || !OwnedObject.identity.contains($0) }
        let rules = PolicyRule.allowing(needed) + self.deletions(made, of: names)
        let role = self.item(.roles, in: namespace, ["rules": self.rules(rules)])
        guard !subjects.isEmpty else { return Installation(items: identities + [role]) }
        let binding: [String: JSONValue] = [
            "roleRef": [
                "apiGroup": .string(ResourceType.roles.group),
                "kind": .string(ResourceType.roles.kind),
                "name": .string(self.roleName),
            ],
            "subjects": .array(self.withoutRepetition(subjects).map(\.json)),
        ]
        return Installation(items: identities + [role, self.item(.roleBindings, in: namespace, binding)])
    }

    /// What the interceptor of a Service runs as.
    private static func identity(_ names: InterceptNames, keptAs kinds: [SessionKind]) -> [Item] {
        OwnedObject.identity.map { object in
            let fields: [String: JSONValue] =
                switch object {
                case .role: ["rules": InterceptManifests.rules(for: names, keptAs: kinds)]
                case .roleBinding: InterceptManifests.roleBinding(for: names)
                default: [:]
                }
            var item = self.item(object.type, named: object.name(in: names), in: names.namespace, fields)
            item.manifest["metadata"]?["labels"]?[Marks.installedLabel] = "true"
            return item
        }
    }

    private static var permissions: [Permission] {
        Permission.ofIntercept(.resource) + Permission.helpful
    }

    private static func configMaps(of names: [InterceptNames]) -> [Permission] {
        guard !names.isEmpty else { return Permission.ofSession(.configMap, nil) }
        return names.flatMap { Permission.ofSession(.configMap, $0.session) }
    }

    private static func item(
        _ type: ResourceType,
        named name: String = roleName,
        in namespace: String?,
        _ fields: [String: JSONValue]
    ) -> Item {
        var manifest = DynamicObject(type, name: name, namespace: namespace, fields)
        let (key, value) = InterceptManifests.managedBy
        manifest["metadata"]?["labels"] = JSONValue([key: value])
        return Item(type: type, manifest: manifest)
    }

    private static func rules(_ rules: [PolicyRule]) -> JSONValue {
        .array(rules.map(\.json))
    }

    private static func deletions(_ objects: [OwnedObject], of names: [InterceptNames]) -> [PolicyRule] {
        guard !names.isEmpty else { return [] }
        let rules = objects.map { object in
            let type = object.type
            return PolicyRule(type.group, [type.plural], ["delete"], named: names.map { object.name(in: $0) })
        }
        return PolicyRule.joined(rules)
    }

    private static func withoutRepetition<Element: Hashable>(_ elements: [Element]) -> [Element] {
        var seen: Set<Element> = []
        return elements.filter { seen.insert($0).inserted }
    }
}

extension Installation {
    /// What to ask an administrator for, as a clause: the commands that give what an intercept needs.
    ///
    /// - Parameters:
    ///   - namespace: where the user wants to intercept.
    ///   - home: where a Session of his would be kept.
    public static func request(namespace: String, home: SessionHome) -> String {
        let command = "detour install -n \(namespace) --user YOU"
        let gives = "an administrator gives you these verbs by"
        guard home == .configMap else { return "\(gives) \(command)" }
        return "\(gives) detour install --cluster, and then \(command); or, who is one of this namespace only, by "
            + "\(command) --config-maps"
    }

    /// All objects as one `List`, which kubectl takes like any other manifest.
    public var list: JSONValue {
        ["apiVersion": "v1", "kind": "List", "items": .array(self.items.map(\.manifest.json))]
    }
}
