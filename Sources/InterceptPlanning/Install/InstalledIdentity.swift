public import KubernetesModel

/// What an administrator has made for the interceptor of a Service to run as: it is used as it is, so it has to be enough.
public struct InstalledIdentity: Sendable {
    /// Why it is not enough.
    public struct Fault: Sendable, Hashable {
        /// What is wrong, as a clause.
        public var what: String
        /// Who mends it, and how, as a clause.
        public var mend: String
    }

    private let names: InterceptNames
    private let role: DynamicObject
    private let binding: DynamicObject

    /// The Role and the RoleBinding as they are in the cluster.
    public init(names: InterceptNames, role: DynamicObject, binding: DynamicObject) {
        self.names = names
        self.role = role
        self.binding = binding
    }

    /// Why no replica could run with it; nil when it is enough.
    ///
    /// - Parameter kind: what holds the Session.
    public func fault(keptAs kind: SessionKind) -> Fault? {
        let place = "in namespace \(self.names.namespace), which an administrator made,"
        let wanted = InterceptManifests.roleBinding(for: self.names)
        let subjects = self.binding["subjects"]?.array ?? []
        let isBound =
            self.binding["roleRef"] == wanted["roleRef"]
            && (wanted["subjects"]?.array ?? []).allSatisfy(subjects.contains)
        guard isBound else {
            return Fault(
                what:
                    "RoleBinding \(self.binding.name) \(place) does not give the Role of that name to the interceptor's "
                    + "ServiceAccount",
                mend: self.mend("")
            )
        }
        let lacking = self.lacking(keptAs: kind)
        guard !lacking.isEmpty else { return nil }
        return Fault(
            what: "Role \(self.role.name) \(place) does not let the interceptor \(lacking.joined(separator: "; "))",
            mend: self.mend(kind == .configMap ? " --config-maps" : "")
        )
    }

    private func mend(_ flag: String) -> String {
        "an administrator mends that by detour install -n \(self.names.namespace) --interceptors\(flag) --service "
            + "\(self.names.service), with every --service and --user that it was said with before"
    }

    /// Verb, resource and name of everything that the Role would have to allow and does not, in the order of the rules.
    func lacking(keptAs kind: SessionKind) -> [String] {
        let rules = (self.role["rules"]?.array ?? []).map(Rule.init)
        let needed = (InterceptManifests.rules(for: self.names, keptAs: [kind]).array ?? []).map(Rule.init)
        return needed.flatMap { rule in
            rule.accesses.filter { access in !rules.contains { $0.allows(access) } }.map(\.description)
        }
    }
}

/// One verb on one resource, of one object or of all.
private struct Access: CustomStringConvertible {
    var group: String
    var resource: String
    var verb: String
    var name: String?

    var description: String {
        let place = self.group.isEmpty ? self.resource : "\(self.resource).\(self.group)"
        return "\(self.verb) \(place)\(self.name.map { " \($0)" } ?? "")"
    }
}

/// A rule of a Role as it is in the cluster.
private struct Rule {
    private var groups: [String]
    private var resources: [String]
    private var verbs: [String]
    private var names: [String]

    init(_ json: JSONValue) {
        func strings(_ key: String) -> [String] { (json[key]?.array ?? []).compactMap(\.string) }
        self.groups = strings("apiGroups")
        self.resources = strings("resources")
        self.verbs = strings("verbs")
        self.names = strings("resourceNames")
    }

    /// Everything it allows, one by one.
    var accesses: [Access] {
        let names = self.names.isEmpty ? [nil] : self.names.map(Optional.some)
        return self.groups.flatMap { group in
            self.resources.flatMap { resource in
                self.verbs.flatMap { verb in
                    names.map { Access(group: group, resource: resource, verb: verb, name: $0) }
                }
            }
        }
    }

    func allows(_ access: Access) -> Bool {
        func covers(_ list: [String], _ word: String) -> Bool { list.contains("*") || list.contains(word) }
        return covers(self.groups, access.group) && covers(self.resources, access.resource)
            && covers(self.verbs, access.verb) && (self.names.isEmpty || access.name.map(self.names.contains) ?? false)
    }
}
