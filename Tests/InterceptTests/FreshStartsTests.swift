import Synchronization
import Testing

@testable import Intercept

@Suite("Beginning anew beside what hangs", .timeLimit(.minutes(1)))
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
    private func run(_ tries: [Try], count: Int = 1000) async -> (result: Result<Int, any Error>, begun: Int) {
        let begun = Mutex(0)
        let starts = FreshStarts(count: count, clock: StepClock())
        do {
            let number = try await starts.first(isAnswer: { $0 is Refusal }, discard: { _ in }) {
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

    @Test("Another failure settles nothing while an earlier try goes on")
    func failsBeside() async throws {
        let number = try await self.run([.hangs, .fails, .works]).result.get()
        #expect(number >= 3)
    }

    @Test("A failure with nothing beside it is told at once: the caller pauses")
    func fails() async throws {
        let starts = FreshStarts(interval: .seconds(3600))
        await #expect(throws: Trouble(number: 1)) {
            try await starts.first(isAnswer: { _ in false }, discard: { (_: Int) in }) { throw Trouble(number: 1) }
        }
    }

    @Test("Where all hang it ends, after as many tries as were allowed")
    func silent() async throws {
        let run = await self.run([], count: 3)
        #expect(run.begun == 3)
        #expect(throws: FreshStarts.Silent.self) { try run.result.get() }
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
