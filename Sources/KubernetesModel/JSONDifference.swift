/// One place where two JSON values differ.
public struct JSONDifference: Sendable, Hashable, CustomStringConvertible {
    /// The place, as a JSON pointer.
    public var path: String
    /// What stood there; nil when nothing did.
    public var before: JSONValue?
    /// What stands there now; nil when nothing does.
    public var after: JSONValue?

    /// A difference by its parts.
    public init(path: String, before: JSONValue?, after: JSONValue?) {
        self.path = path
        self.before = before
        self.after = after
    }

    /// The difference in one line, such as `/spec/replicas: 1 → 2`.
    public var description: String {
        let place = self.path.isEmpty ? "/" : self.path
        return "\(place): \(self.before?.compact ?? "absent") → \(self.after?.compact ?? "absent")"
    }
}

extension JSONValue {
    /// Every place where this value differs from an earlier one, sorted by path; empty when they are equal.
    ///
    /// Arrays are compared index by index, the smallest sufficient subtrees are named.
    public func differences(from before: JSONValue) -> [JSONDifference] {
        var found: [JSONDifference] = []
        Self.compare(before, self, at: [], into: &found)
        return found
    }

    private static func compare(
        _ before: JSONValue?,
        _ after: JSONValue?,
        at path: [String],
        into found: inout [JSONDifference]
    ) {
        if before == after { return }
        switch (before, after) {
        case (.object(let old), .object(let new)):
            for key in Set(old.keys).union(new.keys).sorted() {
                self.compare(old[key], new[key], at: path + [key], into: &found)
            }
        case (.array(let old), .array(let new)):
            for index in 0..<max(old.count, new.count) {
                let left = index < old.count ? old[index] : nil
                let right = index < new.count ? new[index] : nil
                self.compare(left, right, at: path + [String(index)], into: &found)
            }
        default:
            found.append(JSONDifference(path: JSONPointer(path).description, before: before, after: after))
        }
    }
}
