public import KubernetesModel

/// An API server as a value: what a request changes and answers, without network, clock or chance.
///
/// It keeps the promises that Detour relies on: resource versions, UIDs, preconditions, conflicts, JSON Patch with its
/// `test`, the status subresource, finalizers and the collection of owned objects. It does not validate schemas, track
/// field owners, or run controllers.
public struct ModelCluster: Sendable {
    /// An answer.
    public struct Answer: Sendable {
        /// The HTTP status.
        public var status: Int
        /// The document.
        public var body: JSONValue
    }

    /// One change, as a watch tells it.
    public struct Change: Sendable {
        /// When: the resource version.
        public var version: Int
        /// The collection.
        public var collection: Collection
        /// The object before; nil when it was created.
        public var before: DynamicObject?
        /// The object after; nil when it is gone.
        public var after: DynamicObject?
        /// The object to show of it: as it is, or as it was at the end, with the version of this change.
        public var shown: DynamicObject
    }

    /// A resource in all namespaces.
    public struct Collection: Hashable, Sendable {
        /// `v1` or `group/v1`.
        public var apiVersion: String
        /// The plural.
        public var plural: String
    }

    struct Key: Hashable {
        var collection: Collection
        var namespace: String?
        var name: String
    }

    var objects: [Key: DynamicObject] = [:]
    /// Every change so far.
    public internal(set) var changes: [Change] = []
    /// The current resource version.
    public internal(set) var version = 100
    /// Watches and page tokens from before this version get 410.
    public var oldestVersion = 0
    /// The resource types served. Creating a CustomResourceDefinition adds to it.
    public var types: [ResourceType]
    /// What the caller may not do, such as `create roles` or `get pods/portforward`.
    public var forbidden: Set<String> = []
    /// Collections whose objects have no status subresource: `status` is written with the rest.
    public var withoutStatusSubresource: Set<String> = ["configmaps"]
    /// Whether what a deleted object owned goes at once; a real collector may need a minute.
    public var collectsGarbage = true
    var counter = 0

    /// An empty cluster that serves the given types.
    public init(types: [ResourceType] = ModelCluster.builtIn) {
        self.types = types
    }

    /// The types that every Kubernetes of 1.21 and later has, as far as Detour knows them.
    public static let builtIn: [ResourceType] = [
        .services, .pods, .configMaps, .secrets, .endpoints, .events, .namespaces, .serviceAccounts, .deployments,
        .statefulSets, .roles, .roleBindings, .clusterRoles, .podDisruptionBudgets, .customResourceDefinitions,
        .networkPolicies, .resourceQuotas, .limitRanges, .autoscalers,
    ]

    /// Puts an object as it is, status included: the world that a test starts from.
    @discardableResult
    public mutating func put(_ object: DynamicObject) -> DynamicObject {
        guard
            let type = self.types.first(where: {
                $0.apiVersion == object["apiVersion"]?.string && $0.kind == object.kind
            })
        else { preconditionFailure("\(object.kind) is not among the types") }
        let key = Key(collection: type.collection, namespace: object.namespace, name: object.name)
        return self.store(object, at: key)
    }

    /// An object as it is now.
    public subscript(_ type: ResourceType, _ namespace: String?, _ name: String) -> DynamicObject? {
        self.objects[Key(collection: type.collection, namespace: namespace, name: name)]
    }

    /// All objects of a type, by namespace and name.
    public func all(_ type: ResourceType) -> [DynamicObject] {
        self.sorted(type.collection, in: nil).map(\.value)
    }

    func sorted(_ collection: Collection, in namespace: String?) -> [(key: Key, value: DynamicObject)] {
        self.objects
            .filter { $0.key.collection == collection && (namespace == nil || $0.key.namespace == namespace) }
            .sorted { ($0.key.namespace ?? "", $0.key.name) < ($1.key.namespace ?? "", $1.key.name) }
    }

    /// Answers a request that is no watch.
    public mutating func handle(_ request: KubernetesRequest) -> Answer {
        if request.segments == ["version"] {
            return Answer(status: 200, body: ["major": "1", "minor": "20", "gitVersion": "v1.20.2"])
        }
        if let answer = self.discovery(request) { return answer }
        if request.segments.last == ResourceType.selfSubjectAccessReviews.plural { return self.review(request) }
        guard let target = RequestTarget(request.segments) else { return .failure(404, "NotFound", "no such path") }
        guard self.types.contains(where: { $0.collection == target.collection }) else {
            return .failure(404, "NotFound", "the server could not find the requested resource")
        }
        let verb = request.method == .get && target.name == nil ? "list" : request.method.verb
        guard !self.forbidden.contains("\(verb) \(target.resource)") else {
            return .failure(403, "Forbidden", "\(target.resource) is forbidden: cannot \(verb)")
        }
        switch request.method {
        case .get: return target.name == nil ? self.list(target, request) : self.get(target)
        case .post: return self.create(target, request)
        case .patch: return self.patch(target, request)
        case .delete: return self.delete(target, request)
        }
    }

    private func discovery(_ request: KubernetesRequest) -> Answer? {
        guard request.method == .get, request.segments.count == (request.segments.first == "api" ? 2 : 3) else {
            return nil
        }
        let apiVersion = request.segments.dropFirst().joined(separator: "/")
        let served = self.types.filter { $0.apiVersion == apiVersion }
        guard !served.isEmpty else { return .failure(404, "NotFound", "the server could not find \(apiVersion)") }
        let resources = served.map { JSONValue(["name": $0.plural, "kind": $0.kind]) }
        return Answer(status: 200, body: ["kind": "APIResourceList", "resources": .array(resources)])
    }

    private func review(_ request: KubernetesRequest) -> Answer {
        let asked = request.body?[path: "spec", "resourceAttributes"] ?? [:]
        let parts = [asked["resource"]?.string, asked["subresource"]?.string].compactMap { $0 }
        let action = "\(asked["verb"]?.string ?? "") \(parts.joined(separator: "/"))"
        let allowed = !self.forbidden.contains(action)
        return Answer(
            status: 201,
            body: ["status": ["allowed": .bool(allowed), "reason": allowed ? "" : "the model says so"]]
        )
    }
}

/// What a path addresses.
public struct RequestTarget: Sendable {
    var collection: ModelCluster.Collection
    var namespace: String?
    /// The object's name; nil where the path addresses a collection.
    public var name: String?
    var subresource: String?

    /// A target by the segments of its path; nil where that addresses no resource.
    public init?(_ segments: [String]) {
        var rest = segments[...]
        switch rest.popFirst() {
        case "api":
            guard let version = rest.popFirst() else { return nil }
            self.collection = .init(apiVersion: version, plural: "")
        case "apis":
            guard let group = rest.popFirst(), let version = rest.popFirst() else { return nil }
            self.collection = .init(apiVersion: "\(group)/\(version)", plural: "")
        default: return nil
        }
        if rest.first == "namespaces", rest.count > 2 {
            rest.removeFirst()
            self.namespace = rest.popFirst()
        }
        guard let plural = rest.popFirst() else { return nil }
        self.collection.plural = plural
        self.name = rest.popFirst()
        self.subresource = rest.popFirst()
    }

    /// The plural, with a subresource behind a slash.
    public var resource: String { [self.collection.plural, self.subresource].compactMap { $0 }.joined(separator: "/") }

    func key(named name: String? = nil) -> ModelCluster.Key {
        .init(collection: self.collection, namespace: self.namespace, name: name ?? self.name ?? "")
    }
}

extension ModelCluster.Answer {
    static func failure(_ code: Int, _ reason: String, _ message: String) -> Self {
        .init(status: code, body: KubernetesStatus(code: code, reason: reason, message: message).json)
    }
}

extension KubernetesRequest.Method {
    var verb: String {
        switch self {
        case .get: "get"
        case .post: "create"
        case .patch: "patch"
        case .delete: "delete"
        }
    }
}

extension ResourceType {
    var collection: ModelCluster.Collection { .init(apiVersion: self.apiVersion, plural: self.plural) }
}
