/// Decides when a replica that gets no new connections any more is done: a value, told the time.
///
/// After the Service stopped selecting it, kube-proxy on every node needs a moment to follow; only then does the
/// absence of connections mean anything.
struct DrainClock: Sendable {
    /// How long kube-proxy is given, in time without the selector.
    static let lameDuck: Duration = .seconds(3)
    /// How long, after the deadline, busy connections are given to end with their next response.
    static let announcement: Duration = .seconds(3)
    /// How long idle connections are given to be closed after that.
    static let farewell: Duration = .seconds(2)

    /// What to do now.
    enum Step: Sendable, Hashable {
        /// Go on serving what is there.
        case linger
        /// The deadline has passed: responses tell their clients that the connection ends.
        case announce
        /// What is idle even so is closed.
        case hurry
        /// No bystander is left, or none is waited for any more.
        case drained
    }

    private let deadline: Duration
    private var since: Duration?

    /// A clock for one drain.
    init(deadline: Duration) {
        self.deadline = max(deadline, Self.lameDuck)
    }

    /// The step for this moment.
    ///
    /// - Parameters:
    ///   - isSelected: whether the Service still selects this replica.
    ///   - connections: how many client connections are open.
    ///   - now: monotonic time since any fixed moment.
    mutating func step(isSelected: Bool, connections: Int, now: Duration) -> Step {
        guard !isSelected else {
            self.since = nil
            return .linger
        }
        let since = self.since ?? now
        self.since = since
        let elapsed = now - since
        if elapsed < Self.lameDuck { return .linger }
        if connections == 0 { return .drained }
        switch elapsed - self.deadline {
        case ..<Duration.zero: return .linger
        case ..<Self.announcement: return .announce
        case ..<(Self.announcement + Self.farewell): return .hurry
        default: return .drained
        }
    }
}
