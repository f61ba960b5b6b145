import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesModel
import UnixSignals

/// Measures starts, stops, races and deaths on the real cluster, and writes what it found.
///
/// Run by `make reliability`, inside scripts/with-cluster. Ends with 0 where every bar is met, 1 where one is missed or a
/// scenario could not be run; what was measured until then is written all the same.
@main
struct Reliability {
    let settings: Settings
    /// What is measured.
    let build: Build

    static func main() async {
        do {
            let settings = try Settings(
                ProcessInfo.processInfo.environment,
                seed: .random(in: 0..<1_000_000_000),
                output: "/\(Shell.root)/Benchmarks/reliability.json"
            )
            let build = try await Build.read(asksNode: settings.needsCluster)
            let reliability = Reliability(settings: settings, build: build)
            guard try await Self.untilInterrupted({ try await reliability.measure() }) else { exit(1) }
        } catch is CancellationError {
            Self.say("interrupted; what was measured before this scenario is written")
            exit(130)
        } catch {
            Self.say("\(error)")
            exit(1)
        }
    }

    /// Runs `body`, and cancels it at the first signal: it then ends what it has started.
    private static func untilInterrupted(_ body: @escaping @Sendable () async throws -> Bool) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { break }
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    /// Measures all that is asked for; whether every bar is met.
    private func measure() async throws -> Bool {
        Self.say("seed \(self.settings.seed)")
        // Whatever is wrong with the file is better said before an hour than after.
        _ = try Document(at: self.settings.output)
        var asked = Settings.Scenario.allCases.filter { self.settings.counts[$0, default: 0] > 0 }
        if asked.contains(.orders) { try await self.keep(try await self.orders(try self.about(.orders))) }
        // That one needs no cluster.
        asked.removeAll { $0 == .orders }
        let onCluster = asked
        if !onCluster.isEmpty {
            try await Stage.withStage { stage in
                for scenario in onCluster { try await self.keep(try await self.batch(scenario, stage)) }
            }
        }
        let bars = Bars(try Document(at: self.settings.output).json)
        print(bars.markdown)
        let page = URL(filePath: "/\(Shell.root)/docs/reliability.md")
        if self.settings.output.hasPrefix("/\(Shell.root)/Benchmarks/") {
            let renewed = try bars.renewed(try String(contentsOf: page, encoding: .utf8))
            try Data(renewed.utf8).write(to: page)
        }
        return !bars.lines.isEmpty && bars.lines.allSatisfy(\.isMet)
    }

    /// Writes a batch into the file.
    private func keep(_ batch: Document.Batch) async throws {
        let about: [String: JSONValue] = [
            "date": Machine.date(), "command": "make reliability", "machine": try Machine.machine(),
            "versions": try await Machine.versions(),
            "notes": Self.notes,
        ]
        let (output, appends) = (self.settings.output, self.settings.appends)
        var batch = batch
        let problems = self.build.problems(atEnd: try await Build.read(asksNode: self.settings.needsCluster))
        if !problems.isEmpty {
            Self.say("\(batch.scenario.rawValue): \(problems.joined(separator: "; "))")
            batch.about["problems"] = .array(problems.map { .string($0) })
        }
        try Document.renew(at: output, with: batch, appends: appends, about: about)
    }

    /// What is known of a batch before it begins.
    private func about(_ scenario: Settings.Scenario) throws -> JSONValue {
        var about: JSONValue = [
            "date": Machine.date(), "command": .string(self.settings.command),
            "load_average_before": try Machine.loadAverage(),
        ]
        for (key, value) in self.build.members { about[key] = value }
        if scenario != .orders { about["rate"] = .integer(Int64(self.settings.rate)) }
        if scenario == .failovers { about["ttl_s"] = .integer(Int64(FailoverScenario.ttl)) }
        if [.races, .kills, .orders].contains(scenario) { about["seed"] = .integer(Int64(self.settings.seed)) }
        return about
    }

    /// Runs one scenario as often as is asked for, with bystanders all the while.
    private func batch(_ scenario: Settings.Scenario, _ stage: Stage) async throws -> Document.Batch {
        let count = self.settings.counts[scenario, default: 0]
        var about = try self.about(scenario)
        if scenario == .kills { return try await self.kills(about, stage) }
        if scenario == .disruptions { return try await self.disruptions(about, count, stage) }
        if scenario == .soak { return try await self.soak(about, count, stage) }
        if scenario == .day { return try await self.day(about, count, stage) }
        if scenario == .latency || scenario == .tunnel { return try await self.compare(scenario, about, count, stage) }
        if scenario == .laptop { return try await self.laptop(about, count, stage) }
        if scenario == .reverts { return try await self.reverts(about, count, stage) }
        let objects = try await Self.objects()
        let bystanders = try await Bystanders.start(
            stage.shop,
            rate: self.settings.rate,
            limit: .seconds(120 * (count + 1))
        )
        defer { bystanders.abandon() }
        var runs: [JSONValue] = []
        var experience = RaceScenario.Experience()
        let last = ContinuousClock.now + .seconds(60 * self.settings.minutes)
        while runs.count < count, ContinuousClock.now < last {
            let done: [JSONValue]
            switch scenario {
            case .cycles: done = [try await CycleScenario(stage: stage).run()]
            case .failovers: done = [try await FailoverScenario(stage: stage).run()]
            case .kills, .disruptions, .latency, .tunnel, .soak, .day, .orders, .laptop, .reverts: continue
            case .races:
                let seeds = (runs.count..<min(runs.count + RaceScenario.chain, count)).map {
                    self.settings.seed &+ UInt64($0)
                }
                done = try await RaceScenario(stage: stage).run(seeds, &experience)
            }
            for run in done {
                runs.append(run)
                Self.say("\(scenario.rawValue) \(runs.count) of \(count): \(run.compact)")
            }
        }
        try await Cluster.nothingIsLeft(of: stage.names.service, within: .seconds(150), every: .milliseconds(500))
        stage.addLate(to: &runs)
        about["load_average_after"] = try Machine.loadAverage()
        let results = try await bystanders.finish()
        (about["asked"], about["made"]) = (.integer(Int64(count)), .integer(Int64(runs.count)))
        about["objects"] = ["before": .integer(Int64(objects)), "after": .integer(Int64(try await Self.objects()))]
        return Document.Batch(scenario: scenario, about: about, runs: runs, bystanders: results)
    }

    /// Kills the command at every point that is asked for.
    private func kills(_ start: JSONValue, _ stage: Stage) async throws -> Document.Batch {
        let results = try await KillScenario(stage: stage, settings: self.settings, say: Self.say).run()
        var about = try Self.finished(start, asked: results.asked, made: KillPoint.tried(results.runs))
        about["ttl_s"] = .integer(Int64(KillLane.ttl))
        about["rate"] = .integer(Int64(KillScenario.rate * self.settings.lanes))
        about["points"] = .integer(Int64(results.points))
        return Document.Batch(scenario: .kills, about: about, runs: results.runs, bystanders: results.bystanders)
    }

    /// Disturbs a Service of its own.
    private func disruptions(_ start: JSONValue, _ count: Int, _ stage: Stage) async throws -> Document.Batch {
        let scenario = DisruptionScenario(stage: stage, rate: self.settings.rate, say: Self.say)
        let runs = try await scenario.run(count, until: .now + .seconds(60 * self.settings.minutes))
        let about = try Self.finished(start, asked: DisruptionScenario.rounds.count * count, made: runs.count)
        let bystanders = Disruption.bystanders(runs)
        return Document.Batch(scenario: .disruptions, about: about, runs: runs, bystanders: bystanders)
    }

    /// Compares, in rounds, in a namespace of its own and without other load.
    private func compare(
        _ scenario: Settings.Scenario,
        _ start: JSONValue,
        _ count: Int,
        _ stage: Stage
    ) async throws -> Document.Batch {
        let last = ContinuousClock.now + .seconds(60 * self.settings.minutes)
        let comparison = Comparison(stage: stage, say: Self.say)
        let (runs, bystanders): ([JSONValue], [JSONValue])
        if scenario == .latency {
            (runs, bystanders) = try await comparison.latency(count, until: last)
        } else {
            (runs, bystanders) = (try await comparison.tunnel(count, until: last), [])
        }
        var about = try Self.finished(start, asked: count, made: runs.count)
        about["rate"] = scenario == .latency ? .integer(Int64(LatencyScenario.rate)) : nil
        return Document.Batch(scenario: scenario, about: about, runs: runs, bystanders: bystanders)
    }

    /// Has laptops go away and come back.
    private func laptop(_ start: JSONValue, _ count: Int, _ stage: Stage) async throws -> Document.Batch {
        let (lengths, rate) = (self.settings.lengths, self.settings.rate)
        let scenario = LaptopScenario(stage: stage, lengths: lengths, rate: rate, say: Self.say)
        let (runs, bystanders) = try await scenario.run(count, until: .now + .seconds(60 * self.settings.minutes))
        var about = start
        (about["away_s"], about["asleep_s"]) = (.integer(Int64(lengths.away)), .integer(Int64(lengths.asleep)))
        about["expiring_ttl_s"] = .integer(Int64(Absence.ttl(lengths, expires: true)))
        about["load_average_after"] = try Machine.loadAverage()
        (about["asked"], about["made"]) = (.integer(Int64(count)), .integer(Int64(runs.count)))
        return Document.Batch(scenario: .laptop, about: about, runs: runs, bystanders: bystanders)
    }

    /// Has others put the Service back.
    private func reverts(_ start: JSONValue, _ count: Int, _ stage: Stage) async throws -> Document.Batch {
        let scenario = RevertScenario(stage: stage, rate: self.settings.rate, say: Self.say)
        let results = try await scenario.run(count, until: .now + .seconds(60 * self.settings.minutes))
        let asked = count * Revert.Kind.allCases.count * Revert.Mode.allCases.count
        var about = start
        about["load_average_after"] = try Machine.loadAverage()
        (about["asked"], about["made"]) = (.integer(Int64(asked)), .integer(Int64(results.runs.count)))
        about["bystanders_led_nowhere"] = .array(results.ledNowhere)
        return Document.Batch(scenario: .reverts, about: about, runs: results.runs, bystanders: results.bystanders)
    }

    /// How many objects there are in the shop's namespace, events aside.
    private static func objects() async throws -> Int {
        let names = try await Cluster.inventory(of: "shop", with: ["pod", "replicaset", "endpoints", "secret"])
        return names.split(separator: "\n").count
    }

    private static let notes: JSONValue = [
        "Each round, and each chain of ten races, begins and ends with nothing of Detour in the namespace but Pods that are ending and what only they own; the image is on the node.",
        "start_s: from the start of the process to the first answer of the laptop to a matching request on a new connection; one is asked about every 15 ms. stop_s: from Ctrl-C to the watch's news that the selector is what it was.",
        "failover_s: from SIGKILL to the first matching request that the original answers. restore_s: to the selector.",
        "races: another command joins while the last one leaves, aim_s after its Ctrl-C as far as that can be aimed at. joined: into the Session that was there; waited: for a closing one; alone: it was gone.",
        "kills: a point is a context, a request (verb, resource, which of its kind) and a moment; one that was not reached (struck: false) is not counted among the distinct ones. restored_s: from SIGKILL until the Service and its Endpoints were what they were, or the victim's route was out of the Session where somebody else intercepts too; cleared_s: until nothing was left but Pods that are ending and what only they own; in pods, evictions, apiserver and etcd the command lives on, and both are from its Ctrl-C. back_s: from the strike to the laptop's next answer. lost, lost_matching: requests of bystanders, of asked_meanwhile, and matching ones that SIGKILL of an interceptor lost; they are not in failed_requests. status: of the command. guardian_s: from SIGKILL until the command's guardian was ended, where it was still there after all of this had been looked at. swapped: whether the Service was when somebody was struck. changing: points at requests that change something. made: different points tried. restart_s: from that SIGKILL until the kubelet had started the container again.",
        "disruptions: plain is a round without an intercept, in which the same is done to the workload's Pods that is done to the interceptor's in the other; both have two, and a budget. A step's bystanders are those that were sent from its beginning to 2 s after its end. Of steps in which Pods are told before they end (all but kill) those with an intercept are counted in requests and failed_requests; kill is on its own, beside the same without an intercept. max_ms: the slowest request; one is given up after 29 s, so that a slow one is good until then.",
        "latency: the load generator sends 1,000 requests a second on 16 kept connections for 10 s, from this machine to the Service by a relay into the node, without an intercept and with one, in turns; from when a request was due to the whole answer. added: the difference in a round. The figures are medians of the rounds.",
        "tunnel: port-forward is the client on this machine, kubectl port-forward, API server, kubelet, the server in a Pod; the tunnel is the client on the node, the Service, an interceptor Pod, kubelet, API server, detour intercept, the server on this machine. Both pass the same API server and kubelet into a Pod; what is a download through one runs the other way on that stretch through the other. Bodies of 256 MiB, every byte checked; then 64 clients for 8 s, a new connection for each request. Only what the other end answered counts. The ratios are medians of the rounds' ratios.",
        "soak: cycles as above, in four namespaces side by side, each with a leaf of its own; one starts at a time, while others end. growth names what there is more of at the end than before: processes of the command, objects of any namespace, rules of the node, and its TCP sockets where there are more than 30 more. The first and the last sample are of idle lanes, their leaves and bystanders there. memory_kib: of the cluster's own programs, at those two.",
        "day: a developer stays, with a tenth as many requests as bystanders have, half of them on new connections; another joins, is answered and leaves, one visit after the other. growth: memory_kib and threads after the first quarter and at the end, descriptors before the first and after the last of the developer's requests; interceptor is all Pods together.",
        "orders: on a model, without the cluster; a run is all orders of one plot with so many deviations, orders those that were played, all those there are of those that follow from what was played.",
        "laptop: from the moment the network is back, or the process goes on, to the first matching request that the laptop answers, on a new connection; one is asked about every 30 ms. Two laptops at a time, in namespaces of their own: one with a ttl that outlasts everything, one (…_expired) whose route is over each time. token: the server's own refusal of a token whose Secret is gone.",
        "reverts: detected_s is from the watch's news of what somebody else did until the command has said so on standard error, reasserted_s until the watch's news that the Service is swapped again; the slower of two where it happens twice.",
        "start_s and stop_s are medians, failover_s and restore_s the slowest. Each scenario has its own batches, with commit, SHA-256 of the command (binary), digest of the image it makes of itself and of the one on the node, rate asked for, and load average.",
        "failed_requests: those of bystanders that failed, were answered wrongly or by a laptop, or that a client had to send again.",
        "cleared_s: from the end of a round until nothing is left but Pods that are ending and what only they own, asked every 300 ms; after a batch, those are waited for too.",
    ]

    @Sendable static func say(_ text: String) {
        FileHandle.standardError.write(Data("reliability: \(text)\n".utf8))
    }
}
