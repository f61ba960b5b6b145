public import TrafficMatch

/// What arrived at an intercepted Service and what became of it, in numbers and in words.
public struct TrafficReport: Sendable, Hashable {
    /// What the replicas saw.
    public var sightings: RouteSightings
    /// What the intercept takes.
    public var match: RequestMatch
    /// The Service, `namespace/name`.
    public var service: String
    /// Connections to the original's Pods that are older than the swap and go around the interceptor; nil when that is
    /// not known.
    public var olderConnections: Int?

    /// A report by its parts.
    public init(sightings: RouteSightings, match: RequestMatch, service: String, olderConnections: Int? = nil) {
        self.sightings = sightings
        self.match = match
        self.service = service
        self.olderConnections = olderConnections
    }

    /// What was seen, as in `0 of 412 requests carried x-c6o-intercept; 412 carried traceparent`.
    public var message: String {
        var facts = self.arrivals
        if self.sightings.diverted == 0 {
            switch self.olderConnections {
            case nil: facts.append("connections that are older than the swap go on to the original")
            case 0?: facts.append("no connection is older than the swap")
            case let count?:
                facts.append(
                    "\(Self.count(count, "connection")) \(count == 1 ? "is" : "are") older than the swap and "
                        + "\(count == 1 ? "goes" : "go") on to the original"
                )
            }
        }
        return facts.joined(separator: "; ")
    }

    /// What to do about it; nil when nothing is to be mended.
    public var mend: String? {
        let seen = self.sightings
        guard seen.diverted == 0 else { return nil }
        if seen.requests == 0 { return self.mendOfSilence }
        if seen.matched > 0 || seen.unsampled > 0 { return nil }
        return self.mendOfMisses
    }

    static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    /// Counts by word, the largest first: `5 local-refused, 1 route-down`.
    static func list(_ counts: [String: Int]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }.joined(
            separator: ", "
        )
    }
}

extension TrafficReport {
    private var arrivals: [String] {
        let seen = self.sightings
        guard seen.requests > 0 else { return [self.silence] }
        guard !self.match.takesEverything else {
            return ["this machine took \(seen.matched) of \(Self.count(seen.requests, "connection"))"]
        }
        if seen.matched > 0 {
            var facts = ["this machine answered \(seen.diverted) of \(Self.count(seen.requests, "request"))"]
            if !seen.fallbacks.isEmpty { facts.append("others matched and fell back (\(Self.list(seen.fallbacks)))") }
            return facts
        }
        var facts = self.misses
        if seen.unsampled > 0 { facts.append("\(seen.unsampled) matched and were not in the sample") }
        if seen.yielded > 0 { facts.append("\(seen.yielded) went to an intercept that was here first") }
        return facts
    }

    private var silence: String {
        let seen = self.sightings
        if !seen.unread.isEmpty {
            return
                "\(Self.count(seen.unread.values.reduce(0, +), "connection")) arrived at \(self.service), and none could be "
                + "read as HTTP requests (\(Self.list(seen.unread)))"
        }
        if seen.connections > 0 {
            return
                "\(Self.count(seen.connections, "connection")) arrived at \(self.service), and no request on any of them"
        }
        return "no request has arrived at \(self.service) since it is intercepted"
    }

    private var mendOfSilence: String {
        if !self.sightings.unread.isEmpty {
            return "a header cannot be seen in them; --all takes whole connections, whatever they speak"
        }
        if self.olderConnections == 0 {
            return
                "does anybody call \(self.service)? Callers that go around the Service, to its Pods or another name, "
                + "are not intercepted"
        }
        return
            "a caller that keeps its connections open must open a new one: restart the caller, or what the Service "
            + "leads to with --restart-target, or wait until its idle connections end"
    }
}
