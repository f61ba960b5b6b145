import Synchronization

/// When a swap that others take back is made again, as a value: at once, then after ever longer pauses, and not for ever.
///
/// Its clock is whoever calls ``tick()`` once a second.
struct ReassertionSchedule: Sendable {
    /// What to do about a swap that was taken back.
    enum Verdict: Sendable, Hashable {
        /// Try to swap again.
        case again
        /// Nothing yet.
        case later
        /// Give in: it has been swapped again this often.
        case surrender(Int)
    }

    /// How often the Service is swapped again before somebody else's will is taken for firm.
    static let limit = 10
    private static let longestPause = 60
    /// How many seconds after the server has refused a swap the next one is tried.
    private static let refusalPause = 10
    /// How many seconds a swap has to stand for what came before it to be forgotten: more than the five minutes that Argo CD's
    /// own back-off grows to.
    private static let calm = 600

    private var seconds = 0
    private var count = 0
    private var last = 0
    private var due = 0
    private var isWatching = false

    /// Counts a second.
    ///
    /// - Returns: whether to look again whether the swap stands.
    mutating func tick() -> Bool {
        self.seconds += 1
        return self.isWatching && self.seconds >= self.due
    }

    /// The swap was found taken back.
    mutating func takenBack() -> Verdict {
        self.isWatching = true
        if self.seconds - self.last >= Self.calm { self.count = 0 }
        guard self.seconds >= self.due else { return .later }
        guard self.count < Self.limit else { return .surrender(self.count) }
        self.due = self.seconds + 1
        return .again
    }

    /// The Service was swapped again: only that counts, for a try that comes to nothing is no fight.
    ///
    /// - Returns: for the how manieth time.
    mutating func swapped() -> Int {
        // 0, 1, 2, 4, … seconds; `limit` keeps the shift small.
        self.due = self.seconds + min(1 << min(self.count, Self.limit), Self.longestPause)
        self.last = self.seconds
        self.count += 1
        return self.count
    }

    /// The server refuses to have it swapped again.
    mutating func refused() { self.due = self.seconds + Self.refusalPause }

    /// The swap was found to stand.
    mutating func stands() { self.isWatching = false }
}

/// The schedule of one intercept, for the tasks that watch over it.
final class Reassertions: Sendable {
    private let schedule = Mutex(ReassertionSchedule())

    func tick() -> Bool { self.schedule.withLock { $0.tick() } }
    func takenBack() -> ReassertionSchedule.Verdict { self.schedule.withLock { $0.takenBack() } }
    func swapped() -> Int { self.schedule.withLock { $0.swapped() } }
    func refused() { self.schedule.withLock { $0.refused() } }
    func stands() { self.schedule.withLock { $0.stands() } }
}
