/// Why a JSON Patch does not apply; nothing of it was applied then.
public struct JSONPatchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Reason: String, Sendable, Hashable {
        /// A `test` found another value.
        case testFailed = "the value is another one"
        /// A path leads nowhere.
        case missing = "the path leads nowhere"
        /// The operation itself makes no sense.
        case invalid = "the operation is malformed"
    }

    /// Which operation failed, counted from zero.
    public var index: Int
    /// That operation.
    public var operation: JSONPatchOperation
    /// What went wrong.
    public var reason: Reason

    /// The failure in one line.
    public var description: String {
        "patch operation \(self.index + 1) (\(self.operation.op) \(self.operation.path)): \(self.reason.rawValue)"
    }
}

extension JSONValue {
    /// The value after a JSON Patch (RFC 6902), all of it or none.
    public func applying(_ operations: [JSONPatchOperation]) throws(JSONPatchError) -> JSONValue {
        var value = self
        for (index, operation) in operations.enumerated() {
            do {
                try value.apply(operation)
            } catch {
                throw JSONPatchError(index: index, operation: operation, reason: error)
            }
        }
        return value
    }

    private mutating func apply(_ operation: JSONPatchOperation) throws(JSONPatchError.Reason) {
        guard let path = JSONPointer(operation.path)?.tokens[...] else { throw .invalid }
        switch operation.op {
        case "add":
            guard let operand = operation.value else { throw .invalid }
            try self.add(operand, at: path)
        case "remove":
            _ = try self.remove(at: path)
        case "replace":
            guard let operand = operation.value else { throw .invalid }
            try self.replace(with: operand, at: path)
        case "test":
            guard let operand = operation.value else { throw .invalid }
            guard let found = self.value(at: path) else { throw .missing }
            guard found.isEqualNumber(to: operand) || found == operand else { throw .testFailed }
        case "move":
            guard let source = try operation.source() else { throw .invalid }
            // A value cannot be moved into itself (section 4.4).
            guard path == source || !path.starts(with: source) else { throw .invalid }
            let moved = try self.remove(at: source)
            try self.add(moved, at: path)
        case "copy":
            guard let source = try operation.source() else { throw .invalid }
            guard let copied = self.value(at: source) else { throw .missing }
            try self.add(copied, at: path)
        default: throw .invalid
        }
    }

    private mutating func add(_ operand: JSONValue, at path: ArraySlice<String>) throws(JSONPatchError.Reason) {
        guard let token = path.first else {
            self = operand
            return
        }
        try self.descend(path) { (container: inout JSONValue) throws(JSONPatchError.Reason) in
            switch container {
            case .object(var members):
                members[token] = operand
                container = .object(members)
            case .array(var elements):
                guard let index = token == "-" ? elements.count : JSONPointer.index(token) else { throw .invalid }
                guard index <= elements.count else { throw .missing }
                elements.insert(operand, at: index)
                container = .array(elements)
            default: throw .missing
            }
        } deeper: { (child: inout JSONValue) throws(JSONPatchError.Reason) in
            try child.add(operand, at: path.dropFirst())
        }
    }

    private mutating func replace(with operand: JSONValue, at path: ArraySlice<String>) throws(JSONPatchError.Reason) {
        guard self.value(at: path) != nil else { throw .missing }
        guard let token = path.first else {
            self = operand
            return
        }
        try self.descend(path) { (container: inout JSONValue) throws(JSONPatchError.Reason) in
            container.setChild(token, operand)
        } deeper: { (child: inout JSONValue) throws(JSONPatchError.Reason) in
            try child.replace(with: operand, at: path.dropFirst())
        }
    }

    private mutating func remove(at path: ArraySlice<String>) throws(JSONPatchError.Reason) -> JSONValue {
        guard let removed = self.value(at: path) else { throw .missing }
        guard let token = path.first else {
            self = .null
            return removed
        }
        try self.descend(path) { (container: inout JSONValue) throws(JSONPatchError.Reason) in
            switch container {
            case .object(var members):
                members[token] = nil
                container = .object(members)
            case .array(var elements):
                guard let index = JSONPointer.index(token) else { throw .invalid }
                elements.remove(at: index)
                container = .array(elements)
            default: throw .missing
            }
        } deeper: { (child: inout JSONValue) throws(JSONPatchError.Reason) in
            _ = try child.remove(at: path.dropFirst())
        }
        return removed
    }

    /// Runs `here` when the path's first token is its last, else `deeper` on the child that the first token names.
    private mutating func descend(
        _ path: ArraySlice<String>,
        here: (inout JSONValue) throws(JSONPatchError.Reason) -> Void,
        deeper: (inout JSONValue) throws(JSONPatchError.Reason) -> Void
    ) throws(JSONPatchError.Reason) {
        guard path.count > 1, let token = path.first else { return try here(&self) }
        guard var child = self.value(at: path.prefix(1)) else { throw .missing }
        try deeper(&child)
        self.setChild(token, child)
    }

    private mutating func setChild(_ token: String, _ child: JSONValue) {
        switch self {
        case .object(var members):
            members[token] = child
            self = .object(members)
        case .array(var elements):
            guard let index = JSONPointer.index(token), elements.indices.contains(index) else { return }
            elements[index] = child
            self = .array(elements)
        default: break
        }
    }

    /// Numbers are equal by value, not by spelling (section 4.6).
    private func isEqualNumber(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.integer(let left), .double(let right)), (.double(let right), .integer(let left)): Double(left) == right
        default: false
        }
    }
}

extension JSONPatchError.Reason: Error {}

extension JSONPatchOperation {
    fileprivate func source() throws(JSONPatchError.Reason) -> ArraySlice<String>? {
        guard let from = self.from else { return nil }
        guard let pointer = JSONPointer(from) else { throw .invalid }
        return pointer.tokens[...]
    }
}

extension JSONValue {
    /// The value after a JSON merge patch (RFC 7386).
    public func merging(_ patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members = self.object ?? [:]
        for (key, change) in changes {
            members[key] = change == .null ? nil : (members[key] ?? .null).merging(change)
        }
        return .object(members)
    }
}
