public import KubernetesModel

/// One way in which an answer differs from the original's.
public enum ResponseDifference: Sendable, Hashable, CustomStringConvertible {
    /// Another status.
    case status(original: Int, local: Int)
    /// A field with other values, its name in lower case; no values when it is not there.
    case header(String, original: [String], local: [String])
    /// A place in a JSON body.
    case json(JSONDifference)
    /// Bodies of other bytes: where the first differing byte is, and how long each is, without its content coding.
    case body(offset: Int, original: Int, local: Int)
    /// No answer that could be compared, and why.
    case noAnswer(String)

    /// The longest value that is shown whole.
    static let longestShown = 120

    /// The difference in one line, the original first.
    public var description: String {
        switch self {
        case .status(let original, let local): "status: \(original) → \(local)"
        case .header(let name, let original, let local):
            "header \(name): \(Self.shown(original)) → \(Self.shown(local))"
        case .json(let difference):
            "body \(difference.path.isEmpty ? "/" : difference.path): "
                + "\(Self.shown(difference.before)) → \(Self.shown(difference.after))"
        case .body(let offset, let original, let local):
            "body: differs from byte \(offset) on (\(original) → \(local) bytes)"
        case .noAnswer(let reason): "no answer: \(reason)"
        }
    }

    /// The difference for programs.
    public var json: JSONValue {
        func values(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
        return switch self {
        case .status(let original, let local):
            ["kind": "status", "original": .integer(Int64(original)), "local": .integer(Int64(local))]
        case .header(let name, let original, let local):
            ["kind": "header", "name": .string(name), "original": values(original), "local": values(local)]
        case .json(let difference):
            .object(
                ["kind": "json", "path": .string(difference.path)].merging(
                    ["original": difference.before, "local": difference.after].compactMapValues(\.self)
                ) { $1 }
            )
        case .body(let offset, let original, let local):
            [
                "kind": "body", "offset": .integer(Int64(offset)), "originalLength": .integer(Int64(original)),
                "localLength": .integer(Int64(local)),
            ]
        case .noAnswer(let reason): ["kind": "no-answer", "reason": .string(reason)]
        }
    }

    private static func shown(_ values: [String]) -> String {
        values.isEmpty ? "absent" : Self.short(values.joined(separator: " | "))
    }

    private static func shown(_ value: JSONValue?) -> String {
        value.map { Self.short($0.compact) } ?? "absent"
    }

    private static func short(_ text: String) -> String {
        text.count > Self.longestShown ? "\(text.prefix(Self.longestShown))…" : text
    }
}
