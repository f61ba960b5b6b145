import KubernetesModel

/// One rule of a Role (`PolicyRule` of rbac.authorization.k8s.io/v1): some verbs on some resources of one API group.
struct PolicyRule: Sendable, Hashable {
    /// The API group; empty for the core group.
    var group: String
    /// Plurals, a subresource behind a slash: `pods/portforward`.
    var resources: [String]
    /// `get`, `create`, …
    var verbs: [String]
    /// The objects it is limited to; empty for all of them. The API server takes `create` and unnamed lists for denied
    /// where a rule names objects.
    var names: [String]

    /// A rule by its parts.
    init(_ group: String, _ resources: [String], _ verbs: [String], named names: [String] = []) {
        self.group = group
        self.resources = resources
        self.verbs = verbs
        self.names = names
    }

    /// The rule as it stands in a Role.
    var json: JSONValue {
        var rule: [String: JSONValue] = [
            "apiGroups": [.string(self.group)],
            "resources": .array(self.resources.map { .string($0) }),
            "verbs": .array(self.verbs.map { .string($0) }),
        ]
        if !self.names.isEmpty { rule["resourceNames"] = .array(self.names.map { .string($0) }) }
        return .object(rule)
    }

    /// Few rules that allow these permissions, and nothing else.
    static func allowing(_ permissions: [Permission]) -> [PolicyRule] {
        var rules: [PolicyRule] = []
        for permission in permissions {
            let resource = [permission.type.plural, permission.subresource].compactMap(\.self).joined(separator: "/")
            let rule = PolicyRule(
                permission.type.group,
                [resource],
                [permission.verb],
                named: permission.name.map { [$0] } ?? []
            )
            let index = rules.firstIndex {
                $0.group == rule.group && $0.resources == rule.resources && $0.names == rule.names
            }
            if let index, !rules[index].verbs.contains(permission.verb) {
                rules[index].verbs.append(permission.verb)
            } else if index == nil {
                rules.append(rule)
            }
        }
        return Self.joined(rules)
    }

    /// The same in fewer rules: what differs in its resources only becomes one.
    static func joined(_ rules: [PolicyRule]) -> [PolicyRule] {
        rules.reduce(into: []) { joined, rule in
            let index = joined.firstIndex {
                $0.group == rule.group && $0.verbs == rule.verbs && $0.names == rule.names
            }
            if let index { joined[index].resources += rule.resources } else { joined.append(rule) }
        }
    }
}
