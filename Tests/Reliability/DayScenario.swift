import ClusterTestSupport
import Foundation
import KubernetesModel
import Synchronization

/// A day's traffic in minutes: one developer stays, another comes and goes all the time, and requests never pause.
struct DayScenario {
    static let namespace = "day"
    /// How often processes are looked at.
    static let interval = Duration.seconds(15)
    /// Of how many requests of bystanders there is one for the developer who stays.
    static let share = 10

    let stage: Stage
    let rate: Int
    let say: @Sendable (String) -> Void

    /// What a day has made.
    struct Results: Sendable {
        /// One for each visit.
        var runs: [JSONValue] = []
        /// What the processes had, in order.
        var samples: [JSONValue] = []
        /// What became of the requests of the developer who stays.
        var resident: JSONValue = [:]
        var bystanders: [JSONValue] = []
    }

    func run(minutes: Int) async throws -> Results {
        let length = Duration.seconds(60 * minutes)
        var (results, bystanders) = try await self.stage.elsewhere(
            Self.namespace,
            replicas: 2,
            rate: self.rate,
            pause: .milliseconds(50),
            limit: length + .seconds(900)
        ) { stage, leaf in
            let bob = try await stage.launch(stage.bob)
            defer { bob.signal(SIGINT) }
            var results = try await self.day(length, stage, leaf, bob)
            bob.signal(SIGINT)
            guard await bob.ended(within: .seconds(60)) == 0 else { throw Trouble("bob's command: \(bob.errors)") }
            try await Cluster.nothingIsLeft(of: "leaf", in: Self.namespace, within: .seconds(150), every: .seconds(1))
            stage.addLate(to: &results.runs)
            return results
        }
        results.bystanders = bystanders
        return results
    }

    private func day(
        _ length: Duration,
        _ stage: Stage,
        _ leaf: OwnLeaf,
        _ bob: RunningProcess
    ) async throws -> Results {
        var results = Results()
        try await bob.says("ready:", within: .seconds(90))
        try await stage.probing(stage.bob) { prober in
            _ = try await prober.answer("bob answers", since: bob.startedAt, within: .seconds(30)) {
                $0.by == stage.bob.answer
            }
        }
        // What comes with a first request has to be there already.
        try await Task.sleep(for: .seconds(10))
        results.samples.append(try self.sample(leaf, bob))
        let rate = max(1, self.rate / Self.share)
        let load = try await Load.start(
            leaf.url,
            rate: rate,
            concurrency: 16,
            limit: length + .seconds(600),
            flags: ["--header", "\(stage.bob.header.name):\(stage.bob.header.value)", "--new-connections", "0.5"]
        )
        defer { load.process.signal(SIGKILL) }
        let end = ContinuousClock.now + length
        var sampled = ContinuousClock.now
        while ContinuousClock.now < end {
            let run = try await self.visit(stage)
            results.runs.append(run)
            if run["problems"] != nil || results.runs.count.isMultiple(of: 20) {
                self.say("day, visit \(results.runs.count): \(run.compact)")
            }
            if let status = bob.status { throw Trouble("bob's command ended (\(status)): \(bob.errors.suffix(800))") }
            guard ContinuousClock.now - sampled > Self.interval else { continue }
            sampled = .now
            results.samples.append(try self.sample(leaf, bob))
        }
        let report = try await load.finish()
        // Each has to be answered by their own process.
        results.resident = Bystanders.result("of the developer who stays", rate: rate, report.json) {
            $0 == stage.bob.answer
        }
        // Connections that were kept for the next request end after a while.
        try await Task.sleep(for: .seconds(20))
        results.samples.append(try self.sample(leaf, bob))
        return results
    }

    /// Ada joins, is answered by her own process, and leaves.
    private func visit(_ stage: Stage) async throws -> JSONValue {
        stage.watch.forget()
        var outcome = Stage.Outcome()
        do {
            try await stage.probing(stage.ada) { prober in
                let command = try await stage.launch(stage.ada)
                defer { command.signal(SIGINT) }
                let first = try await prober.answer("ada answers", since: command.startedAt, within: .seconds(60)) {
                    $0.by == stage.ada.answer
                }
                outcome.measured["join_s"] = .seconds((first.received - command.startedAt).seconds)
                try await command.says("ready:", within: .seconds(5))
                let told = ContinuousClock.now
                command.signal(SIGINT)
                let status = await command.ended(within: .seconds(60))
                outcome.measured["ended_after_s"] = .seconds((.now - told).seconds)
                if status != 0 { outcome.problems.append("exit status \(status): \(command.errors.suffix(400))") }
                try await prober.settle()
                if let complaint = prober.complaint { outcome.problems.append("ada: \(complaint)") }
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            outcome.problems.append("\(error)")
        }
        return outcome.json
    }

    /// What the command of who stays has, and the interceptors together.
    private func sample(_ leaf: OwnLeaf, _ bob: RunningProcess) throws -> JSONValue {
        let processes = PodProcesses.ofInterceptors(in: leaf.namespace)
        guard !processes.isEmpty else { throw Trouble("the interceptor has no process on this machine") }
        return [
            "at": Machine.date(), "command": Footprint(of: bob.pid)?.json ?? .null,
            "interceptor": processes.compactMap { Footprint(of: $0) }.reduce(.none, +).json,
        ]
    }
}
