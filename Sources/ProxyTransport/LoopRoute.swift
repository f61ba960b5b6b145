import ProxyCore
import Telemetry
import TrafficMatch

/// A route on one event loop: the value, the counters that all loops share, and what this loop alone counts.
///
/// Plain numbers, summed up when somebody asks: a request that no route takes costs no more than two comparisons here.
final class LoopRoute {
    /// How many requests are looked at closely before only a sample of them is.
    private static let closely = 1_024
    /// Of the requests after that, one in so many is; a power of two.
    private static let sampling = 32

    /// The longest method that is told whole.
    private static let longestMethod = 32

    private(set) var route: Route
    let counters: RouteCounters
    /// Client connections opened while the route was there.
    var connections = 0
    private var missed = 0
    private var unsampled = 0
    private var yielded = 0
    private var survey: MatchSurvey
    private var recent: [RouteSightings.RecentRequest] = []

    init(_ entry: RouteEntry) {
        self.route = entry.route
        self.counters = entry.counters
        self.survey = MatchSurvey(of: entry.route.match)
    }

    /// Takes a newer version of the same route; false when it is another.
    func takes(_ entry: RouteEntry) -> Bool {
        guard self.counters === entry.counters, self.route.match == entry.route.match else { return false }
        self.route = entry.route
        return true
    }

    /// Takes note of a request the route took, once it is over.
    func note(_ record: Record, _ request: RequestNote, microseconds: Int) {
        if let reason = record.fallback { self.counters.fallbacks(reason).add() }
        guard record.kind == .request, !request.method.isEmpty else { return }
        if self.recent.count == RouteSightings.mostRecent { self.recent.removeFirst() }
        self.recent.append(
            .init(
                method: String(decoding: request.method.prefix(Self.longestMethod), as: UTF8.self),
                path: String(decoding: request.path, as: UTF8.self),
                status: record.status,
                microseconds: microseconds,
                server: "\(record.server.token)"
            )
        )
    }

    /// What this loop alone counted; the latest requests are handed over, and not said again.
    func takeSightings() -> RouteSightings {
        var sightings = RouteSightings()
        sightings.connections = self.connections
        sightings.unsampled = self.unsampled
        sightings.yielded = self.yielded
        sightings.surveyed = self.survey.requests
        sightings.misses = self.survey.misses
        sightings.names = self.survey.names
        sightings.omitsNames = self.survey.omitsNames
        sightings.recent = self.recent
        self.recent = []
        return sightings
    }

    /// The route's answer to a request that no route before it took.
    @inline(__always)
    fileprivate func wants(_ isSatisfied: (RequestMatch) -> Bool, _ survey: (inout MatchSurvey) -> Void) -> Bool {
        guard isSatisfied(self.route.match) else {
            self.missed &+= 1
            // Nobody asks what is missing once something has matched.
            if self.counters.matched.value == 0,
                self.survey.requests < Self.closely || self.missed & (Self.sampling - 1) == 0
            {
                survey(&self.survey)
            }
            return false
        }
        guard self.route.isSampled else {
            self.unsampled += 1
            return false
        }
        return true
    }

    @inline(__always)
    fileprivate func yield() { self.yielded += 1 }
}

extension [LoopRoute] {
    /// The first route whose match is satisfied; every route has seen the request.
    ///
    /// - Parameters:
    ///   - isOutsideSample: whether routes that take whole connections have let this one go.
    ///   - isSatisfied: whether the request satisfies a match.
    ///   - survey: lets a survey take note of the request.
    @inline(__always)
    func choose(
        isOutsideSample: Bool,
        isSatisfied: (RequestMatch) -> Bool,
        survey: (inout MatchSurvey) -> Void
    ) -> LoopRoute? {
        var chosen: LoopRoute?
        for candidate in self {
            candidate.counters.seen.add()
            if candidate.route.isPaused || (isOutsideSample && candidate.route.takesWholeConnections) { continue }
            if chosen != nil {
                candidate.yield()
            } else if candidate.wants(isSatisfied, survey) {
                candidate.counters.matched.add()
                chosen = candidate
            }
        }
        return chosen
    }
}
