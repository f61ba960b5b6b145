extension JSONValue {
    /// The canonical form: keys sorted, nothing between tokens. Equal values print equal text.
    public var compact: String { String(decoding: self.bytes, as: UTF8.self) }

    /// The canonical form for readers: keys sorted, two spaces a level, no newline at the end.
    public var pretty: String {
        var output: [UInt8] = []
        self.print(into: &output, indent: 0)
        return String(decoding: output, as: UTF8.self)
    }

    /// The canonical form in UTF-8.
    public var bytes: [UInt8] {
        var output: [UInt8] = []
        self.print(into: &output, indent: nil)
        return output
    }

    /// - Parameters:
    ///   - output: where the text goes.
    ///   - indent: the level of nesting; nil for the compact form.
    private func print(into output: inout [UInt8], indent: Int?) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): output.append(contentsOf: String(value).utf8)
        case .double(let value): output.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .string(let value): Self.quote(value, into: &output)
        case .array(let elements):
            Self.print(elements, between: "[]", into: &output, indent: indent) { element, output, inner in
                element.print(into: &output, indent: inner)
            }
        case .object(let members):
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            Self.print(sorted, between: "{}", into: &output, indent: indent) { member, output, inner in
                Self.quote(member.key, into: &output)
                output.append(UInt8(ascii: ":"))
                if inner != nil { output.append(UInt8(ascii: " ")) }
                member.value.print(into: &output, indent: inner)
            }
        }
    }

    private static func print<Element>(
        _ elements: [Element],
        between brackets: StaticString,
        into output: inout [UInt8],
        indent: Int?,
        one: (Element, inout [UInt8], Int?) -> Void
    ) {
        output.append(brackets.utf8Start[0])
        for (index, element) in elements.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            if let indent { Self.breakLine(indent + 1, into: &output) }
            one(element, &output, indent.map { $0 + 1 })
        }
        if let indent, !elements.isEmpty { Self.breakLine(indent, into: &output) }
        output.append(brackets.utf8Start[1])
    }

    private static func breakLine(_ level: Int, into output: inout [UInt8]) {
        output.append(0x0a)
        output.append(contentsOf: repeatElement(0x20, count: 2 * level))
    }

    private static func quote(_ text: String, into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): output.append(contentsOf: #"\""#.utf8)
            case UInt8(ascii: "\\"): output.append(contentsOf: #"\\"#.utf8)
            case 0x0a: output.append(contentsOf: #"\n"#.utf8)
            case 0x0d: output.append(contentsOf: #"\r"#.utf8)
            case 0x09: output.append(contentsOf: #"\t"#.utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                output.append(contentsOf: (byte < 0x10 ? #"\u000"# : #"\u00"#).utf8)
                output.append(contentsOf: digits.utf8)
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}

extension JSONValue: CustomStringConvertible {
    /// The canonical compact form.
    public var description: String { self.compact }
}
