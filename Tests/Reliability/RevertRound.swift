import AsyncHTTPClient
import ClusterTestSupport
import Foundation
import KubernetesModel

/// One intercept, to whose Service somebody else does one thing: once where that ends it, twice where it goes on.
struct RevertRound: Sendable {
    let revert: Revert
    let ground: RevertGround
    let developer: Stage.Developer
    let watch: ServiceWatch
    let http: HTTPClient

    /// What came of it. Whatever went wrong is noted, and cleared away.
    func run() async throws -> JSONValue {
        self.watch.forget()
        let broken = self.watch.broken
        var outcome = Stage.Outcome()
        outcome.measured["kind"] = .string(self.revert.kind.rawValue)
        outcome.measured["mode"] = .string(self.revert.mode.rawValue)
        do {
            guard let before = try await self.ground.snapshot() else { throw Trouble("there is no Service") }
            try await self.intercept(before, &outcome)
        } catch {
            try Task.checkCancellation()
            outcome.problems.append("\(error)")
        }
        if self.watch.broken > broken { outcome.problems.append("a watch broke; this round was not seen whole") }
        let isClean = outcome.problems.isEmpty && outcome.residue.isEmpty
        if !isClean { try await self.clear() }
        if !isClean || self.revert.kind == .other, !self.revert.deletes {
            // As it was, for the next round; not made anew, for bystanders ask all the while.
            try await self.ground.perform(Revert(kind: .patch, mode: self.revert.mode))
        }
        return outcome.json
    }

    private func clear() async throws {
        let namespace = self.ground.leaf.namespace
        _ = try await Shell.run([Cluster.detour, "session", "close", "leaf", "-n", namespace, "--force"])
        try await Cluster.nothingIsLeft(of: "leaf", in: namespace, butEnding: true)
    }

    private func intercept(_ before: JSONValue, _ outcome: inout Stage.Outcome) async throws {
        let command = try await Intercepting.launch(
            port: self.developer.port,
            flags: [
                "-x", "\(self.developer.header.name):\(self.developer.header.value)", "--drain", "1s",
                "--on-revert", self.revert.mode.rawValue,
            ],
            user: self.developer.name,
            in: self.ground.leaf.namespace
        )
        defer { command.signal(SIGINT) }
        let prober = Prober(self.ground.leaf.url, header: self.developer.header, client: self.http)
        async let _: Void = prober.run()
        try await command.says("ready:", within: .seconds(90))
        let ready = ContinuousClock.now
        _ = try await prober.answer("the laptop answers", since: ready, within: .seconds(30)) {
            $0.by == self.developer.answer
        }
        let reverted = try await self.change(command, count: 1, &outcome)
        if self.revert.goesOn {
            // What is swapped again is swapped at once only some time after it was the last time.
            try await Task.sleep(for: .seconds(2))
            _ = try await self.change(command, count: 2, &outcome)
            _ = try await prober.answer("the laptop answers again", since: .now, within: .seconds(30)) {
                $0.by == self.developer.answer
            }
            command.signal(SIGINT)
        }
        let status = await command.ended(within: .seconds(60))
        outcome.measured["ended_s"] = .seconds((.now - reverted).seconds)
        if status != (self.revert.goesOn ? 0 : 1) {
            outcome.problems.append("exit status \(status): \(command.errors.suffix(600))")
        }
        if let complaint = self.revert.complaint(of: command.errors) { outcome.problems.append(complaint) }
        let lost = prober.answers.filter { $0.failure != nil }
        if self.ledNowhere(outcome.json) {
            outcome.measured["matching_lost"] = .integer(Int64(lost.count))
        } else if !self.revert.deletes, let first = lost.first {
            outcome.problems.append("\(lost.count) matching requests were answered by nobody: \(first.failure ?? "")")
        }
        try await self.takeStock(before, &outcome)
    }

    /// Does it, and waits until the command has said so, and has the Service again where it is to have it.
    ///
    /// - Returns: when the server told of it.
    private func change(
        _ command: RunningProcess,
        count: Int,
        _ outcome: inout Stage.Outcome
    ) async throws -> ContinuousClock.Instant {
        let began = ContinuousClock.now
        async let performing: Void = self.ground.perform(self.revert)
        let changed = try await self.watch.moment("the Service is changed", since: began, within: .seconds(20)) {
            if case .service(let selector) = $0 { selector["app"] != "interceptor" } else { false }
        }
        let words = self.revert.words(count: count)
        do {
            try await Cluster.eventually("it says '\(words)'", within: .seconds(20), every: .milliseconds(5)) {
                command.errors.contains(words)
            }
        } catch {
            throw Trouble("\(error); it said: \(command.errors.suffix(1_000))")
        }
        self.note("detected_s", (.now - changed).seconds, &outcome)
        try await performing
        if self.revert.goesOn {
            let again = try await self.watch.moment(
                "the Service is swapped again",
                since: changed,
                within: .seconds(20)
            ) {
                if case .service(let selector) = $0 { selector["app"] == "interceptor" } else { false }
            }
            self.note("reasserted_s", (again - changed).seconds, &outcome)
        }
        self.noteDeadEnds(began, changed, &outcome)
        return changed
    }

    /// Notes whether the Service led nowhere, and for how long its selector was half of each.
    private func noteDeadEnds(
        _ began: ContinuousClock.Instant,
        _ changed: ContinuousClock.Instant,
        _ outcome: inout Stage.Outcome
    ) {
        guard !self.revert.deletes else { return }
        let history = self.watch.history
        let deadEnds = history.deadEnds(since: began).count
        if deadEnds > 0, self.revert.tool == nil {
            outcome.problems.append("the Service had no endpoint, \(deadEnds) times")
        }
        outcome.measured["dead_ends"] = .integer((outcome.measured["dead_ends"]?.integer ?? 0) + Int64(deadEnds))
        let selectors = history.entries.filter { entry in
            if case .service = entry.sight { entry.at >= changed } else { false }
        }
        guard selectors.count > 1, case .service(let half) = selectors[0].sight, Revert.isHalf(half) else { return }
        self.note("half_s", (selectors[1].at - selectors[0].at).seconds, &outcome)
    }

    /// Whether a tool's own write has left the Service without an endpoint for a moment, for that is what it can do where the
    /// server merges selectors.
    func ledNowhere(_ run: JSONValue) -> Bool { self.revert.tool != nil && (run["dead_ends"]?.integer ?? 0) > 0 }

    /// The slower of two, where it happens twice.
    private func note(_ name: String, _ seconds: Double, _ outcome: inout Stage.Outcome) {
        outcome.measured[name] = .seconds(max(seconds, outcome.measured[name]?.number ?? 0))
    }

    private func takeStock(_ before: JSONValue, _ outcome: inout Stage.Outcome) async throws {
        let (leaf, ended) = (self.ground.leaf, ContinuousClock.now)
        let wanted = self.ground.wanted(self.revert, before)
        do {
            try await Cluster.nothingIsLeft(of: "leaf", in: leaf.namespace, butEnding: true)
            // What a tool does not own, our annotation, goes a moment later.
            try await Cluster.eventually("the Service is what was wanted last", within: .seconds(20)) {
                try await self.ground.snapshot() == wanted
            }
            outcome.measured["cleared_s"] = .seconds((.now - ended).seconds)
        } catch let failure as ShellFailure {
            outcome.problems.append("\(failure)")
            outcome.residue = try await Cluster.residue(of: "leaf", in: leaf.namespace, butEnding: true)
            if let wanted, let now = try await self.ground.snapshot() {
                outcome.residue += now.differences(from: wanted).map(\.description)
            }
        }
    }
}
