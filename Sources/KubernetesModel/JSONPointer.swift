/// A path into a JSON value (RFC 6901).
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    /// The members and indices, unescaped.
    public var tokens: [String]

    /// A pointer by its unescaped tokens.
    public init(_ tokens: [String]) {
        self.tokens = tokens
    }

    /// Parses a pointer; nil when it is neither empty nor begins with a slash, or has a stray `~`.
    public init?(_ text: String) {
        if text.isEmpty {
            self.tokens = []
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [String] = []
        for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let token = Self.unescape(part) else { return nil }
            tokens.append(token)
        }
        self.tokens = tokens
    }

    /// The pointer with `~` and `/` escaped.
    public var description: String {
        self.tokens.map { "/" + JSONPatchOperation.escape($0) }.joined()
    }

    private static func unescape(_ part: Substring.UTF8View) -> String? {
        var output: [UInt8] = []
        var bytes = part.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "~") else {
                output.append(byte)
                continue
            }
            switch bytes.next() {
            case UInt8(ascii: "0"): output.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): output.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// An array index as RFC 6901 spells it: digits without a leading zero.
    static func index(_ token: String) -> Int? {
        guard
            let first = token.utf8.first, token.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            first != UInt8(ascii: "0") || token.utf8.count == 1
        else { return nil }
        return Int(token)
    }
}

extension JSONValue {
    /// What a JSON pointer leads to, or nil when it leads nowhere.
    public func value(at pointer: String) -> JSONValue? {
        guard let pointer = JSONPointer(pointer) else { return nil }
        return self.value(at: pointer.tokens[...])
    }

    func value(at tokens: ArraySlice<String>) -> JSONValue? {
        var value = self
        for token in tokens {
            switch value {
            case .object(let members):
                guard let member = members[token] else { return nil }
                value = member
            case .array(let elements):
                guard let index = JSONPointer.index(token), elements.indices.contains(index) else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }
}
