import ProxyCore
import Telemetry
public import TrafficMatch

/// What the connections of one loop add to what a port's routes saw.
extension LoopState {
    /// Counts a connection that has ended and passed unread.
    func noteUnread(_ reason: RawReason) {
        guard reason.hidesRequests else { return }
        self.unread[reason, default: 0] += 1
    }

    /// What each of the port's routes saw on this loop, by name.
    ///
    /// - Parameter unmatched: the routes that have taken nothing yet; only they are told of connections that pass unread.
    func takeSightings(unmatched: Set<String>) -> [String: RouteSightings] {
        var sightings: [String: RouteSightings] = [:]
        let unread = unmatched.isEmpty ? [:] : self.unreadNow
        for route in self.routes {
            var seen = route.takeSightings()
            if unmatched.contains(route.route.id) { seen.unread = unread }
            sightings[route.route.id] = seen
        }
        return sightings
    }

    /// Connections that pass or have passed unread, by what was found.
    private var unreadNow: [String: Int] {
        var counts = self.unread
        for connection in self.connections.values {
            if let reason = connection.machine.raw, reason.hidesRequests { counts[reason, default: 0] += 1 }
        }
        return Dictionary(counts.map { ("\($0.key.token)", $0.value) }, uniquingKeysWith: +)
    }
}

extension InterceptListener {
    /// What this port's routes have seen so far, by name. Their latest requests are handed over, and not said again.
    public func takeSightings() async -> [String: RouteSightings] {
        let entries = self.routes.entries(port: self.servicePort)
        let unmatched = Set(entries.filter { $0.counters.matched.value == 0 }.map(\.route.id))
        var sightings: [String: RouteSightings] = [:]
        for entry in entries {
            var shared = RouteSightings()
            shared.instance = entry.counters.instance
            shared.requests = entry.counters.seen.value
            shared.matched = entry.counters.matched.value
            shared.diverted = entry.counters.diverted.value
            for reason in Fallback.allCases {
                let count = entry.counters.fallbacks(reason).value
                if count > 0 { shared.fallbacks["\(reason.token)"] = count }
            }
            sightings[entry.route.id] = shared
        }
        for part in await self.onEachLoop({ $0.takeSightings(unmatched: unmatched) }) {
            for (id, seen) in part { sightings[id]? += seen }
        }
        return sightings
    }
}

extension RawReason {
    /// Whether requests of such a connection may have gone by unseen: not so where a request asked for it.
    fileprivate var hidesRequests: Bool {
        switch self {
        case .upgrade, .connect, .wholeConnection: false
        default: true
        }
    }
}
