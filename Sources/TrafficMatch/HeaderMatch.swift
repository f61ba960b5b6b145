/// One condition: a request has a field line of this name with exactly this value.
///
/// Names compare without regard to case; values compare byte by byte after the blanks around them are cut off. Of several field
/// lines with one name, any one may satisfy the condition; a comma-separated list is one value.
public struct HeaderMatch: Hashable, Sendable, CustomStringConvertible {
    /// The field's name in lower case.
    public let name: String
    /// The value wanted, without blanks around it.
    public let value: String

    let nameBytes: [UInt8]
    let valueBytes: [UInt8]

    /// A condition on the field `name`.
    public init(name: String, value: String) throws(MatchError) {
        let nameBytes = Array(name.utf8)
        let valueBytes = Array(value.utf8.trimmingBlanks)
        guard !nameBytes.isEmpty else {
            throw MatchError(
                code: .emptyName,
                message:
                    "the header \"\(name):\(value)\" has no name; write it as NAME:VALUE, for instance X-C6O-INTERCEPT:yes"
            )
        }
        guard nameBytes.allSatisfy(\.isFieldNameCharacter) else {
            throw MatchError(
                code: .invalidName,
                message: "\"\(name.printable)\" is not a header name; use letters, digits and !#$%&'*+-.^_`|~ only"
            )
        }
        guard !valueBytes.isEmpty else {
            throw MatchError(
                code: .emptyValue,
                message:
                    "the header \"\(name):\" has no value; write the value after the colon, for instance \(name):yes"
            )
        }
        guard valueBytes.allSatisfy(\.isFieldValueByte) else {
            throw MatchError(
                code: .invalidValue,
                message:
                    "the value of header \"\(name)\" holds a control character, which no request can carry; remove it"
            )
        }
        self.nameBytes = nameBytes.map(\.lowercased)
        self.valueBytes = valueBytes
        self.name = String(decoding: self.nameBytes, as: UTF8.self)
        self.value = String(decoding: valueBytes, as: UTF8.self)
    }

    /// A condition from `NAME:VALUE`, as the command line takes it.
    public init(parsing text: String) throws(MatchError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw MatchError(
                code: .missingColon,
                message:
                    "\"\(text.printable)\" has no colon; write the header as NAME:VALUE, for instance X-C6O-INTERCEPT:yes"
            )
        }
        try self.init(name: String(text[..<colon]), value: String(text[text.index(after: colon)...]))
    }

    /// The condition as a field line, such as `x-c6o-intercept: yes`.
    public var description: String {
        "\(self.name): \(self.value)"
    }

    /// Whether one field line of a request satisfies this condition.
    ///
    /// - Parameters:
    ///   - name: the line's name as it came.
    ///   - value: the line's value, blanks around it allowed.
    @inlinable
    public func isSatisfied(byName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        self.hasName(name) && self.hasValue(value)
    }

    /// Whether `name` is this condition's name.
    @usableFromInline
    func hasName(_ name: UnsafeRawBufferPointer) -> Bool {
        guard name.count == self.nameBytes.count else {
            return false
        }
        var index = 0
        while index < name.count {
            guard name[index].lowercased == self.nameBytes[index] else {
                return false
            }
            index += 1
        }
        return true
    }

    @usableFromInline
    func hasValue(_ value: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        var end = value.count
        while start < end, value[start].isBlank { start += 1 }
        while end > start, value[end - 1].isBlank { end -= 1 }
        guard end - start == self.valueBytes.count else {
            return false
        }
        var index = 0
        while index < self.valueBytes.count {
            guard value[start + index] == self.valueBytes[index] else {
                return false
            }
            index += 1
        }
        return true
    }
}

extension HeaderMatch: Codable {
    private enum CodingKeys: String, CodingKey {
        case name
        case value
    }

    /// Reads `name` and `value`, with the same rules as the initialisers.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            name: container.decode(String.self, forKey: .name),
            value: container.decode(String.self, forKey: .value)
        )
    }

    /// Writes `name` and `value`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.name, forKey: .name)
        try container.encode(self.value, forKey: .value)
    }
}
