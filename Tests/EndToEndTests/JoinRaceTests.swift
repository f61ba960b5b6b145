import ClusterTestSupport
import KubernetesModel
import Testing

@testable import reliability

extension InterceptEndToEndTests {
    /// A sample of what `make reliability` does a hundred times.
    @Test(
        "One joins while the last one leaves: he is served, the Service leads somewhere all the time, all is put back",
        .timeLimit(.minutes(5))
    )
    func joinRaces() async throws {
        let seed = UInt64.random(in: 0..<1_000_000_000)
        print("races of joining and leaving: seed \(seed)")
        let (runs, loads) = try await Stage.withStage { stage in
            let bystanders = try await Bystanders.start(stage.shop, rate: 80, limit: .seconds(240))
            defer { bystanders.abandon() }
            var experience = RaceScenario.Experience()
            let runs = try await RaceScenario(stage: stage).run(seed..<seed + 4, &experience)
            return (runs, try await bystanders.finish())
        }
        for run in runs { #expect(run["problems"] == nil && run["residue"] == nil, "\(run)") }
        for load in loads {
            #expect((load["requests"]?.integer ?? 0) > 100, "\(load)")
            for harm in ["failed", "altered", "retried"] { #expect(load[harm] == 0, "\(load)") }
        }
    }
}
