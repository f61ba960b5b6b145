/// One condition on a named member of something a request carries as a list: a cookie, a query parameter, a trace member.
public struct MemberMatch: Hashable, Sendable, CustomStringConvertible {
    /// Where the member is looked for.
    public enum List: String, Hashable, Sendable, CaseIterable {
        /// A parameter of the query, both halves percent-decoded and `+` read as a blank.
        case query
        /// A pair of the `cookie` field (RFC 6265 4.2), its value as it came.
        case cookie
        /// A member of the `baggage` field (W3C Baggage), its value percent-decoded, properties ignored.
        case baggage
        /// A member of the `tracestate` field (W3C Trace Context), its value as it came.
        case tracestate

        /// The field that carries the list; the query is no field.
        fileprivate var field: [UInt8]? {
            switch self {
            case .query: nil
            case .cookie: Array("cookie".utf8)
            case .baggage: Array("baggage".utf8)
            case .tracestate: Array("tracestate".utf8)
            }
        }

        fileprivate var separator: UInt8 {
            switch self {
            case .query: UInt8(ascii: "&")
            case .cookie: UInt8(ascii: ";")
            case .baggage, .tracestate: UInt8(ascii: ",")
            }
        }
    }

    /// Where the member is looked for.
    public let list: List
    /// The member's name, case and all.
    public let key: String
    /// What is wanted of its value.
    public let test: ValueTest

    private let field: [UInt8]?
    private let keyBytes: [UInt8]
    private let prepared: PreparedTest

    /// A condition on the member `key` of `list`.
    public init(_ list: List, key: String, _ test: ValueTest) throws(MatchError) {
        guard !key.isEmpty else {
            throw MatchError(
                code: .emptyName,
                message: "the \(list.rawValue) condition has no name; write it as NAME=VALUE, or NAME for any value"
            )
        }
        guard key.utf8.allSatisfy(\.isFieldValueByte) else {
            throw MatchError(
                code: .invalidName,
                message: "\"\(key.printable)\" holds a control character, which no request can carry; remove it"
            )
        }
        self.list = list
        self.key = key
        self.test = test
        self.field = list.field
        self.keyBytes = Array(key.utf8)
        self.prepared = PreparedTest(test)
    }

    /// A condition from `NAME=VALUE`, or `NAME` for any value, as the command line takes it.
    public init(_ list: List, parsing text: String) throws(MatchError) {
        guard let equals = text.firstIndex(of: "=") else {
            try self.init(list, key: text, .present)
            return
        }
        try self.init(list, key: String(text[..<equals]), .exact(String(text[text.index(after: equals)...])))
    }

    /// The condition in words, such as `cookie user=alice`.
    public var description: String {
        if case .exact(let value) = self.test { return "\(self.list.rawValue) \(self.key)=\(value)" }
        return "\(self.list.rawValue) \(self.key)\(self.test.suffix)"
    }

    /// Whether the request carries such a member, in any of the field's lines.
    public func isSatisfied(by request: some RequestView) -> Bool {
        guard let field = self.field else { return self.holds(request.query) }
        var found = false
        request.forEachField { name, value in
            found = name.isName(field) && self.holds(value)
            return !found
        }
        return found
    }

    private func holds(_ list: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        while start < list.count {
            let end = list[start...].firstIndex(of: self.list.separator) ?? list.count
            if self.isSatisfied(byMember: UnsafeRawBufferPointer(rebasing: list[start..<end])) { return true }
            start = end + 1
        }
        return false
    }

    private func isSatisfied(byMember member: UnsafeRawBufferPointer) -> Bool {
        let equals = member.firstIndex(of: UInt8(ascii: "=")) ?? member.count
        let key = UnsafeRawBufferPointer(rebasing: member[..<equals])
        var value = UnsafeRawBufferPointer(rebasing: member[min(equals + 1, member.count)...])
        switch self.list {
        case .query:
            return key.decoded(plusIsBlank: true) { $0.elementsEqual(self.keyBytes) }
                && value.decoded(plusIsBlank: true) { self.prepared.isPassed(by: $0) }
        case .baggage:
            value = UnsafeRawBufferPointer(rebasing: value[..<(value.firstIndex(of: UInt8(ascii: ";")) ?? value.count)])
            return key.withoutBlanks.elementsEqual(self.keyBytes)
                && value.withoutBlanks.decoded(plusIsBlank: false) { self.prepared.isPassed(by: $0) }
        case .cookie, .tracestate:
            return key.withoutBlanks.elementsEqual(self.keyBytes) && self.prepared.isPassed(by: value.withoutBlanks)
        }
    }

    /// Conditions are the same when they read the same.
    public static func == (left: MemberMatch, right: MemberMatch) -> Bool {
        left.list == right.list && left.key == right.key && left.test == right.test
    }

    /// Hashes what equality looks at.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.list)
        hasher.combine(self.key)
        hasher.combine(self.test)
    }
}

extension UnsafeRawBufferPointer {
    /// Calls `body` with these bytes percent-decoded (RFC 3986 2.1); a `%` without two digits stands for itself.
    fileprivate func decoded(plusIsBlank: Bool, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        let percent = UInt8(ascii: "%")
        let plus = UInt8(ascii: "+")
        guard self.contains(where: { $0 == percent || (plusIsBlank && $0 == plus) }) else { return body(self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.count)
        var index = 0
        while index < self.count {
            let byte = self[index]
            if byte == percent, index + 2 < self.count, let high = self[index + 1].hexDigit,
                let low = self[index + 2].hexDigit
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(plusIsBlank && byte == plus ? 0x20 : byte)
                index += 1
            }
        }
        return bytes.withUnsafeBytes(body)
    }
}

extension UInt8 {
    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
