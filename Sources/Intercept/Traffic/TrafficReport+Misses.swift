import TrafficMatch

/// Why nothing matched: which condition failed, and what the requests carried instead.
extension TrafficReport {
    /// Fields that systems with tracing hand on by themselves, those one can put something into first.
    static let propagated = [
        "baggage", "tracestate", "traceparent", "b3", "x-b3-traceid", "x-request-id", "x-correlation-id",
        "x-cloud-trace-context", "x-amzn-trace-id", "uber-trace-id", "x-datadog-trace-id", "grpc-trace-bin",
    ]

    /// What was seen of each condition, then of fields that resemble what is wanted or are handed on anyway.
    var misses: [String] {
        let seen = self.sightings
        let requests = Self.count(seen.surveyed, "request")
        let some =
            seen.surveyed < seen.requests - seen.yielded - seen.unsampled
            ? "\(requests) looked at (of \(seen.requests))" : requests
        var facts = zip(self.match.conditions, seen.misses).map { condition, miss in
            self.fact(condition, miss, of: seen.surveyed, some)
        }
        if seen.surveyed == 0 { facts = ["none of \(Self.count(seen.requests, "request")) matched"] }
        facts += self.lookalikes.map { "\(seen.names[$0] ?? 0) carried \($0)" }
        facts += self.handedOn.map { "\(seen.names[$0] ?? 0) carried \($0)" }
        return facts
    }

    private func fact(_ condition: Condition, _ miss: MatchSurvey.Miss, of surveyed: Int, _ requests: String) -> String
    {
        let good = surveyed - miss.absent - miss.other
        let name: String
        switch condition {
        case .path, .method: return "\(good) of \(requests) had the \(condition)"
        case .header(let header): name = header.name
        case .member(let member): name = "\(member.list.rawValue) \(member.key)"
        }
        switch (good, miss.other) {
        case (0, 0): return "0 of \(requests) carried \(name)"
        case (0, let other): return "\(other) of \(requests) carried \(name), none with the value that is wanted"
        case (let good, 0): return "\(good) of \(requests) carried \(condition)"
        case (let good, let other): return "\(good) of \(requests) carried \(condition), \(other) with another value"
        }
    }

    var mendOfMisses: String {
        let name = self.service.split(separator: "/").last.map(String.init) ?? self.service
        if let typed = self.lookalikes.first {
            return "is '\(typed)' a slip for what this intercept wants? It takes '\(self.match)'"
        }
        let absent = zip(self.match.conditions, self.sightings.misses)
            .first { $1.absent == self.sightings.surveyed && $1.absent > 0 }?.0
        guard let absent, case .header(let header) = absent else {
            return "it takes '\(self.match)'; `detour explain \(name)` tells for one request which condition fails"
        }
        var mend = "whoever calls \(name) must copy \(header.name) from the request it serves to the one it makes"
        switch self.handedOn.first {
        case "baggage": mend += ", or match on what is handed on already: --baggage NAME=VALUE"
        case "tracestate": mend += ", or match on what is handed on already: --tracestate NAME=VALUE"
        case let name?: mend += ", as it does with \(name) (--header-present \(name) would take all that have one)"
        case nil: break
        }
        return mend
    }

    /// Fields that most requests carry and that are not wanted already.
    private var handedOn: [String] {
        Self.propagated.filter { name in
            (self.sightings.names[name] ?? 0) * 2 > self.sightings.surveyed && !self.wantedHeaders.contains(name)
        }
    }

    private var wantedHeaders: [String] {
        self.match.conditions.compactMap { if case .header(let header) = $0 { header.name } else { nil } }
    }

    /// Names that were seen and differ from a wanted one, which was not, by a slip of the finger.
    private var lookalikes: [String] {
        let missing = self.wantedHeaders.filter { self.sightings.names[$0] == nil && $0.count > 4 }
        return self.sightings.names.keys.sorted().filter { seen in
            missing.contains { seen.isSlip(of: $0) }
        }
    }
}

extension String {
    /// Whether one or two letters put in, left out or exchanged make this of `other`, or other separators do.
    fileprivate func isSlip(of other: String) -> Bool {
        func letters(_ text: String) -> [UInt8] {
            text.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }
        }
        let mine = letters(self), theirs = letters(other)
        guard abs(mine.count - theirs.count) <= 2 else { return false }
        // Levenshtein's distance, a row at a time.
        var row = Array(0...theirs.count)
        for (index, letter) in mine.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in theirs.indices {
                let changed = diagonal + (letter == theirs[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = Swift.min(changed, row[column] + 1, diagonal + 1)
            }
        }
        return row[theirs.count] <= 2
    }
}
