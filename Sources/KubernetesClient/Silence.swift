import Synchronization

/// A server that does not answer: said once, however many requests wait for it, until one has been answered.
final class Silence: Sendable {
    private let isSaid = Mutex(false)

    /// Whether it is to be said now: nobody has since the last answer.
    func begins() -> Bool {
        self.isSaid.withLock { isSaid in
            defer { isSaid = true }
            return !isSaid
        }
    }

    /// There was an answer.
    func ends() {
        self.isSaid.withLock { $0 = false }
    }

    /// Does some work, and says when it takes longer than `patience`.
    ///
    /// - Parameters:
    ///   - patience: after how long it is said.
    ///   - say: says it.
    ///   - work: the work; its end, with whatever result, ends the silence.
    func noticed<Result: Sendable>(
        after patience: Duration,
        _ say: @escaping @Sendable () -> Void,
        _ work: @escaping @concurrent @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask(operation: work)
            group.addTask {
                try await Task.sleep(for: patience)
                if self.begins() { say() }
                return nil
            }
            defer { group.cancelAll() }
            while let next = try await group.next() {
                guard let result = next else { continue }
                self.ends()
                return result
            }
            throw CancellationError()
        }
    }
}
