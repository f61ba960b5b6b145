/// Decides when a replica that gets no new connections any more is done: a value, told the time.
///
/// After the Service stopped selecting it, kube-proxy on every node needs a moment to follow; only then does the
/// absence of connections mean anything. Where the API server was away it can need half a minute, for it asks again ever more
/// rarely: whoever still gets new connections is still selected there, and its time begins anew.
struct DrainClock: Sendable {
    /// How long kube-proxy is given, in time without the selector and without a new connection.
    static let lameDuck: Duration = .seconds(3)
    /// For how long new connections are taken for kube-proxy's: others may know the Pod's own address.
    static let stragglers: Duration = .seconds(60)
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
    /// Since when the Service does not select it.
    private var deselected: Duration?
    /// The same, or the last arrival of a connection since.
    private var since: Duration?
    private var arrivals = 0

    /// A clock for one drain.
    init(deadline: Duration) {
        self.deadline = max(deadline, Self.lameDuck)
    }

    /// The step for this moment.
    ///
    /// - Parameters:
    ///   - isSelected: whether the Service still selects this replica.
    ///   - connections: how many client connections are open.
    ///   - arrivals: how many there have been so far.
    ///   - now: monotonic time since any fixed moment.
    mutating func step(isSelected: Bool, connections: Int, arrivals: Int, now: Duration) -> Step {
        defer { self.arrivals = arrivals }
        guard !isSelected else {
            self.deselected = nil
            self.since = nil
            return .linger
        }
        let deselected = self.deselected ?? now
        self.deselected = deselected
        let hasArrival = arrivals != self.arrivals && now - deselected < Self.stragglers
        let since = hasArrival ? now : self.since ?? now
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
