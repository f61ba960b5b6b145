/// One thing a request must have to be taken by a route.
public enum Condition: Hashable, Sendable, CustomStringConvertible {
    /// A field line.
    case header(HeaderMatch)
    /// A cookie, a query parameter, a member of `baggage` or `tracestate`.
    case member(MemberMatch)
    /// The path: the target without scheme, authority and query, as it came and not decoded.
    case path(PathMatch)
    /// The method, in upper case.
    case method(MethodMatch)

    /// The condition in words.
    public var description: String {
        switch self {
        case .header(let header): header.description
        case .member(let member): member.description
        case .path(let path): path.description
        case .method(let method): method.description
        }
    }

    /// Whether the request satisfies it.
    @inline(__always)
    public func isSatisfied(by request: some RequestView) -> Bool {
        switch self {
        case .header(let header):
            var found = false
            request.forEachField { name, value in
                found = header.isSatisfied(byName: name, value: value)
                return !found
            }
            return found
        case .member(let member): return member.isSatisfied(by: request)
        case .path(let path): return path.isSatisfied(by: request)
        case .method(let method): return method.isSatisfied(by: request)
        }
    }

    /// What the condition looks at: two conditions with the same subject look at the same value.
    var subject: String {
        switch self {
        case .header(let header): "header \(header.name)"
        case .member(let member): "\(member.list.rawValue) \(member.key)"
        case .path: "path"
        case .method: "method"
        }
    }

    var test: ValueTest {
        switch self {
        case .header(let header): header.test
        case .member(let member): member.test
        case .path(let path): path.test
        case .method(let method): .exact(method.name)
        }
    }

    /// Whether every ordinary request satisfies it, as far as that can be told: a path begins with `/`.
    var alwaysHolds: Bool {
        guard case .path(let path) = self else { return false }
        switch path.test {
        case .present, .prefix("/"): return true
        case .regex(let pattern): return [".*", "/.*", "^.*", "^/.*"].contains(pattern.source)
        case .exact, .prefix: return false
        }
    }

    /// Whether every request that satisfies `other` satisfies this one too, as far as that can be told.
    func covers(_ other: Condition) -> Bool {
        self.subject == other.subject && self.test.covers(other.test)
    }
}

/// One condition: the request's path passes a test.
public struct PathMatch: Hashable, Sendable, CustomStringConvertible {
    /// What is wanted of the path.
    public let test: ValueTest
    private let prepared: PreparedTest

    /// A condition on the path.
    ///
    /// - Throws: ``MatchError`` when no request's path could ever pass the test.
    public init(_ test: ValueTest) throws(MatchError) {
        switch test {
        case .exact(let path), .prefix(let path):
            guard path.utf8.first == UInt8(ascii: "/") || path == "*" else {
                throw MatchError(
                    code: .invalidValue,
                    message: "the path \"\(path.printable)\" does not begin with /; write it as /\(path.printable)"
                )
            }
            guard path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }), !path.contains("?"), !path.contains("#") else {
                throw MatchError(
                    code: .invalidValue,
                    message:
                        "the path \"\(path.printable)\" holds a blank, a control character, ? or #, which no path can; "
                        + "percent-encode it as requests do, and match the query with --query"
                )
            }
        case .regex, .present: break
        }
        self.test = test
        self.prepared = PreparedTest(test)
    }

    /// The condition in words, such as `path: /api… (prefix)`.
    public var description: String { "path\(self.test.suffix)" }

    func isSatisfied(by request: some RequestView) -> Bool { self.prepared.isPassed(by: request.path) }

    /// Conditions are the same when they read the same.
    public static func == (left: PathMatch, right: PathMatch) -> Bool { left.test == right.test }

    /// Hashes what equality looks at.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.test) }
}

/// One condition: the request's method.
public struct MethodMatch: Hashable, Sendable, CustomStringConvertible {
    /// The method in upper case, as every registered one is.
    public let name: String
    private let bytes: [UInt8]

    /// A condition on the method.
    public init(_ name: String) throws(MatchError) {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isFieldNameCharacter) else {
            throw MatchError(
                code: .invalidName,
                message: "\"\(name.printable)\" is no method; write one such as GET or POST"
            )
        }
        self.name = name.uppercased()
        self.bytes = Array(self.name.utf8)
    }

    /// The condition in words, such as `method GET`.
    public var description: String { "method \(self.name)" }

    func isSatisfied(by request: some RequestView) -> Bool { request.method.elementsEqual(self.bytes) }
}
