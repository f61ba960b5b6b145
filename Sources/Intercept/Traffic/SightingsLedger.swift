import TrafficMatch

/// The sum of what all replicas saw, as a value. A replica counts from zero again when it was started anew; what it saw before
/// stays in the sum.
struct SightingsLedger: Sendable {
    private var settled = RouteSightings()
    private var latest: [String: RouteSightings] = [:]
    private var recent: [RouteSightings.RecentRequest] = []

    /// Takes in all that a replica has seen so far.
    mutating func note(_ sightings: RouteSightings, from replica: String) {
        self.recent = (self.recent + sightings.recent).suffix(RouteSightings.mostRecent)
        var lasting = sightings
        lasting.recent = []
        if let last = self.latest[replica], last.instance != sightings.instance { self.settled += last }
        self.latest[replica] = lasting
    }

    /// What all have seen, with the latest requests of all, oldest first.
    var sum: RouteSightings {
        var sum = self.settled
        for (_, sightings) in self.latest.sorted(by: { $0.key < $1.key }) { sum += sightings }
        sum.recent = self.recent
        return sum
    }
}
