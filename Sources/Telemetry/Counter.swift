import Synchronization

/// A number that only the sum of many additions matters of; safe from any thread, ordered with nothing.
public final class Counter: Sendable {
    private let storage = Atomic<Int>(0)

    /// A number that stands at zero.
    public init() {}

    /// The number now.
    public var value: Int {
        self.storage.load(ordering: .relaxed)
    }

    /// Takes all of it and leaves nothing.
    public func takeAll() -> Int {
        self.storage.exchange(0, ordering: .relaxed)
    }

    /// Adds `amount`, which a gauge may make negative.
    public func add(_ amount: Int = 1) {
        self.storage.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// How often something took at most so long, in the few steps that tell a good tunnel from a bad one.
public final class Histogram: Sendable {
    /// The upper ends of the steps, in microseconds.
    static let bounds = [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000]

    private let buckets = bounds.map { _ in Counter() }
    private let count = Counter()
    private let sum = Counter()

    /// A histogram of nothing.
    public init() {}

    /// Takes note of one duration.
    public func record(microseconds: Int) {
        if let index = Self.bounds.firstIndex(where: { microseconds <= $0 }) {
            self.buckets[index].add()
        }
        self.count.add()
        self.sum.add(microseconds)
    }

    /// What has been noted so far.
    public var durations: Durations {
        Durations(
            bounds: Self.bounds,
            buckets: self.buckets.map(\.value),
            count: self.count.value,
            sum: self.sum.value
        )
    }
}
