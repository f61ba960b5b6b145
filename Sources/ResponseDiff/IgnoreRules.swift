public import KubernetesModel

/// What a comparison passes over.
public struct IgnoreRules: Sendable, Hashable {
    /// Fields that say when, over which connection and by which program a response was sent, not what it says. The
    /// body itself is compared, so its length need not be.
    public static let standardHeaders: Set<String> = [
        "connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "via",
    ]

    /// Names of fields, in lower case.
    public private(set) var headers: Set<String>
    /// Places in a JSON body; a token `*` stands for any one member or element.
    public var pointers: [JSONPointer]
    /// Whether the body is not looked at.
    public var body: Bool

    /// The standard rules and these.
    ///
    /// - Parameters:
    ///   - headers: further names, in any case.
    ///   - pointers: places in a JSON body, with all that is below them.
    ///   - body: whether the body is not looked at.
    public init(headers: [String] = [], pointers: [JSONPointer] = [], body: Bool = false) {
        self.headers = Self.standardHeaders.union(headers.map { $0.lowercased() })
        self.pointers = pointers
        self.body = body
    }

    /// Whether a difference at `path` is passed over: a rule names the place or one above it.
    func ignores(_ path: JSONPointer) -> Bool {
        self.pointers.contains { rule in
            rule.tokens.count <= path.tokens.count
                && zip(rule.tokens, path.tokens).allSatisfy { $0 == "*" || $0 == $1 }
        }
    }
}
