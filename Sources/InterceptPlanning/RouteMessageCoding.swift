public import KubernetesModel
public import TrafficMatch

/// A message as it stands on its line:
///
///     {"pause":true}
///     {"sightings":{"instance":7,"requests":412,"misses":[{"absent":412}],"names":{"traceparent":412},…}}
extension RouteMessage {
    /// Nil when the line is no message that this version knows.
    public init?(line: String) {
        guard let json = try? JSONValue(parsing: line) else { return nil }
        if let isPaused = json["pause"]?.bool {
            self = .pause(isPaused)
        } else if let sightings = json["sightings"], sightings.object != nil {
            self = .sightings(RouteSightings(sightings))
        } else {
            return nil
        }
    }

    /// The message as one line, without its newline.
    public var line: String {
        switch self {
        case .sightings(let sightings): JSONValue.object(["sightings": sightings.json]).compact
        case .pause(let isPaused): JSONValue.object(["pause": .bool(isPaused)]).compact
        }
    }
}

extension RouteSightings {
    /// The numbers by their names; those that are zero are left out.
    private static let numbers: [(name: String, path: any WritableKeyPath<RouteSightings, Int> & Sendable)] = [
        ("instance", \.instance), ("connections", \.connections), ("requests", \.requests), ("matched", \.matched),
        ("diverted", \.diverted), ("unsampled", \.unsampled), ("yielded", \.yielded), ("surveyed", \.surveyed),
    ]
    private static let tallies: [(name: String, path: any WritableKeyPath<RouteSightings, [String: Int]> & Sendable)] =
        [
            ("fallbacks", \.fallbacks), ("unread", \.unread), ("names", \.names),
        ]

    /// Sightings from JSON; what is missing or malformed counts as nothing.
    init(_ json: JSONValue) {
        self.init()
        for (name, path) in Self.numbers { self[keyPath: path] = json[name].count }
        for (name, path) in Self.tallies { self[keyPath: path] = Self.tally(json[name]) }
        self.omitsNames = json["omits-names"] == true
        self.misses = (json["misses"]?.array ?? []).prefix(Self.longestTally).map {
            MatchSurvey.Miss(absent: $0["absent"].count, other: $0["other"].count)
        }
        self.recent = (json["recent"]?.array ?? []).suffix(Self.mostRecent).map { request in
            RecentRequest(
                method: request["method"]?.string ?? "",
                path: request["path"]?.string ?? "",
                status: request["status"].count,
                microseconds: request["microseconds"].count,
                server: request["server"]?.string ?? ""
            )
        }
    }

    /// Entries that are taken of a list or a tally: more than any replica of this version sends.
    private static var longestTally: Int { 256 }

    private static func tally(_ json: JSONValue?) -> [String: Int] {
        let entries = (json?.object ?? [:]).prefix(Self.longestTally).map { ($0.key, $0.value.count) }
        return Dictionary(entries, uniquingKeysWith: { $1 })
    }

    /// The sightings as JSON.
    public var json: JSONValue {
        var members: [String: JSONValue] = [:]
        for (name, path) in Self.numbers where self[keyPath: path] != 0 {
            members[name] = .integer(Int64(self[keyPath: path]))
        }
        for (name, path) in Self.tallies where !self[keyPath: path].isEmpty {
            members[name] = .object(self[keyPath: path].mapValues { .integer(Int64($0)) })
        }
        if self.omitsNames { members["omits-names"] = true }
        if !self.misses.isEmpty {
            members["misses"] = .array(
                self.misses.map { ["absent": .integer(Int64($0.absent)), "other": .integer(Int64($0.other))] }
            )
        }
        if !self.recent.isEmpty { members["recent"] = .array(self.recent.map(\.json)) }
        return .object(members)
    }
}

extension RouteSightings.RecentRequest {
    fileprivate var json: JSONValue {
        [
            "method": .string(self.method), "path": .string(self.path), "status": .integer(Int64(self.status)),
            "microseconds": .integer(Int64(self.microseconds)), "server": .string(self.server),
        ]
    }
}

extension JSONValue? {
    /// A count that can be added to others without an overflow, whatever the replica says.
    fileprivate var count: Int { self.flatMap(\.integer).map { Int(min(max($0, 0), 1 << 40)) } ?? 0 }
}

extension JSONValue {
    fileprivate var count: Int { Optional(self).count }
}
