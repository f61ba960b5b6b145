/// The text of log lines, written as bytes: no strings are made for a request.
extension [UInt8] {
    /// Appends a number's digits.
    @inlinable
    public mutating func appendNumber(_ value: Int) {
        if value < 0 {
            self.append(UInt8(ascii: "-"))
        }
        var rest = value.magnitude
        guard rest > 9 else { return self.append(UInt8(ascii: "0") + UInt8(rest)) }
        let start = self.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            self.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        } while rest > 0
        self[start...].reverse()
    }

    /// Appends the last `width` digits of a number that is not negative.
    @inlinable
    public mutating func appendPadded(_ value: Int, width: Int) {
        var scale = 1
        for _ in 1..<width { scale *= 10 }
        while scale > 0 {
            self.append(UInt8(ascii: "0") + UInt8(value / scale % 10))
            scale /= 10
        }
    }

    /// Appends a length of time in milliseconds, with three digits behind the point.
    @inlinable
    public mutating func appendMilliseconds(microseconds: Int) {
        self.appendNumber(microseconds / 1_000)
        self.append(UInt8(ascii: "."))
        self.appendPadded(microseconds % 1_000, width: 3)
    }

    /// Appends a text as it is.
    @inlinable
    public mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { self.append(contentsOf: $0) }
    }

    /// Appends bytes for the inside of a string. A quote and a backslash get a backslash, and whatever is no printable ASCII becomes
    /// `%XX`: no byte of a request may end the line, the string, or reach a terminal.
    public mutating func appendEscaped(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        for index in bytes.indices where !Self.isPlain(bytes[index]) {
            self.append(contentsOf: bytes[start..<index])
            self.appendEscape(bytes[index])
            start = index + 1
        }
        self.append(contentsOf: bytes[start...])
    }

    /// Appends a text for the inside of a string, as its bytes.
    public mutating func appendEscaped(_ text: String) {
        var text = text
        text.withUTF8 { self.appendEscaped(UnsafeRawBufferPointer($0)) }
    }

    /// Appends bytes for the inside of a string.
    public mutating func appendEscaped(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.appendEscaped($0) }
    }

    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte &- 0x20 < 0x5f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func appendEscape(_ byte: UInt8) {
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            self.append(UInt8(ascii: "\\"))
            self.append(byte)
            return
        }
        let digits: StaticString = "0123456789ABCDEF"
        self.append(UInt8(ascii: "%"))
        self.append(digits.utf8Start[Int(byte >> 4)])
        self.append(digits.utf8Start[Int(byte & 15)])
    }
}
