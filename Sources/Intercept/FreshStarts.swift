import Tunnel

/// Does what may hang for ever because the network below it has changed: begins it anew beside itself, and takes what comes
/// first.
///
/// A connection that was begun in a network that is gone is often never refused, and what TCP sends again by itself it sends
/// later each time; a new one works within one round trip. The earlier ones go on meanwhile, each for as long as its own
/// limits let it, for networks and servers that are only slow: those are asked ever more rarely.
struct FreshStarts: Sendable {
    /// How long each try is the newest before the next one is begun beside it. The longest interval is what a network that is
    /// back waits for a try.
    var intervals = Backoff(initial: .seconds(1), factor: 1.5, maximum: .seconds(3), jitter: 0)
    /// How many there are at a time.
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
    ///   - failed: told of an error that settles nothing, while others go on.
    ///   - discard: told of the result of a try that was no longer wanted.
    ///   - work: one try; it has to end by itself.
    /// - Throws: an error that settles it; the last one where there is nothing more to wait for.
    func first<Result: Sendable>(
        isAnswer: (any Error) -> Bool,
        failed: (any Error) -> Void = { _ in },
        discard: (Result) -> Void,
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withTaskGroup(of: Outcome<Result>.self) { group in
            var intervals = self.intervals
            var running = 0
            func wait() {
                group.addTask { [clock, interval = intervals.next()] in
                    try? await clock.sleep(for: interval)
                    return .intervalOver
                }
            }
            func begin() {
                running += 1
                group.addTask {
                    do {
                        return .result(try await work())
                    } catch {
                        return .failure(error)
                    }
                }
                wait()
            }
            begin()
            var outcome: Swift.Result<Result, any Error>?
            while outcome == nil, let next = await group.next() {
                switch next {
                case .result(let result):
                    outcome = .success(result)
                case .failure(let error):
                    running -= 1
                    if running == 0 || isAnswer(error) { outcome = .failure(error) } else { failed(error) }
                case .intervalOver:
                    if Task.isCancelled {
                        outcome = .failure(CancellationError())
                    } else if running < self.count {
                        begin()
                    } else {
                        wait()
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
}
