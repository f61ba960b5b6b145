/// One operation of a JSON Patch (RFC 6902).
public struct JSONPatchOperation: Sendable, Hashable {
    /// `add`, `remove`, `replace`, `test`, `move` or `copy`.
    public var op: String
    /// A JSON pointer (RFC 6901).
    public var path: String
    /// The operand; nil for `remove`, `move` and `copy`.
    public var value: JSONValue?
    /// Where `move` and `copy` take the value from: a JSON pointer.
    public var from: String?

    /// Fails the whole patch unless the value at `path` is `value`.
    public static func test(_ path: String, _ value: JSONValue) -> Self { .init(op: "test", path: path, value: value) }
    /// Replaces the value at `path`, which must exist.
    public static func replace(_ path: String, _ value: JSONValue) -> Self {
        .init(op: "replace", path: path, value: value)
    }
    /// Adds or replaces the value at `path`.
    public static func add(_ path: String, _ value: JSONValue) -> Self { .init(op: "add", path: path, value: value) }
    /// Removes the value at `path`, which must exist.
    public static func remove(_ path: String) -> Self { .init(op: "remove", path: path, value: nil) }

    /// Moves the value at `from` to `path`.
    public static func move(from: String, to path: String) -> Self {
        .init(op: "move", path: path, value: nil, from: from)
    }
    /// Copies the value at `from` to `path`.
    public static func copy(from: String, to path: String) -> Self {
        .init(op: "copy", path: path, value: nil, from: from)
    }

    /// Reads an operation from its JSON form; nil when `op` or `path` is missing or no string.
    public init?(json: JSONValue) {
        guard let op = json["op"]?.string, let path = json["path"]?.string else { return nil }
        self.op = op
        self.path = path
        self.value = json["value"]
        self.from = json["from"]?.string
    }

    /// The operation as JSON.
    public var json: JSONValue {
        var members: [String: JSONValue] = ["op": .string(self.op), "path": .string(self.path)]
        members["value"] = self.value
        members["from"] = self.from.map { .string($0) }
        return .object(members)
    }

    private init(op: String, path: String, value: JSONValue?, from: String? = nil) {
        self.op = op
        self.path = path
        self.value = value
        self.from = from
    }

    /// One member of a path, with `~` and `/` escaped (RFC 6901 section 4).
    public static func escape(_ key: String) -> String {
        key.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}

/// A change to an object, by one of the forms the API server takes.
public enum Patch: Sendable, Hashable {
    /// JSON Patch (RFC 6902). A failed `test` answers 422.
    case json([JSONPatchOperation])
    /// JSON merge patch (RFC 7386). With `metadata.resourceVersion` set it is a compare-and-swap: 409 when it lost.
    case merge(JSONValue)
    /// Server-side apply of the fields in the object, owned by `fieldManager`.
    case apply(DynamicObject, fieldManager: String, force: Bool)
}
