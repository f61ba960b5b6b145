/// Whether a server is to be used, as a value: it is told of checks and of requests.
public struct ServerHealth: Sendable {
    /// What has changed about a server.
    public enum Change: Hashable, Sendable {
        /// Its checks are bad: it is not used.
        case down
        /// Its checks are good again, or it has answered after a pause.
        case up
        /// Its requests have failed: it is not used for as long.
        case ejected(Duration)
    }

    private let check: HealthCheck
    private let ejection: Ejection
    /// What the checks say; nil before the first.
    private var isChecked: Bool?
    /// Checks in a row that speak against what they said before.
    private var against = 0
    /// Requests in a row that have failed.
    private var failures = 0
    /// How often in a row it was ejected.
    private var ejections = 0
    private var ejectedUntil = Duration.zero

    /// A server that nothing is known of: it is used.
    public init(check: HealthCheck = .init(), ejection: Ejection = .init()) {
        self.check = check
        self.ejection = ejection
    }

    /// When it may be used from; nil while its checks are bad. Time is monotonic, since any fixed moment.
    public var usableFrom: Duration? { self.isChecked == false ? nil : self.ejectedUntil }

    /// A check has ended.
    public mutating func checked(isGood: Bool) -> Change? {
        guard let before = self.isChecked else {
            self.isChecked = isGood
            return isGood ? nil : .down
        }
        guard before != isGood else {
            self.against = 0
            return nil
        }
        self.against += 1
        guard self.against >= (isGood ? self.check.upAfter : self.check.downAfter) else { return nil }
        self.against = 0
        self.isChecked = isGood
        return isGood ? .up : .down
    }

    /// A request has been answered.
    public mutating func answered() -> Change? {
        defer {
            self.failures = 0
            self.ejections = 0
            self.ejectedUntil = .zero
        }
        return self.ejections > 0 ? .up : nil
    }

    /// A request has failed.
    public mutating func failed(now: Duration) -> Change? {
        self.failures += 1
        // Those that were under way at that moment say nothing new.
        guard self.ejection.after > 0, self.failures >= self.ejection.after, now >= self.ejectedUntil else {
            return nil
        }
        let pause = self.ejection.pause * min(1 << min(self.ejections, 4), 10)
        self.ejections += 1
        self.ejectedUntil = now + pause
        return .ejected(pause)
    }
}
