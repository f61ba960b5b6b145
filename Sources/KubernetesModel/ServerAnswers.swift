/// A collection as it was at one moment.
public struct ObjectList: Sendable, Hashable {
    /// The objects, each with `apiVersion` and `kind`.
    public var items: [DynamicObject]
    /// The moment; opaque. A watch goes on from it.
    public var resourceVersion: String
    /// The key of the next page; nil on the last one.
    public var continueToken: String?

    /// A collection by its parts.
    public init(items: [DynamicObject], resourceVersion: String, continueToken: String? = nil) {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }

    /// Reads one page; nil when the value is no list.
    ///
    /// The server leaves `apiVersion` and `kind` out of a list's items; they are put back.
    public init?(_ json: JSONValue, of type: ResourceType) {
        guard let items = json["items"]?.array ?? (json["items"] == .some(.null) ? [] : nil) else { return nil }
        self.items = items.map { item in
            var object = item
            object["apiVersion"] = item["apiVersion"] ?? .string(type.apiVersion)
            object["kind"] = item["kind"] ?? .string(type.kind)
            return DynamicObject(object)
        }
        self.resourceVersion = json[path: "metadata", "resourceVersion"]?.string ?? ""
        let token = json[path: "metadata", "continue"]?.string ?? ""
        self.continueToken = token.isEmpty ? nil : token
    }
}

/// What the API server says it is.
public struct ServerVersion: Sendable, Hashable, CustomStringConvertible {
    /// The major version.
    public var major: Int
    /// The minor version.
    public var minor: Int
    /// The whole version, such as `v1.20.2`.
    public var gitVersion: String

    /// A version by its parts.
    public init(major: Int, minor: Int, gitVersion: String) {
        self.major = major
        self.minor = minor
        self.gitVersion = gitVersion
    }

    /// Reads the answer of `/version`. Vendors add a sign to the minor version (`27+`), which is dropped.
    public init?(_ json: JSONValue) {
        guard
            let major = json["major"]?.string.flatMap({ Int($0.prefix { $0.isASCII && $0.isNumber }) }),
            let minor = json["minor"]?.string.flatMap({ Int($0.prefix { $0.isASCII && $0.isNumber }) })
        else { return nil }
        self.init(major: major, minor: minor, gitVersion: json["gitVersion"]?.string ?? "v\(major).\(minor)")
    }

    /// Whether this is the given version or a later one.
    public func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// The whole version.
    public var description: String { self.gitVersion }
}
