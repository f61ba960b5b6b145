public import KubernetesClient
public import KubernetesModel

/// The way to an API server of somebody who has one Role in one namespace, and nothing else.
///
/// It refuses as the server's RBAC does: by group, resource, verb and name, before it is looked whether there is what is
/// asked for; and a Role that gives what its maker has not. Discovery and access reviews are for everybody.
public struct RoleTransport: WrappingTransport {
    /// The server.
    public let base: any KubernetesTransport
    private let rules: [JSONValue]
    private let namespace: String

    /// A way for whoever has a Role.
    ///
    /// - Parameters:
    ///   - base: the server.
    ///   - role: the Role, with its namespace and its `rules`.
    public init(_ base: any KubernetesTransport, role: DynamicObject) {
        self.base = base
        self.rules = role["rules"]?.array ?? []
        self.namespace = role.namespace ?? ""
    }

    /// Passes a request on if it is allowed.
    public func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        if request.segments.last == ResourceType.selfSubjectAccessReviews.plural {
            let asked = request.body?[path: "spec", "resourceAttributes"] ?? [:]
            return Self.answer(201, ["status": ["allowed": .bool(self.allows(Access(review: asked)))]])
        }
        guard let access = Access(request) else { return try await self.base.send(request) }
        guard self.allows(access) else { return Self.refusal("\(access) is forbidden: no rule allows it") }
        if access.resource == "roles", let rule = self.excess(in: request.body?["rules"]?.array ?? []) {
            return Self.refusal("attempting to grant RBAC permissions not currently held: \(rule)")
        }
        return try await self.base.send(request)
    }

    /// One verb on one thing.
    fileprivate struct Access: CustomStringConvertible {
        var verb: String
        var group: String
        var resource: String
        var name: String?
        var namespace: String?

        var description: String { "\(self.verb) \(self.resource).\(self.group) \(self.name ?? "")" }
    }

    private func allows(_ access: Access) -> Bool {
        access.namespace == self.namespace && self.rules.contains { access.isCovered(by: $0) }
    }

    /// The first thing that a Role would give and this one has not.
    private func excess(in rules: [JSONValue]) -> Access? {
        for rule in rules {
            let names = Access.strings(rule, "resourceNames")
            for group in Access.strings(rule, "apiGroups") {
                for resource in Access.strings(rule, "resources") {
                    for verb in Access.strings(rule, "verbs") {
                        for name in names.isEmpty ? [nil] : names.map(Optional.some) {
                            let access = Access(
                                verb: verb,
                                group: group,
                                resource: resource,
                                name: name,
                                namespace: self.namespace
                            )
                            if !self.allows(access) { return access }
                        }
                    }
                }
            }
        }
        return nil
    }

    private static func refusal(_ message: String) -> KubernetesResponse {
        Self.answer(403, KubernetesStatus(code: 403, reason: "Forbidden", message: message).json)
    }

    private static func answer(_ status: Int, _ body: JSONValue) -> KubernetesResponse {
        KubernetesResponse(status: status, body: KubernetesBody(body.bytes))
    }
}

extension RoleTransport.Access {
    static func strings(_ rule: JSONValue, _ key: String) -> [String] {
        (rule[key]?.array ?? []).compactMap(\.string)
    }

    /// What a request does to a resource; nil for discovery.
    init?(_ request: KubernetesRequest) {
        guard request.segments.count > (request.segments.first == "api" ? 2 : 3),
            let target = RequestTarget(request.segments)
        else { return nil }
        let parts = target.collection.apiVersion.split(separator: "/")
        self.group = parts.count == 2 ? String(parts[0]) : ""
        self.resource = target.resource
        self.namespace = target.namespace
        // A list or watch of one name is one of that object.
        let field = request.query.first { $0.name == "fieldSelector" }?.value
        self.name = target.name ?? field.flatMap { $0.split(separator: "=").last.map(String.init) }
        self.verb =
            target.name == nil && request.method == .get ? (request.isStream ? "watch" : "list") : request.method.verb
    }

    /// What a SelfSubjectAccessReview asks about.
    init(review asked: JSONValue) {
        self.verb = asked["verb"]?.string ?? ""
        self.group = asked["group"]?.string ?? ""
        let parts = [asked["resource"]?.string, asked["subresource"]?.string].compactMap(\.self)
        self.resource = parts.joined(separator: "/")
        self.name = asked["name"]?.string
        self.namespace = asked["namespace"]?.string
    }

    func isCovered(by rule: JSONValue) -> Bool {
        let names = Self.strings(rule, "resourceNames")
        return Self.strings(rule, "apiGroups").contains(self.group)
            && Self.strings(rule, "resources").contains(self.resource)
            && Self.strings(rule, "verbs").contains(self.verb)
            && (names.isEmpty || self.name.map(names.contains) ?? false)
    }
}
