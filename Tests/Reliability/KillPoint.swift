import APIFaults
import KubernetesModel
import TestSupport

/// A moment in the life of a command: one request to the API server, before that has done it or after, or one system call.
///
/// A request is told by verb, resource, and which of its kind it is; numbered in a row it could not be found again, because
/// requests of a command run side by side.
struct KillPoint: Sendable, Hashable {
    var context: Context
    /// Verb and resource, as ``APIRequest`` has them; the name of a system call in ``Context/syscalls``.
    var request: String
    /// Which one of these, from 1; of system calls, of one thread's.
    var occurrence: Int
    var moment: Fault.Moment

    /// Whether it is one of these requests, each with its verb or without it; any is where none is named, and a system call
    /// and a moment after a power cut always.
    func concerns(_ requests: [String]) -> Bool {
        requests.isEmpty || self.rule == nil
            || requests.contains { self.request == $0 || self.request.hasSuffix(" \($0)") }
    }

    /// The rule by which the proxy strikes there, once; nil where it does not.
    var rule: String? {
        guard self.context != .syscalls, self.context != .powercut else { return nil }
        let fault: Fault = self.context.prey == .command ? .kill(self.moment) : .strike(self.moment)
        return "\(self.request) #\(self.occurrence) x1: \(fault)"
    }

    /// How long after a power cut its interceptor dies.
    var delay: Duration { .milliseconds(self.context == .powercut ? self.occurrence : 0) }

    /// The moments after a power cut at which an interceptor dies, each another one, from at once until all is restored without it.
    static func powerCuts(_ count: Int, seed: UInt64) -> [KillPoint] {
        var random = SplitMix64(seed: seed)
        let moments = Array(0...(KillLane.ttl + 4) * 1_000).shuffled(using: &random).prefix(count)
        return moments.map { KillPoint(context: .powercut, request: "milliseconds", occurrence: $0, moment: .after) }
    }

    var json: JSONValue {
        [
            "context": .string(self.context.rawValue), "request": .string("\(self.request) #\(self.occurrence)"),
            "moment": .string(self.moment.rawValue),
        ]
    }

    /// The points of a life that was recorded.
    ///
    /// - Parameters:
    ///   - requests: all that it asked for, in order.
    ///   - told: how many of these it had asked for when it got its Ctrl-C.
    ///   - alone: how many it had asked for when whoever dies was first there.
    static func points(of requests: [APIRequest], told: Int, alone: Int = 0, in context: Context) -> [KillPoint] {
        var seen: [String: Int] = [:]
        var points: [KillPoint] = []
        for (index, request) in requests.enumerated() {
            let name = "\(request)"
            seen[name, default: 0] += 1
            if context == .joining, index >= told { break }
            if context == .leaving, index < told { continue }
            if index < alone { continue }
            points += Fault.Moment.allCases.map {
                KillPoint(context: context, request: name, occurrence: seen[name, default: 1], moment: $0)
            }
        }
        return points
    }

    /// How many different points some runs have struck; a life that was over before its point was reached struck none.
    static func distinct(_ runs: [JSONValue]) -> Int { self.different(runs.filter { $0["struck"] == true }) }

    /// How many different points some runs have tried, struck or not; one whose only lives were not seen whole is none.
    static func tried(_ runs: [JSONValue]) -> Int {
        self.different(runs.filter { $0["context"] != nil && $0["unseen"] == nil })
    }

    private static func different(_ runs: [JSONValue]) -> Int {
        let names = ["context", "request", "moment"]
        return Set(runs.map { run in names.map { run[$0]?.string ?? "" } }).count
    }

    /// Whether a run's point is at a request that changes something in the cluster; most points are where a command only looks.
    static func isAtChange(_ run: JSONValue) -> Bool {
        let words = (run["request"]?.string ?? "").split(separator: " ")
        guard words.count > 1, ["create", "update", "patch", "delete", "deletecollection"].contains(words[0]) else {
            return false
        }
        // These ask what one may do, and for a connection.
        return !words[1].hasSuffix("reviews") && words[1] != "pods/portforward"
    }

    /// Whether somebody was struck while the Service was swapped.
    static func isWhileSwapped(_ run: JSONValue) -> Bool { run["swapped"] == true }

    /// What became of some runs, context by context: different points, those at changes and while the Service was swapped,
    /// those that were not restored, and what was lost where somebody loses what the dead held.
    static func byContext(_ runs: [JSONValue]) -> JSONValue {
        let groups = Dictionary(grouping: runs.filter { $0["context"] != nil }) { $0["context"]?.string ?? "" }
        return .object(
            groups.mapValues { runs in
                var entry: JSONValue = [
                    "distinct": .integer(Int64(self.distinct(runs))),
                    "changing": .integer(Int64(self.distinct(runs.filter(self.isAtChange)))),
                    "not_restored": .integer(Int64(runs.count { $0["problems"] != nil || $0["residue"] != nil })),
                ]
                if runs.contains(where: { $0["swapped"] != nil }) {
                    entry["swapped"] = .integer(Int64(self.distinct(runs.filter(self.isWhileSwapped))))
                }
                for name in ["asked_meanwhile", "lost", "lost_matching"] {
                    let counts = runs.compactMap { $0[name]?.integer }
                    if !counts.isEmpty { entry[name] = .integer(counts.reduce(0, +)) }
                }
                return entry
            }
        )
    }
}
