import Synchronization

/// Who strikes at a point where it is not the command that dies.
final class Striker: Sendable {
    private struct State: Sendable {
        var blow: (@Sendable () async -> Bool)?
        var struckAt: ContinuousClock.Instant?
        var foundNobody = false
        var isStriking = false
    }

    private let state = Mutex(State())

    /// When somebody was struck; nil while nobody was.
    var struckAt: ContinuousClock.Instant? { self.state.withLock { $0.struckAt } }

    /// Whether it was to strike, and there was nobody.
    var foundNobody: Bool { self.state.withLock { $0.foundNobody } }

    /// Whether somebody is being struck.
    var isStriking: Bool { self.state.withLock { $0.isStriking } }

    /// Says what the next strike is; a blow that finds nobody says so by false.
    func aim(_ blow: @escaping @Sendable () async -> Bool) { self.state.withLock { $0 = State(blow: blow) } }

    /// Strikes, once.
    func strike() async {
        let blow = self.state.withLock { state in
            state.isStriking = state.blow != nil
            return state.blow.take()
        }
        guard let blow else { return }
        let now = ContinuousClock.now
        let found = await blow()
        self.state.withLock {
            $0.struckAt = found ? now : nil
            $0.foundNobody = !found
            $0.isStriking = false
        }
    }
}
