/// Does some work, and fails with an error when it takes longer than allowed; the work is cancelled then.
///
/// - Parameters:
///   - limit: how long the work may take.
///   - late: the error for work that takes longer.
///   - work: the work.
func withDeadline<Result: Sendable>(
    _ limit: Duration,
    late: @escaping @Sendable () -> any Error,
    _ work: @escaping @concurrent @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask(operation: work)
        group.addTask {
            try await Task.sleep(for: limit)
            throw late()
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}
