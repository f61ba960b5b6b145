import ClusterTestSupport
import Foundation
import InterceptPlanning
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

        /// Notes what was seen of a lane after its last cycle.
        func addLate(of stage: Stage) { self.state.withLock { stage.addLate(to: &$0.runs) } }

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
        try await self.withLanes(log, limit: .seconds(60 * (count + 10)), [])
        return log.results
    }

    /// Sets up one lane inside the other, so that what is counted first and last is counted while all are there and idle: else
    /// leaves and bystanders of this measurement would be among it, or hide what has grown.
    private func withLanes(_ log: Log, limit: Duration, _ stages: [Stage]) async throws {
        guard stages.count < Self.lanes else { return try await self.cycles(log, stages) }
        let (_, bystanders) = try await self.stage.elsewhere(
            "soak-\(stages.count + 1)",
            rate: max(2, self.rate / Self.lanes),
            pause: .milliseconds(30),
            limit: limit
        ) { stage, _ in
            try await self.withLanes(log, limit: limit, stages + [stage])
        }
        log.take(bystanders: bystanders)
    }

    private func cycles(_ log: Log, _ stages: [Stage]) async throws {
        let first = try await self.settled(cycles: 0) { Growth.ofSoak([$1, $0]) == [:] }
        log.take(sample: first)
        let starts = OneAtATime()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for stage in stages {
                group.addTask { try await self.lane(stage, log, starts) }
            }
            try await group.waitForAll()
        }
        for stage in stages {
            // Pods that were ending, and what only they own, have to be gone in the end too.
            let namespace = stage.names.namespace
            try await Cluster.nothingIsLeft(of: "leaf", in: namespace, within: .seconds(150), every: .seconds(1))
            log.addLate(of: stage)
        }
        log.take(sample: try await self.settled(cycles: log.results.runs.count) { Growth.ofSoak([first, $1]) == [:] })
    }

    private func lane(_ stage: Stage, _ log: Log, _ starts: OneAtATime) async throws {
        while log.claim() {
            let run = try await CycleScenario(stage: stage, starts: starts).run()
            let made = log.take(run)
            if made.isMultiple(of: Self.interval) {
                log.take(sample: try await self.sample(cycles: made))
                self.say("soak \(made): \(run.compact)")
            }
        }
    }

    /// The first sample that is as it has to be, or the one a minute later: garbage collection and idle connections take their time.
    ///
    /// - Parameter isSettled: whether it is, with the one before.
    private func settled(
        cycles: Int,
        _ isSettled: (_ before: JSONValue, _ now: JSONValue) -> Bool
    ) async throws -> JSONValue {
        let deadline = ContinuousClock.now + .seconds(60)
        var before = try await self.sample(cycles: cycles)
        while true {
            try await Task.sleep(for: .seconds(3))
            let now = try await self.sample(cycles: cycles)
            if isSettled(before, now) || ContinuousClock.now > deadline { return now }
            before = now
        }
    }

    /// The kinds of objects that an intercept makes, or that Kubernetes makes of those.
    private static let kinds = [
        "sessions.detour.dev", "configmaps", "roles", "rolebindings", "serviceaccounts", "secrets", "deployments",
        "replicasets", "pods", "poddisruptionbudgets", "services",
    ]

    /// What could have stayed behind: processes, objects of all namespaces, rules and sockets of the node. And, to be shown, what
    /// memory the cluster's own programs have.
    private func sample(cycles: Int) async throws -> JSONValue {
        var sample: JSONValue = ["cycles": .integer(Int64(cycles)), "at": Machine.date()]
        sample["processes"] = .integer(Int64(Footprint.count(of: Cluster.detour)))
        let names = try await Cluster.kubectl("get", Self.kinds.joined(separator: ","), "-A", "-o", "name")
        for (kind, count) in Growth.kinds(names) { sample[kind] = .integer(count) }
        let rules = try await Shell.must(Cluster.script, "node", "sh", "-c", "iptables-save | wc -l")
        let sockets = try await Shell.must(Cluster.script, "node", "cat", "/proc/net/sockstat")
        guard let rules = Int64(rules.trimmingCharacters(in: .whitespacesAndNewlines)),
            let inUse = sockets.firstMatch(of: #/TCP: inuse (\d+)/#).flatMap({ Int64($0.1) })
        else { throw Trouble("the node does not tell its rules or sockets: '\(rules)', '\(sockets)'") }
        (sample["rules"], sample["sockets"]) = (.integer(rules), .integer(inUse))
        sample["memory_kib"] = Footprint.memory(of: ["kube-apiserver", "kubelet", "containerd"])
        return sample
    }
}
