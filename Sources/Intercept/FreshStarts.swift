/// Does what may hang for ever because the network below it has changed: begins it anew beside itself, and takes what comes
/// first.
///
/// A connection that was begun in a network that is gone is often never refused, and what TCP sends again by itself it sends
/// later each time; a new one works within one round trip. The earlier ones go on meanwhile, for networks that are only slow.
struct FreshStarts: Sendable {
    /// How long a try is alone before the next one is begun beside it.
    var interval: Duration = .seconds(1)
    /// How many are made.
    var count = 8
    /// Measures the intervals.
    var clock: any Clock<Duration> = ContinuousClock()

    private enum Outcome<Result: Sendable>: Sendable {
        case result(Result)
        case failure(any Error)
        case intervalOver
    }

    /// The first result; all other tries are cancelled.
    ///
    /// - Parameters:
    ///   - isAnswer: whether an error settles it for all tries; with another one those that are under way go on.
    ///   - discard: told of the result of a try that was no longer wanted.
    ///   - work: one try.
    /// - Throws: an error that settles it; the last one where there is nothing more to wait for; ``Silent`` where all tries hang.
    func first<Result: Sendable>(
        isAnswer: (any Error) -> Bool,
        discard: (Result) -> Void,
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withTaskGroup(of: Outcome<Result>.self) { group in
            var begun = 0
            var running = 0
            func begin() {
                begun += 1
                running += 1
                group.addTask {
                    do {
                        return .result(try await work())
                    } catch {
                        return .failure(error)
                    }
                }
                group.addTask { [clock, interval] in
                    try? await clock.sleep(for: interval)
                    return .intervalOver
                }
            }
            begin()
            var outcome: Swift.Result<Result, any Error>?
            while outcome == nil, let next = await group.next() {
                switch next {
                case .result(let result):
                    outcome = .success(result)
                case .failure(let error):
                    running -= 1
                    if running == 0 || isAnswer(error) { outcome = .failure(error) }
                case .intervalOver:
                    if Task.isCancelled {
                        outcome = .failure(CancellationError())
                    } else if begun < self.count {
                        begin()
                    } else {
                        outcome = .failure(Silent(tries: begun))
                    }
                }
            }
            group.cancelAll()
            // One that came in at the same moment would stay open.
            for await late in group {
                if case .result(let result) = late { discard(result) }
            }
            return outcome ?? .failure(CancellationError())
        }
        .get()
    }

    /// Nothing came of any try.
    struct Silent: Error, CustomStringConvertible {
        var tries: Int
        var description: String { "nothing answers, in \(self.tries) tries" }
    }
}
