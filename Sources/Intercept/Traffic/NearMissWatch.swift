import TrafficMatch

/// Looks at an intercept's traffic from the moment it is ready, and tells when nothing comes of it.
struct NearMissWatch: Sendable {
    let traffic: RouteTraffic
    let clock: any Clock<Duration>
    let report: @Sendable (RouteSightings) async -> TrafficReport
    let events: @Sendable (InterceptEvent) -> Void

    /// Looks once a second, until it is cancelled.
    func run() async throws {
        var schedule = NearMissSchedule()
        var elapsed = Duration.zero
        while true {
            try await self.clock.sleep(for: .seconds(1))
            elapsed += .seconds(1)
            let sightings = self.traffic.sightings
            guard !self.traffic.isPaused, schedule.isDue(sightings, elapsed: elapsed) else { continue }
            self.events(.nearMiss(await self.report(sightings)))
        }
    }
}
