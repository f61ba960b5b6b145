import Yams

/// Where a settings file is wrong, and how to mend it.
public struct GatewayFileError: Error, CustomStringConvertible {
    /// The file, as it was named.
    public let file: String
    /// The line, from 1; nil when it is about the whole file.
    public let line: Int?
    /// The way to the key, as in `listeners[0].routes[1].cluster`; empty for the whole file.
    public let key: String
    /// What is wrong, and what would be right.
    public let message: String

    /// File, line, key and message.
    public var description: String {
        let place = self.line.map { "\(self.file):\($0)" } ?? self.file
        return self.key.isEmpty ? "\(place): \(self.message)" : "\(place): \(self.key): \(self.message)"
    }
}

/// A value in a YAML file, which knows where it stands.
struct YAMLField {
    let file: String
    let key: String
    let node: Node

    /// An error about this value.
    func error(_ message: String) -> GatewayFileError {
        GatewayFileError(file: self.file, line: self.node.mark?.line, key: self.key, message: message)
    }

    /// The members of a mapping, which has no others than those `allowed`. The parser sees to it that none is there twice.
    func members(_ allowed: [String]) throws(GatewayFileError) -> [String: YAMLField] {
        guard let mapping = self.node.mapping else {
            throw self.error("expected keys with values: \(allowed.joined(separator: ", "))")
        }
        var members: [String: YAMLField] = [:]
        for (key, value) in mapping {
            guard let name = key.string else { throw self.error("a key is no text") }
            let member = YAMLField(
                file: self.file,
                key: self.key.isEmpty ? name : "\(self.key).\(name)",
                node: value.mark == nil ? key : value
            )
            guard allowed.contains(name) else {
                throw GatewayFileError(
                    file: self.file,
                    line: key.mark?.line,
                    key: member.key,
                    message: "no such key; there are \(allowed.joined(separator: ", "))"
                )
            }
            members[name] = member
        }
        return members
    }

    /// The items of a list; of at least one, when it must not be empty.
    func items(atLeastOne: Bool = true) throws(GatewayFileError) -> [YAMLField] {
        guard let sequence = self.node.sequence else { throw self.error("expected a list") }
        guard !atLeastOne || !sequence.isEmpty else { throw self.error("this list is empty; give it an item") }
        return sequence.enumerated().map { index, node in
            YAMLField(file: self.file, key: "\(self.key)[\(index)]", node: node)
        }
    }

    /// A text, a number and the like as it is written.
    func text() throws(GatewayFileError) -> String {
        guard let scalar = self.node.scalar else { throw self.error("expected one value") }
        guard !scalar.string.isEmpty, self.node.null == nil else { throw self.error("expected a value; there is none") }
        return scalar.string
    }

    /// One text, or a list of them.
    func texts() throws(GatewayFileError) -> [YAMLField] {
        self.node.sequence == nil ? [self] : try self.items()
    }

    /// A whole number within bounds.
    func number(_ bounds: ClosedRange<Int>) throws(GatewayFileError) -> Int {
        guard let number = Int(try self.text()), bounds.contains(number) else {
            throw self.error("expected a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    /// A length of time, such as `500ms`, `10s`, `5m` or `1h`; more than none.
    func duration() throws(GatewayFileError) -> Duration {
        let text = try self.text()
        let units: [(String, Int)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
        for (unit, milliseconds) in units where text.hasSuffix(unit) {
            guard let number = Int(text.dropLast(unit.count)), (1...1_000_000).contains(number) else { continue }
            return .milliseconds(number * milliseconds)
        }
        throw self.error("expected a length of time, such as 500ms, 10s, 5m or 1h")
    }

    /// A number of bytes, such as `65536` or `64KiB`.
    func bytes(_ bounds: ClosedRange<Int>) throws(GatewayFileError) -> Int {
        let text = try self.text()
        let units: [(String, Int)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("", 1)]
        for (unit, size) in units where text.hasSuffix(unit) {
            guard let number = Int(text.dropLast(unit.count)), (0...bounds.upperBound / size).contains(number)
            else { continue }
            guard bounds.contains(number * size) else { break }
            return number * size
        }
        throw self.error("expected a number of bytes from \(bounds.lowerBound) to \(bounds.upperBound), such as 64KiB")
    }
}
