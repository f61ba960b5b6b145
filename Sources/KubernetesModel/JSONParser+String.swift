extension JSONParser {
    /// Reads a string, the cursor being on its opening quote.
    mutating func string() throws(JSONSyntaxError) -> String {
        self.position += 1
        let start = self.position
        // Most strings have no escape: one scan, one copy.
        while let byte = self.peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            guard byte >= 0x20 else { throw self.fault("a control character in a string") }
            self.position += 1
        }
        if self.take(UInt8(ascii: "\"")) { return try self.text(self.bytes[start..<self.position - 1]) }
        var unescaped = Array(self.bytes[start..<self.position])
        while let byte = self.peek {
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""): return try self.text(unescaped[...])
            case UInt8(ascii: "\\"): try self.escape(into: &unescaped)
            case 0..<0x20: throw self.fault("a control character in a string")
            default: unescaped.append(byte)
            }
        }
        throw self.fault("the text ends inside a string")
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(JSONSyntaxError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw self.fault("a string is not UTF-8") }
        return text
    }

    private mutating func escape(into output: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = self.peek else { throw self.fault("the text ends inside a string") }
        self.position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(byte)
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0c)
        case UInt8(ascii: "n"): output.append(0x0a)
        case UInt8(ascii: "r"): output.append(0x0d)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "u"): output.append(contentsOf: String(try self.unicodeEscape()).utf8)
        default: throw self.fault("an unknown escape")
        }
    }

    /// A scalar from one `\u` escape or a surrogate pair of them; a lone surrogate becomes U+FFFD.
    private mutating func unicodeEscape() throws(JSONSyntaxError) -> Character {
        let first = try self.hexUnit()
        if let scalar = Unicode.Scalar(first) { return Character(scalar) }
        guard
            UTF16.isLeadSurrogate(UInt16(first)), self.position + 1 < self.bytes.count,
            self.bytes[self.position] == UInt8(ascii: "\\"), self.bytes[self.position + 1] == UInt8(ascii: "u")
        else { return "\u{fffd}" }
        let mark = self.position
        self.position += 2
        let second = try self.hexUnit()
        guard UTF16.isTrailSurrogate(UInt16(second)) else {
            self.position = mark
            return "\u{fffd}"
        }
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        return Unicode.Scalar(code).map { Character($0) } ?? "\u{fffd}"
    }

    private mutating func hexUnit() throws(JSONSyntaxError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw self.fault("four hexadecimal digits were expected")
            }
            unit = unit << 4 | UInt32(digit)
            self.position += 1
        }
        return unit
    }
}
