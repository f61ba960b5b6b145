import ClusterFaults
import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// Roll-outs, evictions, scaling, a drain, a dead Pod and a cut tunnel, with an intercept and without one: who notices?
struct DisruptionScenario {
    static let namespace = "reliability-disruptions"
    /// What a count of one is.
    static let rounds = [Disruption.plain, Disruption.intercepted, Disruption.deaths]

    let stage: Stage
    let rate: Int
    let say: @Sendable (String) -> Void

    /// Makes a namespace, and as many rounds of each kind there as are asked for and there is time for.
    func run(_ count: Int, until last: ContinuousClock.Instant) async throws -> [JSONValue] {
        let leaf = try await OwnLeaf(in: Self.namespace, replicas: 2, grace: 30)
        let result = await Result { () async throws -> [JSONValue] in
            // What a workload has that is to survive a drain.
            let budget: JSONValue = [
                "apiVersion": .string(try await Cluster.policyVersion()), "kind": "PodDisruptionBudget",
                "metadata": ["name": "leaf"],
                "spec": ["maxUnavailable": 1, "selector": ["matchLabels": ["app": "leaf"]]],
            ]
            try await Cluster.apply([budget], in: Self.namespace)
            let before = try await leaf.snapshot()
            let api = try await FaultyAPI.start([])
            let client = try KubernetesClient(try ClusterConnection.load())
            let names = InterceptNames(namespace: Self.namespace, service: "leaf")
            let watch = ServiceWatch(client: client, names: names)
            let runs = await Result {
                try await watch.following {
                    var runs: [JSONValue] = []
                    for _ in 0..<count where ContinuousClock.now < last {
                        for steps in Self.rounds {
                            let ground = DisruptionGround(
                                leaf: leaf,
                                developer: self.stage.ada,
                                api: api,
                                before: before,
                                rate: self.rate,
                                http: self.stage.http
                            )
                            runs.append(try await self.round(steps, ground, watch))
                            self.say(
                                "disruptions \(runs.count) of \(Self.rounds.count * count): \(runs.last?.compact ?? "")"
                            )
                        }
                    }
                    return runs
                }
            }
            await api.stop()
            try? await client.shutdown()
            return try runs.get()
        }
        try? await leaf.remove()
        return try result.get()
    }

    private func round(
        _ steps: [Disruption],
        _ ground: DisruptionGround,
        _ watch: ServiceWatch
    ) async throws -> JSONValue {
        watch.forget()
        let (began, brokenBefore) = (ContinuousClock.now, watch.broken)
        var outcome = Stage.Outcome()
        let isIntercepted = steps.contains { $0.kind == .start }
        outcome.measured["intercepted"] = .bool(isIntercepted)
        let round = DisruptionRound(ground: ground, say: self.say)
        do {
            try await round.run(steps)
        } catch is CancellationError {
            await round.abandon()
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            outcome.problems.append("\(error)")
            await round.abandon()
        }
        outcome.measured["steps"] = .array(round.results)
        outcome.problems += round.problems
        outcome.residue = try await Cluster.residue(of: "leaf", in: Self.namespace, butEnding: true)
        outcome.residue += try await ground.leaf.snapshot().differences(from: ground.before).map(\.description)
        let deadEnds = watch.history.deadEnds(since: began)
        if !deadEnds.isEmpty { outcome.problems.append("the Service had no endpoint, \(deadEnds.count) times") }
        // Where servers die watches do.
        if watch.broken > brokenBefore, steps != Disruption.deaths {
            outcome.problems.append("a watch broke; this round was not seen whole")
        }
        if !outcome.residue.isEmpty { try await ground.clear() }
        return outcome.json
    }
}
