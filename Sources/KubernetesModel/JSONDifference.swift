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
    /// Arrays are compared index by index, the smallest sufficient subtrees are named. Strings and keys are equal when
    /// their code units are (RFC 8259 section 8.3), not when they only look the same.
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
        switch (before, after) {
        case (.object(let old), .object(let new)):
            for key in Set(old.keys).union(new.keys).sorted() {
                let (left, right) = (old.index(forKey: key), new.index(forKey: key))
                if let left, let right, !old[left].key.isSpelled(as: new[right].key) {
                    self.compare(old[left].value, nil, at: path + [old[left].key], into: &found)
                    self.compare(nil, new[right].value, at: path + [new[right].key], into: &found)
                } else {
                    self.compare(
                        left.map { old[$0].value },
                        right.map { new[$0].value },
                        at: path + [key],
                        into: &found
                    )
                }
            }
        case (.array(let old), .array(let new)):
            for index in 0..<max(old.count, new.count) {
                let left = index < old.count ? old[index] : nil
                let right = index < new.count ? new[index] : nil
                self.compare(left, right, at: path + [String(index)], into: &found)
            }
        default:
            let isSame =
                if case (.string(let old)?, .string(let new)?) = (before, after) {
                    old.isSpelled(as: new)
                } else {
                    before == after
                }
            if isSame { return }
            found.append(JSONDifference(path: JSONPointer(path).description, before: before, after: after))
        }
    }
}

extension String {
    /// Whether the code units are the same: `==` takes canonically equivalent strings for equal.
    fileprivate func isSpelled(as other: String) -> Bool { self.utf8.elementsEqual(other.utf8) }
}
