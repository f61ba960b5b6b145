/// The `Status` object with which the API server says why it refused.
public struct KubernetesStatus: Sendable, Hashable {
    /// The HTTP status code.
    public var code: Int
    /// One word for machines, such as `NotFound`.
    public var reason: String
    /// A sentence for people.
    public var message: String
    /// What the refusal is about: kind, name, causes.
    public var details: JSONValue?

    /// A status by its parts.
    public init(code: Int, reason: String, message: String, details: JSONValue? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
    }

    /// Reads a `Status`; nil when the value is of another kind.
    public init?(_ json: JSONValue) {
        guard json["kind"]?.string == "Status" else { return nil }
        self.code = json["code"]?.integer.map { Int($0) } ?? 0
        self.reason = json["reason"]?.string ?? ""
        self.message = json["message"]?.string ?? ""
        self.details = json["details"]
    }

    /// How long the server asks to wait before the next try.
    public var retryAfterSeconds: Int? { self.details?["retryAfterSeconds"]?.integer.map { Int($0) } }

    /// The single faults of an invalid object: field and message.
    public var causes: [String] {
        (self.details?["causes"]?.array ?? []).compactMap { cause in
            let message = cause["message"]?.string ?? cause["reason"]?.string
            return [cause["field"]?.string, message].compactMap { $0 }.joined(separator: ": ")
        }
    }

    /// The status as the API server writes it.
    public var json: JSONValue {
        var json: JSONValue = [
            "apiVersion": "v1", "kind": "Status", "metadata": [:], "status": "Failure",
            "code": .integer(Int64(self.code)), "reason": .string(self.reason), "message": .string(self.message),
        ]
        json["details"] = self.details
        return json
    }
}
