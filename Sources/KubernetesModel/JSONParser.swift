/// Why a text is not JSON.
public struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was wrong.
    public var reason: String
    /// How many bytes came before the fault.
    public var offset: Int

    /// The fault in one sentence.
    public var description: String { "not JSON: \(self.reason) at byte \(self.offset)" }
}

extension JSONValue {
    /// Parses one JSON text (RFC 8259) in UTF-8.
    ///
    /// Integers that fit 64 bits stay integers. Of a repeated key the last value is kept, as Go's decoder does it.
    /// Nesting deeper than 512 levels is refused, so that no input can exhaust the stack.
    public init(parsing bytes: some Sequence<UInt8>) throws(JSONSyntaxError) {
        var parser = JSONParser(bytes: Array(bytes))
        self = try parser.document()
    }

    /// Parses one JSON text.
    public init(parsing text: String) throws(JSONSyntaxError) {
        try self.init(parsing: text.utf8)
    }
}

/// A recursive-descent parser over bytes.
struct JSONParser {
    static let maximumDepth = 512

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONSyntaxError) -> JSONValue {
        let value = try self.value(depth: 0)
        self.skipWhitespace()
        guard self.position == self.bytes.count else { throw self.fault("something after the value") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw self.fault("nested too deeply") }
        self.skipWhitespace()
        switch self.peek {
        case UInt8(ascii: "{"): return try self.object(depth: depth)
        case UInt8(ascii: "["): return try self.array(depth: depth)
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.literal("true", .bool(true))
        case UInt8(ascii: "f"): return try self.literal("false", .bool(false))
        case UInt8(ascii: "n"): return try self.literal("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte): return try self.number()
        case nil: throw self.fault("the text ends early")
        default: throw self.fault("an unexpected character")
        }
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        self.position += 1
        var members: [String: JSONValue] = [:]
        self.skipWhitespace()
        if self.take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            self.skipWhitespace()
            guard self.peek == UInt8(ascii: "\"") else { throw self.fault("a key was expected") }
            let key = try self.string()
            self.skipWhitespace()
            guard self.take(UInt8(ascii: ":")) else { throw self.fault("a colon was expected") }
            members[key] = try self.value(depth: depth + 1)
            self.skipWhitespace()
            if self.take(UInt8(ascii: ",")) { continue }
            guard self.take(UInt8(ascii: "}")) else { throw self.fault("a comma or a closing brace was expected") }
            return .object(members)
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        self.position += 1
        var elements: [JSONValue] = []
        self.skipWhitespace()
        if self.take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try self.value(depth: depth + 1))
            self.skipWhitespace()
            if self.take(UInt8(ascii: ",")) { continue }
            guard self.take(UInt8(ascii: "]")) else { throw self.fault("a comma or a closing bracket was expected") }
            return .array(elements)
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let length = text.utf8CodeUnitCount
        guard
            self.position + length <= self.bytes.count,
            text.withUTF8Buffer({ $0.elementsEqual(self.bytes[self.position..<self.position + length]) })
        else { throw self.fault("an unknown word") }
        self.position += length
        return value
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = self.position
        _ = self.take(UInt8(ascii: "-"))
        let digits = self.digits()
        guard digits > 0 else { throw self.fault("a digit was expected") }
        if digits > 1, self.bytes[self.position - digits] == UInt8(ascii: "0") {
            throw self.fault("a number with a leading zero")
        }
        var isInteger = true
        if self.take(UInt8(ascii: ".")) {
            isInteger = false
            guard self.digits() > 0 else { throw self.fault("a digit was expected") }
        }
        if self.take(UInt8(ascii: "e")) || self.take(UInt8(ascii: "E")) {
            isInteger = false
            if !self.take(UInt8(ascii: "+")) { _ = self.take(UInt8(ascii: "-")) }
            guard self.digits() > 0 else { throw self.fault("a digit was expected") }
        }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw self.fault("a number out of range") }
        return .double(value)
    }

    private mutating func digits() -> Int {
        let start = self.position
        while let byte = self.peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { self.position += 1 }
        return self.position - start
    }

    var peek: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    mutating func take(_ byte: UInt8) -> Bool {
        guard self.peek == byte else { return false }
        self.position += 1
        return true
    }

    private mutating func skipWhitespace() {
        while let byte = self.peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { self.position += 1 }
    }

    func fault(_ reason: String) -> JSONSyntaxError {
        JSONSyntaxError(reason: reason, offset: self.position)
    }
}
