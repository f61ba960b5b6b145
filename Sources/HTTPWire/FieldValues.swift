extension ByteView {
    /// Whether the bytes of `range` are `text`, letters compared without regard to case; `text` is in lower case.
    public func equals(_ text: StaticString, _ range: ByteRange) -> Bool {
        range.count == text.utf8CodeUnitCount && self.hasWord(text, at: range.lower)
    }

    /// Whether two ranges hold the same bytes, letters compared without regard to case.
    func equals(_ one: ByteRange, _ other: ByteRange) -> Bool {
        guard one.count == other.count else {
            return false
        }
        var index = 0
        while index < one.count {
            guard lowercased(self[one.lower &+ index]) == lowercased(self[other.lower &+ index]) else {
                return false
            }
            index &+= 1
        }
        return true
    }

    /// Calls `body` with each item of a comma-separated list, blanks around it cut off.
    @inline(__always)
    func forEachListItem(_ start: Int, _ end: Int, _ body: (ByteRange) -> Void) {
        var lower = start
        while lower < end {
            var upper = lower
            while upper < end, self[upper] != Byte.comma { upper &+= 1 }
            let item = self.trimmed(lower, upper)
            if item.count > 0 { body(item) }
            lower = upper &+ 1
        }
    }

    /// Where the authority stands in `http://authority/path`, or `nil` when the target has another form.
    public func absoluteFormAuthority(_ target: ByteRange) -> ByteRange? {
        var start = target.lower
        if self.hasWordAndSlashes("http", target) {
            start &+= 7
        } else if self.hasWordAndSlashes("https", target) {
            start &+= 8
        } else {
            return nil
        }
        var end = start
        while end < target.upper {
            switch self[end] {
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return ByteRange(start, end)
            default: end &+= 1
            }
        }
        return ByteRange(start, end)
    }

    private func hasWordAndSlashes(_ scheme: StaticString, _ target: ByteRange) -> Bool {
        let length = scheme.utf8CodeUnitCount
        guard target.count > length &+ 3, self.hasWord(scheme, at: target.lower) else {
            return false
        }
        let after = target.lower &+ length
        return self[after] == Byte.colon && self[after &+ 1] == UInt8(ascii: "/")
            && self[after &+ 2] == UInt8(ascii: "/")
    }

    /// Whether the range is a host with an optional port, and nothing a second parser could cut elsewhere.
    ///
    /// No user information, no blanks, no commas, no slashes; brackets only around an IPv6 literal.
    func isAuthority(_ range: ByteRange) -> Bool {
        guard range.count > 0 else {
            return false
        }
        var index = range.lower
        if self[index] == UInt8(ascii: "[") {
            index &+= 1
            let start = index
            while index < range.upper, self.isLiteralCharacter(self[index]) { index &+= 1 }
            guard index > start, index < range.upper, self[index] == UInt8(ascii: "]") else {
                return false
            }
            index &+= 1
        } else {
            while index < range.upper, self.isNameCharacter(self[index]) { index &+= 1 }
            guard index > range.lower else {
                return false
            }
        }
        guard index < range.upper else {
            return true
        }
        guard self[index] == Byte.colon, range.upper &- index <= 6 else {
            return false
        }
        index &+= 1
        while index < range.upper, isDigit(self[index]) { index &+= 1 }
        return index == range.upper
    }

    /// RFC 3986 `reg-name` without the comma, which joins repeated fields.
    private func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "#"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"): false
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ";"), UInt8(ascii: "="): true
        default: isTokenCharacter(byte)
        }
    }

    private func isLiteralCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "%"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: isDigit(byte)
        }
    }
}
