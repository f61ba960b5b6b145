import Synchronization

/// A number that only the sum of many additions matters of; safe from any thread, ordered with nothing.
final class Counter: Sendable {
    private let storage = Atomic<Int>(0)

    /// The number now.
    var value: Int {
        self.storage.load(ordering: .relaxed)
    }

    /// Takes all of it and leaves nothing.
    func takeAll() -> Int {
        self.storage.exchange(0, ordering: .relaxed)
    }

    /// Adds `amount`, which a gauge may make negative.
    func add(_ amount: Int = 1) {
        self.storage.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// How often something took at most so long, in the few steps that tell a good tunnel from a bad one.
final class Histogram: Sendable {
    /// The upper ends of the steps, in microseconds.
    static let bounds = [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000]

    let buckets = bounds.map { _ in Counter() }
    let count = Counter()
    let sum = Counter()

    /// Takes note of one duration.
    func record(microseconds: Int) {
        if let index = Self.bounds.firstIndex(where: { microseconds <= $0 }) {
            self.buckets[index].add()
        }
        self.count.add()
        self.sum.add(microseconds)
    }
}
