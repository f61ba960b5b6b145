import KubernetesModel

/// What bystanders lost, and where they may lose something.
extension Bars {
    /// How many requests of bystanders there have to be, and at which rate, a second.
    private static let (requests, rate): (Int64, Double) = (600_000, 1_000)

    /// Requests that were lost by nothing that may lose any: those asked for at a high rate, and the rest.
    static func bystanders(_ document: JSONValue) -> [Line] {
        let sections = document["scenarios"]?.object ?? [:]
        let batches = sections.values.flatMap { $0["batches"]?.array ?? [] }
        guard !batches.isEmpty else { return [] }
        func sum(fast: Bool) -> Loss {
            let chosen = batches.filter { (($0["rate"]?.number ?? 0) >= Self.rate) == fast }
            return Loss(chosen.flatMap { $0["bystanders"]?.array ?? [] })
        }
        let (fast, rest) = (sum(fast: true), sum(fast: false))
        let shown = [Int64(Self.rate), Self.requests].map { Self.count(.integer($0)) }
        var lines = [
            Line(
                what: "requests of bystanders that failed, were altered or sent again, of those asked for at "
                    + "≥ \(shown[0]) a second, in all scenarios (without SIGKILL of an interceptor and half a selector: "
                    + "rows of their own)",
                bar: "0 of ≥ \(shown[1])",
                measured: fast.text,
                isMet: fast.bad == 0 && fast.of >= Self.requests
            )
        ]
        if rest.of > 0 {
            lines.append(
                Line(what: "… of those at a lower rate", bar: "0", measured: rest.text, isMet: rest.bad == 0)
            )
        }
        return lines + Self.lostWithTheDead(sections["kills"]?["contexts"])
    }

    /// What was on the connections of interceptors that got SIGKILL at a kill point.
    private static func lostWithTheDead(_ contexts: JSONValue?) -> [Line] {
        func total(_ name: String) -> Int64 {
            (contexts?.object ?? [:]).values.reduce(0) { $0 + ($1[name]?.integer ?? 0) }
        }
        guard total("asked_meanwhile") > 0 else { return [] }
        let measured = "\(total("lost")) of \(Self.count(.integer(total("asked_meanwhile"))))"
        return [
            Line(
                what: "… lost by SIGKILL of an interceptor at a kill point",
                bar: "none",
                measured: measured,
                isMet: true
            )
        ]
    }

    /// What was lost by disruptions, beside what is lost by the same without an intercept. The steps are named that there were.
    static func disruptions(_ steps: JSONValue?) -> [Line] {
        guard let intercepted = steps?["intercepted"]?.object, let plain = steps?["plain"]?.object else { return [] }
        func sum(_ steps: [String: JSONValue], graceful: Bool) -> Loss {
            Loss(Array(steps.filter { Disruption.isGraceful($0.key) == graceful }.values))
        }
        func measured(graceful: Bool) -> String {
            let (ours, others) = (sum(intercepted, graceful: graceful), sum(plain, graceful: graceful))
            let longest = ours.longest.map { "; the slowest took \(Self.seconds(.double($0 / 1_000)))" } ?? ""
            return "\(ours.text) (the same without an intercept: \(others.text))\(longest)"
        }
        func isThere(_ step: String) -> Bool { (intercepted[step]?["requests"]?.integer ?? 0) > 0 }
        let names = Disruption.gracefulSteps.filter(isThere)
        let missing = Disruption.gracefulSteps.filter { !isThere($0) }
        var lines = [
            Line(
                what: "bystanders' requests lost by disruptions with an intercept (\(names.joined(separator: ", ")))",
                bar: "0",
                measured: measured(graceful: true)
                    + (missing.isEmpty ? "" : "; not measured: \(missing.joined(separator: ", "))"),
                isMet: sum(intercepted, graceful: true).bad == 0 && missing.isEmpty
            )
        ]
        if isThere("kill interceptor") {
            let what = "… by SIGKILL of one of two interceptors"
            lines.append(Line(what: what, bar: "none", measured: measured(graceful: false), isMet: true))
        }
        return lines
    }
}

/// What became of the requests of some loads.
private struct Loss {
    var bad: Int64 = 0
    var of: Int64 = 0
    /// How long the slowest took, in milliseconds, where that was noted.
    var longest: Double?

    init(_ loads: [JSONValue]) {
        for load in loads {
            for name in ["failed", "altered", "retried"] { self.bad += load[name]?.integer ?? 0 }
            self.of += load["requests"]?.integer ?? 0
        }
        self.longest = loads.compactMap { $0["max_ms"]?.number }.max()
    }

    var text: String { "\(self.bad) of \(Bars.count(.integer(self.of)))" }
}
