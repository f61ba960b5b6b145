import Synchronization

/// Tells those who wait that the way to the server is another one now: what they wait for may never come on the old one.
final class Renewals: Sendable {
    private struct State {
        var count = 0
        var waiting: [Int: AsyncStream<Never>.Continuation] = [:]
        var number = 0
    }

    private let state = Mutex(State())

    /// How many renewals there have been.
    var count: Int { self.state.withLock { $0.count } }

    /// There is a new way: ends the waits for the old one.
    func renew() {
        let waiting = self.state.withLock { state in
            state.count += 1
            defer { state.waiting = [:] }
            return state.waiting
        }
        waiting.values.forEach { $0.finish() }
    }

    /// Does some work, and gives it up at a renewal.
    ///
    /// - Parameters:
    ///   - count: the renewals that the caller knows of; one more ends the work.
    ///   - work: the work; it is cancelled when it is given up.
    /// - Returns: what came of the work; nil when it was given up.
    func untilRenewed<Result: Sendable>(
        since count: Int,
        _ work: @escaping @concurrent @Sendable () async throws -> Result
    ) async throws -> Result? {
        let (renewal, continuation) = AsyncStream<Never>.makeStream()
        let number = self.state.withLock { state -> Int? in
            guard state.count == count else { return nil }
            state.number += 1
            state.waiting[state.number] = continuation
            return state.number
        }
        guard let number else { return nil }
        defer { _ = self.state.withLock { $0.waiting.removeValue(forKey: number) } }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                for await _ in renewal {}
                try Task.checkCancellation()
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
