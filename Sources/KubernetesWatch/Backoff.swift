/// Growing pauses between tries, spread by a random share so that many clients do not return together.
public struct Backoff: Sendable, Hashable {
    /// The first pause.
    public var first: Duration
    /// The longest pause.
    public var longest: Duration
    private var failures = 0

    /// Pauses that double from `first` up to `longest`.
    public init(first: Duration = .milliseconds(250), longest: Duration = .seconds(30)) {
        self.first = first
        self.longest = longest
    }

    /// How many failures in a row there were.
    public var count: Int { self.failures }

    /// The pause after one more failure.
    ///
    /// - Parameter jitter: a random number from 0 to 1; the pause is between half and the whole of its full length.
    public mutating func next(jitter: Double) -> Duration {
        let full = min(self.longest, self.first * (1 << min(self.failures, 20)))
        self.failures += 1
        return full * (0.5 + 0.5 * min(max(jitter, 0), 1))
    }

    /// Starts again from the first pause.
    public mutating func reset() {
        self.failures = 0
    }
}
