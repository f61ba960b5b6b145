import TrafficMatch

/// When somebody whose intercept diverts nothing is told what arrives instead, as a value: first soon, then ever more rarely.
struct NearMissSchedule: Sendable {
    static let first: Duration = .seconds(10)
    private static let longest: Duration = .seconds(900)

    private var next = Self.first
    private var pause = Self.first
    private var last: RouteSightings?

    /// Whether to tell now.
    ///
    /// - Parameter elapsed: how long the intercept has been ready.
    mutating func isDue(_ sightings: RouteSightings, elapsed: Duration) -> Bool {
        // What has matched and is not over is under way here: in a debugger, or for as long as a connection lasts.
        let isUnderWay = sightings.matched > sightings.fallbacks.values.reduce(0, +)
        guard sightings.diverted == 0, !isUnderWay, elapsed >= self.next, sightings != self.last else { return false }
        self.pause = min(self.pause * 3, Self.longest)
        self.next = elapsed + self.pause
        self.last = sightings
        return true
    }
}
