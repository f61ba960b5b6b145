import ClusterTestSupport
import Foundation
import KubernetesModel
import Synchronization

/// Starts and ends, hundreds of them, in a few namespaces side by side: does anything stay, or grow?
struct SoakScenario {
    /// How many cycles there are at a time. One starts while others end, for most of an end is waiting.
    static let lanes = 4
    /// After how many cycles the machine is looked at.
    static let interval = 25

    let stage: Stage
    let rate: Int
    let say: @Sendable (String) -> Void

    /// What is still to be done, and what came of the rest.
    private final class Log: Sendable {
        private struct State: Sendable {
            var left: Int
            var runs: [JSONValue] = []
            var samples: [JSONValue] = []
            var bystanders: [JSONValue] = []
        }

        private let state: Mutex<State>
        private let last: ContinuousClock.Instant

        init(_ count: Int, until last: ContinuousClock.Instant) {
            self.state = Mutex(State(left: count))
            self.last = last
        }

        /// Whether there is another cycle to do, which is the caller's then.
        func claim() -> Bool {
            self.state.withLock { state in
                guard state.left > 0, ContinuousClock.now < self.last else { return false }
                state.left -= 1
                return true
            }
        }

        /// How many there are with this one.
        func take(_ run: JSONValue) -> Int {
            self.state.withLock { state in
                state.runs.append(run)
                return state.runs.count
            }
        }

        func take(sample: JSONValue) { self.state.withLock { $0.samples.append(sample) } }
        func take(bystanders: [JSONValue]) { self.state.withLock { $0.bystanders += bystanders } }

        var results: Results {
            self.state.withLock { Results(runs: $0.runs, samples: $0.samples, bystanders: $0.bystanders) }
        }
    }

    /// What a soak has made.
    struct Results: Sendable {
        var runs: [JSONValue]
        var samples: [JSONValue]
        var bystanders: [JSONValue]
    }

    func run(_ count: Int, until last: ContinuousClock.Instant) async throws -> Results {
        let log = Log(count, until: last)
        let starts = OneAtATime()
        log.take(sample: try await self.sample(cycles: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 1...Self.lanes {
                group.addTask { try await self.lane(lane, log, starts, limit: .seconds(60 * (count + 10))) }
            }
            try await group.waitForAll()
        }
        let namespaces = (1...Self.lanes).map(Self.namespace)
        try await Cluster.eventually("the namespaces are gone", within: .seconds(150), every: .seconds(1)) {
            try await Cluster.kubectl(["get", "namespace", "--ignore-not-found"] + namespaces).isEmpty
        }
        log.take(sample: try await self.sample(cycles: log.results.runs.count))
        return log.results
    }

    private func lane(_ number: Int, _ log: Log, _ starts: OneAtATime, limit: Duration) async throws {
        let (_, bystanders) = try await self.stage.elsewhere(
            Self.namespace(number),
            rate: max(2, self.rate / Self.lanes),
            pause: .milliseconds(30),
            limit: limit
        ) { stage, _ in
            while log.claim() {
                let run = try await CycleScenario(stage: stage, starts: starts).run()
                let made = log.take(run)
                if made.isMultiple(of: Self.interval) {
                    log.take(sample: try await self.sample(cycles: made))
                    self.say("soak \(made): \(run.compact)")
                }
            }
        }
        log.take(bystanders: bystanders)
    }

    private static func namespace(_ lane: Int) -> String { "soak-\(lane)" }

    /// What could have stayed behind: of processes, of objects of any kind, of rules and sockets of the node, of the kubelet's memory.
    private func sample(cycles: Int) async throws -> JSONValue {
        var sample: JSONValue = ["cycles": .integer(Int64(cycles)), "at": Machine.date()]
        sample["processes"] = .integer(Int64(Footprint.count(of: Cluster.detour)))
        for kind in ["sessions.detour.dev", "roles", "rolebindings", "serviceaccounts", "deployments", "services"] {
            let all = try await Cluster.kubectl("get", kind, "-A", "-o", "name")
            sample[kind] = .integer(Int64(all.split(separator: "\n").count))
        }
        let rules = try await Shell.must(Cluster.script, "node", "sh", "-c", "iptables-save | wc -l")
        sample["rules"] = Int64(rules.trimmingCharacters(in: .whitespacesAndNewlines)).map { .integer($0) }
        let sockets = try await Shell.must(Cluster.script, "node", "cat", "/proc/net/sockstat")
        sample["sockets"] = sockets.firstMatch(of: #/TCP: inuse (\d+)/#).flatMap { Int64($0.1) }.map { .integer($0) }
        return sample
    }
}
