import ClusterTestSupport
import KubernetesModel

/// The bystanders of a round. Those who ask around a change are told apart from those before and after, for where a tool's write
/// leaves the Service leading nowhere only they may lose anything.
struct RevertCrowd: Sendable {
    private let leaf: OwnLeaf
    private let rate: Int
    private var asking: Bystanders
    /// What became of those who had to be answered.
    private(set) var answered: [JSONValue] = []
    /// What became of those who asked while the Service led nowhere.
    private(set) var ledNowhere: [JSONValue] = []

    /// Starts the first.
    ///
    /// - Parameter rate: requests a second, all together.
    init(of leaf: OwnLeaf, rate: Int) async throws {
        (self.leaf, self.rate) = (leaf, rate)
        self.asking = try await Self.start(leaf, rate)
    }

    private static func start(_ leaf: OwnLeaf, _ rate: Int) async throws -> Bystanders {
        try await Bystanders.start(of: leaf, rate: rate, limit: .seconds(600))
    }

    /// Has others ask from now on, and takes what became of those before.
    mutating func change(ledNowhere: Bool) async throws {
        let before = self.asking
        defer { before.abandon() }
        self.asking = try await Self.start(self.leaf, self.rate)
        try await self.take(before, ledNowhere)
    }

    /// Ends those who ask now, who had to be answered.
    mutating func finish() async throws { try await self.take(self.asking, false) }

    func abandon() { self.asking.abandon() }

    private mutating func take(_ bystanders: Bystanders, _ ledNowhere: Bool) async throws {
        let results = try await bystanders.finish()
        if ledNowhere { self.ledNowhere += results } else { self.answered += results }
    }
}

/// When matching requests may be answered by nobody: from a tool's write that leaves the Service leading nowhere until it has
/// been put right, and some time, in which the node's rules follow.
struct Pardon: Sendable {
    /// How long the rules may take.
    static let slack = Duration.seconds(2)

    private(set) var windows: [ClosedRange<ContinuousClock.Instant>] = []

    mutating func forgive(from changed: ContinuousClock.Instant, until whole: ContinuousClock.Instant) {
        self.windows.append(changed...max(changed, whole + Self.slack))
    }

    func covers(_ answer: Prober.Answer) -> Bool { self.windows.contains { $0.contains(answer.sent) } }
}
