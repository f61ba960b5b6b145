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
    /// Requests of bystanders a second. Where the Service is deleted, nobody can be answered, so nobody asks.
    let rate: Int

    /// How long a selector may be half the interceptor's and half the original's.
    static let longestHalf = 3.0

    /// What is known of a round while it goes on.
    private struct Progress {
        var outcome = Stage.Outcome()
        var crowd: RevertCrowd?
        var pardon = Pardon()
    }

    /// What came of it, and of its bystanders' requests. Whatever went wrong is noted, and cleared away.
    func run() async throws -> (run: JSONValue, bystanders: [JSONValue], ledNowhere: [JSONValue]) {
        self.watch.forget()
        let broken = self.watch.broken
        var progress = Progress()
        progress.outcome.measured["kind"] = .string(self.revert.kind.rawValue)
        progress.outcome.measured["mode"] = .string(self.revert.mode.rawValue)
        defer { progress.crowd?.abandon() }
        do {
            guard let before = try await self.ground.snapshot() else { throw Trouble("there is no Service") }
            if !self.revert.deletes { progress.crowd = try await RevertCrowd(of: self.ground.leaf, rate: self.rate) }
            try await self.intercept(before, &progress)
            try await progress.crowd?.finish()
        } catch {
            try Task.checkCancellation()
            progress.outcome.problems.append("\(error)")
        }
        var outcome = progress.outcome
        if self.watch.broken > broken { outcome.problems.append("a watch broke; this round was not seen whole") }
        let isClean = outcome.problems.isEmpty && outcome.residue.isEmpty
        if !isClean { try await self.clear() }
        if !isClean || self.revert.kind == .other, !self.revert.deletes {
            // As it was, for the next round.
            try await self.ground.perform(Revert(kind: .patch, mode: self.revert.mode))
        }
        return (outcome.json, progress.crowd?.answered ?? [], progress.crowd?.ledNowhere ?? [])
    }

    private func clear() async throws {
        let namespace = self.ground.leaf.namespace
        _ = try await Shell.run([Cluster.detour, "session", "close", "leaf", "-n", namespace, "--force"])
        try await Cluster.nothingIsLeft(of: "leaf", in: namespace, butEnding: true)
    }

    private func intercept(_ before: JSONValue, _ progress: inout Progress) async throws {
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
        let reverted = try await self.change(command, count: 1, &progress)
        if self.revert.goesOn {
            _ = try await self.change(command, count: 2, &progress)
            _ = try await prober.answer("the laptop answers again", since: .now, within: .seconds(30)) {
                $0.by == self.developer.answer
            }
            command.signal(SIGINT)
        }
        let status = await command.ended(within: .seconds(60))
        progress.outcome.measured["ended_s"] = .seconds((.now - reverted).seconds)
        if status != (self.revert.goesOn ? 0 : 1) {
            progress.outcome.problems.append("exit status \(status): \(command.errors.suffix(600))")
        }
        if let complaint = self.revert.complaint(of: command.errors) { progress.outcome.problems.append(complaint) }
        if !self.revert.deletes {
            try await prober.settle()
            let (lost, pardon) = (prober.lost, progress.pardon)
            let unforgiven = lost.filter { !pardon.covers($0) }
            if !pardon.windows.isEmpty {
                progress.outcome.measured["matching_lost"] = .integer(Int64(lost.count - unforgiven.count))
            }
            if let first = unforgiven.first {
                let words = "\(unforgiven.count) matching requests were answered by nobody"
                progress.outcome.problems.append("\(words): \(first.failure ?? "")")
            }
        }
        try await self.takeStock(before, &progress.outcome)
    }

    /// Does it, and waits until the command has said so, and has the Service again where it is to have it.
    ///
    /// - Returns: when the server told of it.
    private func change(
        _ command: RunningProcess,
        count: Int,
        _ progress: inout Progress
    ) async throws -> ContinuousClock.Instant {
        try await progress.crowd?.change(ledNowhere: false)
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
        self.note("detected_s", (.now - changed).seconds, &progress.outcome)
        try await performing
        let whole = try await self.watch.moment(
            self.revert.goesOn ? "the Service is swapped again" : "the Service's selector is one's own",
            since: changed,
            within: .seconds(20)
        ) {
            guard case .service(let selector) = $0 else { return false }
            return self.revert.goesOn ? selector["app"] == "interceptor" : !Revert.isHalf(selector)
        }
        if self.revert.goesOn { self.note("reasserted_s", (whole - changed).seconds, &progress.outcome) }
        guard !self.revert.deletes else { return changed }
        // What is swapped again is swapped at once only some time after it was the last time, too.
        try await Task.sleep(for: Pardon.slack)
        let ledNowhere = self.noteDeadEnds(began, changed, whole, &progress.outcome)
        if ledNowhere { progress.pardon.forgive(from: changed, until: whole) }
        try await progress.crowd?.change(ledNowhere: ledNowhere)
        return changed
    }

    /// Notes whether the Service led nowhere, and for how long its selector was half of each.
    ///
    /// - Returns: whether a tool's own write has left it without an endpoint for a moment, for that is what it can do where the
    ///   server merges selectors.
    private func noteDeadEnds(
        _ began: ContinuousClock.Instant,
        _ changed: ContinuousClock.Instant,
        _ whole: ContinuousClock.Instant,
        _ outcome: inout Stage.Outcome
    ) -> Bool {
        let history = self.watch.history
        let deadEnds = history.deadEnds(since: began).count
        if deadEnds > 0, self.revert.tool == nil {
            outcome.problems.append("the Service had no endpoint, \(deadEnds) times")
        }
        outcome.measured["dead_ends"] = .integer((outcome.measured["dead_ends"]?.integer ?? 0) + Int64(deadEnds))
        let half = history.first(since: changed) {
            if case .service(let selector) = $0 { Revert.isHalf(selector) } else { false }
        }
        if let half {
            let seconds = (whole - half).seconds
            self.note("half_s", seconds, &outcome)
            if seconds > Self.longestHalf {
                let limit = "\(Bars.plain(Self.longestHalf)) s are allowed"
                outcome.problems.append("half of the selector was the interceptor's for \(seconds) s, where \(limit)")
            }
        }
        return deadEnds > 0 && self.revert.tool != nil
    }

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
