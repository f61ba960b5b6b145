/// What a developer names as the target of an intercept: a Service, or a workload that Services lead to.
public struct TargetReference: Sendable, Hashable {
    /// Which kind of object the name is of.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A Service; what a bare name means.
        case service
        /// A Deployment.
        case deployment
        /// A StatefulSet.
        case statefulSet = "statefulset"

        /// The words that kubectl takes for it, too.
        fileprivate var words: [String] {
            switch self {
            case .service: ["service", "services", "svc"]
            case .deployment: ["deployment", "deployments", "deploy"]
            case .statefulSet: ["statefulset", "statefulsets", "sts"]
            }
        }

        fileprivate init?(word: Substring) {
            // `kubectl get -o name` prints the group too, as in deployment.apps/leaf.
            let word = word.lowercased().prefix { $0 != "." }
            guard let kind = Self.allCases.first(where: { $0.words.contains(String(word)) }) else { return nil }
            self = kind
        }
    }

    /// The kind.
    public var kind: Kind
    /// The object's name.
    public var name: String

    /// A target by its parts.
    public init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// Reads `NAME`, `KIND/NAME` or `KIND NAME`.
    ///
    /// - Throws: ``InterceptError`` with code `badArgument`, quoting what was given.
    public init(parsing words: [String]) throws {
        var parts = words.flatMap { $0.split(separator: "/", omittingEmptySubsequences: false) }
        guard (1...2).contains(words.count), (1...2).contains(parts.count) else {
            throw InterceptError(
                .badArgument,
                words.count < 2
                    ? "'\(words.first ?? "")' is no target; give NAME or KIND/NAME, as in service/leaf or deployment/leaf"
                    : Self.oneTarget(words)
            )
        }
        let name = String(parts.removeLast())
        let word = parts.first ?? "service"
        guard let kind = Kind(word: word) else {
            throw InterceptError(
                .badArgument,
                words.count == 2
                    ? Self.oneTarget(words)
                    : "'\(words[0])': only Services, Deployments and StatefulSets can be intercepted, as in service/leaf"
            )
        }
        guard !name.isEmpty else {
            throw InterceptError(.badArgument, "'\(words.joined(separator: " "))' names no \(kind.rawValue)")
        }
        self.init(kind, name)
    }

    private static func oneTarget(_ words: [String]) -> String {
        "one target, as in: intercept leaf, or intercept service/leaf; not '\(words.joined(separator: " "))'; a command goes "
            + "behind '--'"
    }
}
