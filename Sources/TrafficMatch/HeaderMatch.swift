/// One condition: a request has a field line of this name whose value passes a test.
///
/// Names compare without regard to case; values are tested byte by byte after the blanks around them are cut off. Of several
/// field lines with one name, any one may satisfy the condition; a comma-separated list is one value.
public struct HeaderMatch: Hashable, Sendable, CustomStringConvertible {
    /// The field's name in lower case.
    public let name: String
    /// What is wanted of its value, without blanks around it.
    public let test: ValueTest

    private let nameBytes: [UInt8]
    private let prepared: PreparedTest

    /// A condition on the field `name`.
    public init(name: String, _ test: ValueTest) throws(MatchError) {
        let nameBytes = Array(name.utf8)
        guard !nameBytes.isEmpty else {
            throw MatchError(
                code: .emptyName,
                message: "the header has no name; write it as NAME:VALUE, for instance X-C6O-INTERCEPT:yes"
            )
        }
        guard nameBytes.allSatisfy(\.isFieldNameCharacter) else {
            throw MatchError(
                code: .invalidName,
                message: "\"\(name.printable)\" is not a header name; use letters, digits and !#$%&'*+-.^_`|~ only"
            )
        }
        self.nameBytes = nameBytes.map(\.lowercased)
        self.name = String(decoding: self.nameBytes, as: UTF8.self)
        self.test = try test.forField(name)
        self.prepared = PreparedTest(self.test)
    }

    /// A condition that wants exactly `value`.
    public init(name: String, value: String) throws(MatchError) {
        try self.init(name: name, .exact(value))
    }

    /// A condition from `NAME:VALUE`, as the command line takes it.
    ///
    /// - Parameter test: what is made of VALUE.
    public init(
        parsing text: String,
        _ test: (String) throws(MatchError) -> ValueTest = { .exact($0) }
    ) throws(MatchError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw MatchError(
                code: .missingColon,
                message:
                    "\"\(text.printable)\" has no colon; write the header as NAME:VALUE, for instance X-C6O-INTERCEPT:yes"
            )
        }
        let value = String(text[text.index(after: colon)...]).utf8.trimmingBlanks
        try self.init(name: String(text[..<colon]), test(String(decoding: value, as: UTF8.self)))
    }

    /// The condition as a field line, such as `x-c6o-intercept: yes`.
    public var description: String {
        "\(self.name)\(self.test.suffix)"
    }

    /// Whether one field line of a request satisfies this condition.
    ///
    /// - Parameters:
    ///   - name: the line's name as it came.
    ///   - value: the line's value, blanks around it allowed.
    public func isSatisfied(byName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        name.isName(self.nameBytes) && self.prepared.isPassed(by: value.withoutBlanks)
    }

    /// Conditions are the same when they read the same.
    public static func == (left: HeaderMatch, right: HeaderMatch) -> Bool {
        left.name == right.name && left.test == right.test
    }

    /// Hashes what equality looks at.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.name)
        hasher.combine(self.test)
    }
}

extension ValueTest {
    /// The test with the blanks around its text cut off, if a field value could ever pass it.
    fileprivate func forField(_ name: String) throws(MatchError) -> ValueTest {
        let text: String
        switch self {
        case .exact(let value), .prefix(let value): text = String(decoding: value.utf8.trimmingBlanks, as: UTF8.self)
        case .regex, .present: return self
        }
        guard !text.isEmpty else {
            throw MatchError(
                code: .emptyValue,
                message:
                    "the header \"\(name):\" has no value; write the value after the colon, for instance \(name):yes"
            )
        }
        guard text.utf8.allSatisfy(\.isFieldValueByte) else {
            throw MatchError(
                code: .invalidValue,
                message:
                    "the value of header \"\(name)\" holds a control character, which no request can carry; remove it"
            )
        }
        if case .prefix = self { return .prefix(text) }
        return .exact(text)
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these bytes are `name`, given in lower case, letters compared without regard to case.
    func isName(_ name: [UInt8]) -> Bool {
        guard self.count == name.count else { return false }
        var index = 0
        while index < self.count {
            guard self[index].lowercased == name[index] else { return false }
            index &+= 1
        }
        return true
    }

    /// These bytes without the blanks around them.
    var withoutBlanks: UnsafeRawBufferPointer {
        var start = 0
        var end = self.count
        while start < end, self[start].isBlank { start &+= 1 }
        while end > start, self[end - 1].isBlank { end &-= 1 }
        return UnsafeRawBufferPointer(rebasing: self[start..<end])
    }
}
