/// A clock on which every wait is over at once, and is one step of what happens meanwhile.
struct StepClock: Clock {
    typealias Instant = ContinuousClock.Instant
    var step: @Sendable () -> Void = {}
    var now: Instant { ContinuousClock().now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        self.step()
    }
}
