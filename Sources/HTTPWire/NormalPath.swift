/// A request target whose path has one spelling only (RFC 3986 6.2.2): what a rule about paths looks at is what goes on.
public enum NormalTarget: Hashable, Sendable {
    /// It is spelled so already.
    case same
    /// The whole target, spelled so; its query as it came.
    case rewritten([UInt8])
    /// Two servers could take it for two paths.
    case refused
}

extension ByteView {
    /// The normal form of a request target; `target` is the range of one that a scanner has accepted.
    ///
    /// Escapes of unreserved characters are decoded, others have capital digits, bytes from 0x80 are escaped, `.` and `..` are
    /// resolved (5.2.4), slashes that follow each other are one. Refused is what some servers resolve and others do not: an
    /// escape that is none, escaped slashes, backslashes and controls, a backslash, overlong UTF-8, and `..;x`.
    public func normalTarget(_ target: ByteRange) -> NormalTarget {
        guard let path = self.path(of: target), !self.isNormal(path) else { return .same }
        guard let decoded = self.decodedPath(path), let normal = withoutDots(decoded) else { return .refused }
        guard !self.bytes(path).elementsEqual(normal) else { return .same }
        return .rewritten(
            self.bytes(ByteRange(target.lower, path.lower)) + normal + self.bytes(ByteRange(path.upper, target.upper))
        )
    }

    /// Where the path stands; nil where there is none.
    private func path(of target: ByteRange) -> ByteRange? {
        var start = target.lower
        if self[start] != slash {
            guard let authority = self.absoluteFormAuthority(target), authority.upper < target.upper else { return nil }
            start = authority.upper
        }
        var end = start
        while end < target.upper, self[end] != UInt8(ascii: "?") { end += 1 }
        return end > start ? ByteRange(start, end) : nil
    }

    /// Whether there is nothing in it that could be spelled in another way.
    private func isNormal(_ path: ByteRange) -> Bool {
        var last: UInt8 = 0
        var index = path.lower
        while index < path.upper {
            let byte = self[index]
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: "#"), 0x80...: return false
            case slash, UInt8(ascii: "."): if last == slash { return false }
            default: break
            }
            last = byte
            index += 1
        }
        return true
    }

    private func decodedPath(_ path: ByteRange) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(path.count + 16)
        var before: UInt8 = 0
        var index = path.lower
        while index < path.upper {
            var byte = self[index]
            let isEscape = byte == UInt8(ascii: "%")
            if isEscape {
                guard index + 2 < path.upper, let high = hexDigit(self[index + 1]), let low = hexDigit(self[index + 2])
                else { return nil }
                byte = high << 4 | low
            }
            index += isEscape ? 3 : 1
            guard !isOverlong(before, byte) else { return nil }
            before = byte
            switch byte {
            case UInt8(ascii: "\\"), 0x00...0x1f, 0x7f: return nil
            case slash where isEscape: return nil
            case UInt8(ascii: "#") where !isEscape: return nil
            case 0x80...: append(escaped: byte, to: &decoded)
            default:
                if isEscape, !isUnreserved(byte) { append(escaped: byte, to: &decoded) } else { decoded.append(byte) }
            }
        }
        return decoded
    }
}

private let slash = UInt8(ascii: "/")

/// Resolves `.` and `..`, and makes slashes that follow each other one; nil for what only some servers would resolve.
private func withoutDots(_ path: [UInt8]) -> [UInt8]? {
    var kept: [ArraySlice<UInt8>] = []
    var endsWithSlash = false
    for segment in path.split(separator: slash, omittingEmptySubsequences: false).dropFirst() {
        let name = segment.prefix { $0 != UInt8(ascii: ";") }
        let dots = name.count <= 2 && name.allSatisfy { $0 == UInt8(ascii: ".") } ? name.count : 0
        guard dots == 0 || name.count == segment.count else { return nil }
        endsWithSlash = segment.isEmpty || dots > 0
        if dots == 2 { _ = kept.popLast() } else if !endsWithSlash { kept.append(segment) }
    }
    var normal: [UInt8] = []
    for segment in kept { normal += [slash] + segment }
    if endsWithSlash || kept.isEmpty { normal.append(slash) }
    return normal
}

/// Whether two bytes are the beginning of a character that is spelled with more bytes than it needs (RFC 3629 3).
private func isOverlong(_ first: UInt8, _ second: UInt8) -> Bool {
    switch first {
    case 0xc0, 0xc1: second & 0xc0 == 0x80
    case 0xe0: (0x80...0x9f).contains(second)
    case 0xf0: (0x80...0x8f).contains(second)
    default: false
    }
}

private func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
        true
    default: false
    }
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

private func append(escaped byte: UInt8, to bytes: inout [UInt8]) {
    let digits: StaticString = "0123456789ABCDEF"
    bytes.append(UInt8(ascii: "%"))
    for digit in [byte >> 4, byte & 15] { bytes.append(digits.utf8Start[Int(digit)]) }
}
