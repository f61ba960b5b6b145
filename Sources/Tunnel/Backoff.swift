/// How long to wait before each new attempt: longer every time, with jitter, up to a ceiling.
///
/// Jitter keeps the laptops of one cluster from dialling in step after an outage.
public struct Backoff: Sendable, Hashable {
    /// The first wait, before jitter.
    public var initial: Duration
    /// What each wait is multiplied by to give the next.
    public var factor: Double
    /// The longest wait, before jitter.
    public var maximum: Duration
    /// The share of a wait that is left to chance, 0 to 1: a wait `w` becomes one between `w × (1 − jitter)` and `w`.
    public var jitter: Double
    /// Waits given since the start or the last reset.
    public private(set) var attempts = 0

    private var current: Duration

    /// Waits that start at `initial` and end at `maximum`.
    public init(
        initial: Duration = .milliseconds(250),
        factor: Double = 2,
        maximum: Duration = .seconds(15),
        jitter: Double = 0.5
    ) {
        self.initial = initial
        self.factor = max(1, factor)
        self.maximum = max(initial, maximum)
        self.jitter = min(max(jitter, 0), 1)
        self.current = initial
    }

    /// The wait before the next attempt.
    public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let wait = self.current
        self.attempts += 1
        self.current = min(wait * self.factor, self.maximum)
        guard self.jitter > 0 else { return wait }
        return wait * (1 - Double.random(in: 0...self.jitter, using: &generator))
    }

    /// The wait before the next attempt, with the system's randomness.
    public mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return self.next(using: &generator)
    }

    /// Starts again at the shortest wait: an attempt succeeded.
    public mutating func reset() {
        self.current = self.initial
        self.attempts = 0
    }
}
