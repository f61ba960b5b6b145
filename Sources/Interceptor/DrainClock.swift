/// Decides when a replica that gets no new connections any more is done: a value, told the time.
///
/// After the Service stopped selecting it, kube-proxy on every node needs a moment to follow; only then does the
/// absence of connections mean anything. Where the API server was away it can need half a minute, for it asks again ever more
/// rarely: whoever still gets new connections is still selected there, and is not done before they have ceased.
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
    /// When the drain began.
    private var began: Duration?
    /// Since when the Service does not select it.
    private var deselected: Duration?
    /// The same, or the last arrival of a connection since.
    private var since: Duration?
    private var arrivals = 0

    /// A clock for one drain.
    ///
    /// - Parameter deadline: how long after the first step connections are served as ever. Nothing that happens meanwhile
    ///   moves it: the kubelet's grace period goes on as well, and who is cut off by that was told nothing.
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
        let began = self.began ?? now
        self.began = began
        let quiet = self.quiet(isSelected: isSelected, arrivals: arrivals, now: now)
        if connections == 0, quiet >= Self.lameDuck { return .drained }
        let overdue = now - began - self.deadline
        if overdue < .zero { return .linger }
        // While some still arrive, one that is idle may be about to ask for the first time.
        let late = min(overdue - Self.announcement, quiet - Self.lameDuck)
        if late < .zero { return .announce }
        return late < Self.farewell ? .hurry : .drained
    }

    /// For how long it has had no selector and no new connection.
    private mutating func quiet(isSelected: Bool, arrivals: Int, now: Duration) -> Duration {
        defer { self.arrivals = arrivals }
        guard !isSelected else {
            self.deselected = nil
            self.since = nil
            return .zero
        }
        let deselected = self.deselected ?? now
        self.deselected = deselected
        let hasArrival = arrivals != self.arrivals && now - deselected < Self.stragglers
        let since = hasArrival ? now : self.since ?? now
        self.since = since
        return now - since
    }
}
