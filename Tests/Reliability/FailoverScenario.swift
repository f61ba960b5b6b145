import ClusterTestSupport
import Foundation
import KubernetesModel

/// The laptop loses its power: the original answers at once, and the cluster restores itself.
struct FailoverScenario {
    /// How long the laptop may be gone, in seconds.
    static let ttl = 6

    let stage: Stage

    func run() async throws -> JSONValue {
        try await self.stage.round { outcome in
            try await self.stage.probing(self.stage.ada) { prober in
                let detour = try await self.stage.launch(self.stage.ada, ttl: Self.ttl)
                defer { detour.signal(SIGINT) }
                try await detour.says("ready:", within: .seconds(90))
                _ = try await prober.answer("the laptop answers", since: detour.startedAt, within: .seconds(30)) {
                    $0.by == self.stage.ada.answer
                }
                try await Task.sleep(for: .milliseconds(500))
                try await self.kill(detour, prober, &outcome)
            }
        }
    }

    private func kill(_ detour: RunningProcess, _ prober: Prober, _ outcome: inout Stage.Outcome) async throws {
        let killed = ContinuousClock.now
        detour.losePower()
        let first = try await prober.answer(
            "the original answers",
            since: killed,
            within: .seconds(30),
            where: \.isOfOriginal
        )
        outcome.measured["failover_s"] = .seconds((first.received - killed).seconds)
        let restored = try await self.stage.selectorIsBack(since: killed, within: .seconds(Self.ttl + 30))
        outcome.measured["restore_s"] = .seconds((restored - killed).seconds)
        // Nothing of a dead laptop may be waited for any more, and nobody's request may be lost over it.
        try await prober.settle()
        if let complaint = prober.complaint { outcome.problems.append(complaint) }
        let after = prober.answers.filter { $0.received >= killed }
        if after.contains(where: { $0.sent > first.received && $0.by == self.stage.ada.answer }) {
            outcome.problems.append("the laptop of a command that is dead answered")
        }
        outcome.measured["slowest_s"] = .seconds(after.map { ($0.received - $0.sent).seconds }.max() ?? 0)
    }
}
