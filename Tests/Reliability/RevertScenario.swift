import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// Tools and people who put an intercepted Service back, change it or delete it: who notices, how soon, and what is there then.
struct RevertScenario {
    let stage: Stage
    /// Requests of bystanders a second, all together.
    let rate: Int
    let say: @Sendable (String) -> Void

    /// As many rounds of each kind as are asked for and there is time for: those that yield and those that reassert beside each
    /// other, in namespaces of their own.
    func run(
        _ count: Int,
        until last: ContinuousClock.Instant
    ) async throws -> Results {
        async let first = self.lane(.yield, self.stage.ada, count, last)
        async let second = self.lane(.reassert, self.stage.bob, count, last)
        let (yielding, reasserting) = try await (first, second)
        return Results(
            runs: yielding.runs + reasserting.runs,
            bystanders: yielding.bystanders + reasserting.bystanders,
            ledNowhere: yielding.ledNowhere + reasserting.ledNowhere
        )
    }

    /// What came of the rounds.
    struct Results: Sendable {
        var runs: [JSONValue] = []
        /// What became of the requests of bystanders.
        var bystanders: [JSONValue] = []
        /// The same, while a tool's own write had left the Service without an endpoint.
        var ledNowhere: [JSONValue] = []
    }

    private func lane(
        _ mode: Revert.Mode,
        _ developer: Stage.Developer,
        _ count: Int,
        _ last: ContinuousClock.Instant
    ) async throws -> Results {
        let leaf = try await OwnLeaf(in: "reliability-reverts-\(mode.rawValue)")
        let result = await Result { () async throws -> Results in
            let ground = try await RevertGround(leaf)
            defer { ground.remove() }
            let client = try KubernetesClient(try ClusterConnection.load())
            let watch = ServiceWatch(
                client: client,
                names: InterceptNames(namespace: leaf.namespace, service: "leaf")
            )
            let done = await Result {
                try await watch.following {
                    var results = Results()
                    for revert in Revert.all(mode) where ContinuousClock.now < last {
                        let round = RevertRound(
                            revert: revert,
                            ground: ground,
                            developer: developer,
                            watch: watch,
                            http: self.stage.http,
                            rate: self.rate / 2
                        )
                        try await self.block(round, count, until: last, &results)
                    }
                    return results
                }
            }
            try? await client.shutdown()
            return try done.get()
        }
        try? await leaf.remove()
        return try result.get()
    }

    /// The rounds of one kind.
    private func block(
        _ round: RevertRound,
        _ count: Int,
        until last: ContinuousClock.Instant,
        _ results: inout Results
    ) async throws {
        try await round.ground.prepare(round.revert)
        var (bystanders, ledNowhere): ([JSONValue], [JSONValue]) = ([], [])
        for _ in 0..<count where ContinuousClock.now < last {
            let made = try await round.run()
            results.runs.append(made.run)
            bystanders += made.bystanders
            ledNowhere += made.ledNowhere
            self.say("reverts: \(made.run.compact)")
            if round.revert.deletes { try await round.ground.prepare(round.revert) }
        }
        results.bystanders += self.named(bystanders, round.revert)
        results.ledNowhere += self.named(ledNowhere, round.revert)
    }

    /// The loads of one kind's rounds, by that kind.
    private func named(_ loads: [JSONValue], _ revert: Revert) -> [JSONValue] {
        Bystanders.summed(loads).map { load in
            let what = "\(load["what"]?.string ?? ""): \(revert.kind.rawValue), \(revert.mode.rawValue)"
            return load.merging(["what": .string(what)])
        }
    }
}
