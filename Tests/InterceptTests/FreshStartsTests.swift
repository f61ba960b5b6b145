import Synchronization
import Testing
import Tunnel

@testable import Intercept

@Suite("Beginning anew beside what hangs", .timeLimit(.minutes(5)))
struct FreshStartsTests {
    private struct Refusal: Error, Equatable {}
    private struct Trouble: Error, Equatable {
        var number: Int
    }

    /// What each try does: hangs, or ends.
    private enum Try: Sendable {
        case hangs
        case works
        case refused
        case fails
    }

    /// The number of the try that worked, and how many were begun.
    private func run(
        _ tries: [Try],
        count: Int = 1000,
        failed: (any Error) -> Void = { _ in }
    ) async -> (result: Result<Int, any Error>, begun: Int) {
        let begun = Mutex(0)
        let starts = FreshStarts(count: count, clock: StepClock())
        do {
            let number = try await starts.first(isAnswer: { $0 is Refusal }, failed: failed, discard: { _ in }) {
                let number = begun.withLock { count in
                    count += 1
                    return count
                }
                switch number <= tries.count ? tries[number - 1] : .hangs {
                case .hangs:
                    try await Task.sleep(for: .seconds(3600))
                    throw Trouble(number: number)
                case .works: return number
                case .refused: throw Refusal()
                case .fails: throw Trouble(number: number)
                }
            }
            return (.success(number), begun.withLock { $0 })
        } catch {
            return (.failure(error), begun.withLock { $0 })
        }
    }

    @Test("A try that hangs is overtaken by the next one")
    func overtaken() async throws {
        let number = try await self.run([.hangs, .hangs, .works]).result.get()
        #expect(number >= 3)
    }

    @Test("An answer settles it, whatever hangs beside it")
    func refused() async throws {
        let run = await self.run([.hangs, .refused])
        #expect(throws: Refusal.self) { try run.result.get() }
    }

    @Test("Another failure settles nothing while an earlier try goes on, and is told")
    func failsBeside() async throws {
        var told: [Trouble?] = []
        let number = try await self.run([.hangs, .fails, .works]) { told.append($0 as? Trouble) }.result.get()
        #expect(number >= 3)
        // What is cancelled at the end has not failed.
        #expect(told.allSatisfy { $0 == Trouble(number: 2) })
    }

    @Test("One that has failed makes room for another")
    func makesRoom() async throws {
        var told: [Trouble?] = []
        let run = await self.run([.hangs, .fails, .works], count: 2) { told.append($0 as? Trouble) }
        #expect(try run.result.get() == 3)
        #expect(run.begun == 3)
        #expect(told == [Trouble(number: 2)])
    }

    @Test("A failure with nothing beside it is told at once: the caller pauses")
    func fails() async throws {
        let starts = FreshStarts(intervals: Backoff(initial: .seconds(3600)))
        await #expect(throws: Trouble(number: 1)) {
            try await starts.first(isAnswer: { _ in false }, discard: { (_: Int) in }) { throw Trouble(number: 1) }
        }
    }

    @Test("A slow server is waited for, however many intervals that takes, and asked by so many at a time only")
    func slow() async throws {
        let (late, isLate) = AsyncStream<Never>.makeStream()
        let steps = Mutex(0)
        let clock = StepClock {
            let count = steps.withLock { steps in
                steps += 1
                return steps
            }
            if count == 100 { isLate.finish() }
        }
        let begun = Mutex(0)
        let starts = FreshStarts(count: 3, clock: clock)
        let number = try await starts.first(isAnswer: { _ in true }, discard: { (_: Int) in }) {
            let number = begun.withLock { begun in
                begun += 1
                return begun
            }
            if number > 1 { try await Task.sleep(for: .seconds(3600)) }
            for await _ in late {}
            return number
        }
        #expect(number == 1)
        #expect(begun.withLock { $0 } == 3)
    }

    @Test("Fresh starts are made ever more rarely, but as often as a network that is back may wait for one")
    func intervals() async throws {
        let clock = StillClock()
        let starts = FreshStarts(count: 1, clock: clock)
        let last = try await starts.first(isAnswer: { _ in true }, discard: { (_: Int) in }) {
            while clock.slept.count < 6, !Task.isCancelled { await Task.yield() }
            return clock.slept.count
        }
        #expect(last >= 6)
        let expected: [Duration] = [1000, 1500, 2250, 3000, 3000, 3000].map { .milliseconds($0) }
        #expect(Array(clock.slept.prefix(6)) == expected)
    }

    @Test("A result that comes when there is one already is not lost, but told")
    func discarded() async throws {
        let discarded = Mutex<[Int]>([])
        let begun = Mutex(0)
        let starts = FreshStarts(count: 1000, clock: StepClock())
        let first = try await starts.first(
            isAnswer: { _ in false },
            discard: { late in discarded.withLock { $0.append(late) } }
        ) {
            let number = begun.withLock { count in
                count += 1
                return count
            }
            // Like a connection that is there just when nobody wants it any more.
            if number == 1 { try? await Task.sleep(for: .seconds(3600)) }
            return number
        }
        #expect(first != 1)
        #expect(discarded.withLock { $0.contains(1) })
    }

    @Test("Who is cancelled waits for nothing")
    func cancelled() async throws {
        // owner: awaited in the line after the next.
        let task = Task {
            try await FreshStarts().first(isAnswer: { _ in true }, discard: { (_: Int) in }) {
                try await Task.sleep(for: .seconds(3600))
                return 1
            }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

/// A clock on which nothing takes any time, and how long it was slept for.
private final class StillClock: Clock {
    typealias Instant = ContinuousClock.Instant
    let now = ContinuousClock.now
    let minimumResolution = Duration.zero
    private let durations = Mutex<[Duration]>([])

    var slept: [Duration] { self.durations.withLock { $0 } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        self.durations.withLock { $0.append(deadline - self.now) }
    }
}
