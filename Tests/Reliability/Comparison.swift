import ClusterTestSupport
import Foundation
import KubernetesModel

/// Measurements beside what they are measured against, in turns, each in a namespace of its own and without other load.
struct Comparison {
    let stage: Stage
    let say: @Sendable (String) -> Void

    /// What an intercept adds, round by round, and what became of the requests meanwhile.
    func latency(
        _ count: Int,
        until last: ContinuousClock.Instant
    ) async throws -> (runs: [JSONValue], bystanders: [JSONValue]) {
        var (runs, bystanders): ([JSONValue], [JSONValue]) = ([], [])
        let leaf = try await OwnLeaf(in: "reliability-latency", replicas: 2)
        let result = await Result { () async throws -> Void in
            let scenario = LatencyScenario(leaf: leaf, developer: self.stage.ada)
            for number in 0..<count where ContinuousClock.now < last {
                let round = try await scenario.run(interceptedFirst: number.isMultiple(of: 2))
                runs.append(round.run)
                bystanders.append(round.bystanders)
                self.say("latency \(runs.count) of \(count): \(round.run.compact)")
            }
        }
        try? await leaf.remove()
        try result.get()
        return (runs, bystanders)
    }

    /// The tunnel beside port-forward, round by round.
    func tunnel(_ count: Int, until last: ContinuousClock.Instant) async throws -> [JSONValue] {
        var runs: [JSONValue] = []
        let leaf = try await OwnLeaf(in: "reliability-tunnel")
        let result = await Result { () async throws -> Void in
            try await Cluster.apply(try await TunnelScenario.objects(), in: leaf.namespace)
            let words = ["rollout", "status", "deployment/\(TunnelScenario.bulk)", "-n", leaf.namespace]
            try await Cluster.kubectl(words + ["--timeout=60s"])
            let fixtures = try Cluster.program("DETOUR_FIXTURES")
            let local = try RunningProcess([fixtures, "serve", "bulk", "--host", "127.0.0.1", "--port", "0"])
            defer { local.signal(SIGKILL) }
            try await local.says("listens on", within: .seconds(5))
            guard let port = local.errors.firstMatch(of: #/listens on 127\.0\.0\.1:(\d+)/#).flatMap({ Int($0.1) })
            else { throw Trouble("no port in: \(local.errors)") }
            let scenario = TunnelScenario(leaf: leaf, developer: self.stage.ada, bulkPort: port)
            for number in 0..<count where ContinuousClock.now < last {
                let run = try await scenario.run(tunnelFirst: !number.isMultiple(of: 2))
                runs.append(run)
                self.say("tunnel \(runs.count) of \(count): \(run.compact)")
            }
        }
        try? await leaf.remove()
        try result.get()
        return runs
    }
}
