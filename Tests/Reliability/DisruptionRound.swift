import ClusterTestSupport
import Foundation
import KubernetesModel
import Synchronization

/// One step after the other, with bystanders all the while: those of a step are ended when those of the next have begun.
final class DisruptionRound: Sendable {
    private struct State: Sendable {
        var results: [JSONValue] = []
        var problems: [String] = []
        var command: RunningProcess?
        var bystanders: Bystanders?
    }

    private let ground: DisruptionGround
    private let say: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(ground: DisruptionGround, say: @escaping @Sendable (String) -> Void) {
        self.ground = ground
        self.say = say
    }

    /// What is known of each step.
    var results: [JSONValue] { self.state.withLock { $0.results } }
    var problems: [String] { self.state.withLock { $0.problems } }

    /// Runs them, with a developer's requests too where there is an intercept.
    func run(_ steps: [Disruption]) async throws {
        self.state.withLock { $0.bystanders = nil }
        try await self.bystand()
        let prober = self.ground.prober()
        async let _: Void = prober.run()
        for (index, step) in steps.enumerated() {
            let began = ContinuousClock.now
            try await self.perform(step, prober)
            // What comes late, from connections or rules that were there before, is of this step too.
            try await Task.sleep(for: .seconds(2))
            let seconds = (ContinuousClock.now - began).seconds
            let done = self.state.withLock { $0.bystanders }
            if index + 1 < steps.count { try await self.bystand() }
            var result: JSONValue = ["step": .string(step.name), "took_s": .seconds(seconds)]
            result["bystanders"] = .array(try await done?.finish() ?? [])
            let matching = prober.answers.filter { $0.received >= began }
            result["matching"] = self.fate(of: matching)
            let lost = matching.compactMap(\.failure)
            self.state.withLock { state in
                state.results.append(result)
                // Without an intercept this is what the workload loses by itself.
                if state.command != nil, step.isGraceful, let first = lost.first {
                    state.problems.append("\(step.name): \(lost.count) matching requests lost: \(first)")
                }
            }
            self.say("disruptions: \(result.compact)")
        }
    }

    /// Ends what a round that failed has left running.
    func abandon() async {
        let (command, bystanders) = self.state.withLock { ($0.command, $0.bystanders) }
        bystanders?.abandon()
        command?.signal(SIGINT)
        _ = await command?.ended(within: .seconds(60))
        try? await self.ground.clear()
    }

    private func bystand() async throws {
        let next = try await self.ground.bystanders()
        self.state.withLock { $0.bystanders = next }
    }

    private func fate(of answers: [Prober.Answer]) -> JSONValue {
        func count(_ holds: (Prober.Answer) -> Bool) -> JSONValue { .integer(Int64(answers.count(where: holds))) }
        return [
            "requests": .integer(Int64(answers.count)), "failed": count { $0.failure != nil },
            "laptop": count { $0.by == self.ground.developer.answer },
            "original": count { $0.by?.hasPrefix("leaf/leaf-") == true },
        ]
    }

    private func perform(_ step: Disruption, _ prober: Prober) async throws {
        switch step.kind {
        case .wait: try await Task.sleep(for: .seconds(10))
        case .start:
            let command = try self.ground.launch()
            self.state.withLock { $0.command = command }
            try await command.says("ready:", within: .seconds(90))
        case .restart: try await self.ground.restart(step.target)
        case .evict:
            for pod in try await self.ground.pods(step.target) { try await self.ground.evict(pod, step.target) }
        case .scale:
            for replicas in [3, 1, 2] { try await self.ground.scale(step.target, to: replicas) }
        case .kill where step.target == .command:
            guard let command = self.state.withLock({ $0.command }) else { return }
            command.losePower()
            try await Cluster.nothingIsLeft(of: "leaf", in: self.ground.leaf.namespace, butEnding: true)
            return
        case .kill: try await self.ground.kill(step.target)
        case .cut: try await self.ground.cutTunnel()
        case .drain: try await self.ground.drain()
        case .stop:
            guard let command = self.state.withLock({ $0.command }) else { return }
            command.signal(SIGINT)
            let status = await command.ended(within: .seconds(60))
            guard status == 0 else {
                throw Trouble("the command's exit status is \(status): \(command.errors.suffix(400))")
            }
            try await Cluster.nothingIsLeft(of: "leaf", in: self.ground.leaf.namespace, butEnding: true)
            return
        }
        // Redundant again, before the next.
        guard let command = self.state.withLock({ $0.command }) else { return }
        if let status = command.status { throw Trouble("the command ended (\(status)): \(command.errors.suffix(400))") }
        try await self.ground.rolledOut(.interceptor)
        _ = try await prober.answer("the laptop answers", since: .now, within: .seconds(30)) {
            $0.by == self.ground.developer.answer
        }
    }
}
