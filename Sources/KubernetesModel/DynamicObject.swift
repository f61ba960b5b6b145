/// A Kubernetes object as it is, every field kept; the computed properties are views of it.
public struct DynamicObject: Sendable, Hashable {
    /// The whole object.
    public var json: JSONValue

    /// The object that `json` holds.
    public init(_ json: JSONValue) {
        self.json = json
    }

    /// A new object with its `apiVersion`, `kind`, name and namespace set.
    public init(_ type: ResourceType, name: String, namespace: String? = nil, _ fields: [String: JSONValue] = [:]) {
        var members = fields
        var metadata = fields["metadata"]?.object ?? [:]
        metadata["name"] = .string(name)
        if let namespace { metadata["namespace"] = .string(namespace) }
        members["apiVersion"] = .string(type.apiVersion)
        members["kind"] = .string(type.kind)
        members["metadata"] = .object(metadata)
        self.json = .object(members)
    }

    /// `kind`.
    public var kind: String { self.json["kind"]?.string ?? "" }
    /// `metadata.name`.
    public var name: String { self.json[path: "metadata", "name"]?.string ?? "" }
    /// `metadata.namespace`, nil for cluster-scoped objects.
    public var namespace: String? { self.json[path: "metadata", "namespace"]?.string }
    /// `metadata.uid`; empty before the server has seen the object.
    public var uid: String { self.json[path: "metadata", "uid"]?.string ?? "" }
    /// `metadata.resourceVersion`; opaque.
    public var resourceVersion: String { self.json[path: "metadata", "resourceVersion"]?.string ?? "" }
    /// `metadata.labels`.
    public var labels: [String: String] { self.json[path: "metadata", "labels"]?.strings ?? [:] }
    /// `metadata.annotations`.
    public var annotations: [String: String] { self.json[path: "metadata", "annotations"]?.strings ?? [:] }
    /// Whether a deletion is under way (`metadata.deletionTimestamp` is set).
    public var isTerminating: Bool { self.json[path: "metadata", "deletionTimestamp"] != nil }

    /// A top-level member such as `spec` or `status`.
    public subscript(_ key: String) -> JSONValue? {
        get { self.json[key] }
        set { self.json[key] = newValue }
    }

    /// What a path of keys leads to, or nil.
    public subscript(path keys: String...) -> JSONValue? {
        var value: JSONValue? = self.json
        for key in keys { value = value?[key] }
        return value
    }
}

extension DynamicObject: Codable {
    /// Reads the whole object.
    public init(from decoder: any Decoder) throws {
        self.json = try JSONValue(from: decoder)
    }

    /// Writes the whole object.
    public func encode(to encoder: any Encoder) throws {
        try self.json.encode(to: encoder)
    }
}
