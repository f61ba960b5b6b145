import APIFaults
import ClusterFaults
import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesModel

/// One life of a command in a lane, its death or somebody else's, and what became of everything after that.
struct KillLife {
    let lane: KillLane
    let context: KillPoint.Context
    /// The words before those of the command, of a program that traces it.
    var tracer: [String] = []

    /// What a life came to.
    struct Story: Sendable {
        var outcome = Stage.Outcome()
        /// All that it asked the API server for.
        var requests: [APIRequest] = []
        /// How many of these it had asked for when it got its Ctrl-C.
        var told = 0
        /// How many when whoever may die in its place was first there.
        var alone = 0
        var struckAt: ContinuousClock.Instant?
        /// Why it was not seen whole, if it was not: a watch of the measurement broke.
        var unseen: String?
        /// What became of bystanders that lose nothing, where they are this life's own.
        var bystanders: [JSONValue] = []
    }

    /// How long a guardian may be at work, in seconds: its last look is 30 s after the death.
    static let guardianLimit = 60.0

    var ada: Stage.Developer { self.lane.stage.ada }

    /// Lives; at a point, if there is one, the command is killed or somebody else is struck.
    func live(until point: KillPoint?) async throws -> Story {
        var story = Story()
        self.lane.dismissGuardians()
        self.lane.watch.forget()
        self.lane.api.proxy.follow(
            FaultScript(try ([point?.rule].compactMap { $0 } + self.context.rules).map(Self.rule))
        )
        let (began, brokenBefore) = (ContinuousClock.now, self.lane.watch.broken)
        do {
            try await self.lane.probing(self.ada) { prober in
                if self.context.prey == .all {
                    try await self.losePower(point?.delay ?? .zero, prober, &story)
                } else if self.context.prey != .command {
                    try await self.survive(prober, &story)
                } else if let ending = self.context.ending {
                    try await self.close(ending, prober, &story)
                } else {
                    try await self.intercept(prober, &story)
                }
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            story.outcome.problems.append("\(error)")
        }
        story.struckAt = self.context.prey == .command ? self.lane.victim.struckAt : self.lane.striker.struckAt
        let deadEnds = self.lane.watch.history.deadEnds(since: began).count
        if self.context.prey == .all {
            // Its only interceptor was dead.
            story.outcome.measured["dead_ends"] = .integer(Int64(deadEnds))
        } else if deadEnds > 0 {
            story.outcome.problems.append("the Service had no endpoint, \(deadEnds) times")
        }
        if self.context.prey.server == nil, self.lane.watch.broken > brokenBefore {
            story.unseen = self.lane.watch.trouble
        }
        if let struck = story.struckAt {
            let selector = self.lane.watch.history.selector(at: struck)
            story.outcome.measured["swapped"] = .bool(selector.map { $0 != ["app": "leaf"] } ?? false)
        }
        self.dismissGuardian(&story)
        return story
    }

    /// Ends the guardian of this life, now that all it was to do has been looked at; notes one that was at it for too long.
    private func dismissGuardian(_ story: inout Story) {
        guard self.lane.dismissGuardians(), self.context.prey == .command, let struck = story.struckAt else { return }
        let seconds = (ContinuousClock.now - struck).seconds
        story.outcome.measured["guardian_s"] = .seconds(seconds)
        if seconds > Self.guardianLimit {
            story.outcome.problems.append("the guardian was still at work \(seconds) s after its command's death")
        }
    }

    private static func rule(_ text: String) throws -> FaultRule {
        guard let rule = FaultRule(text) else { throw Trouble("no rule: \(text)") }
        return rule
    }

    /// How the command finds the cluster.
    private var environment: [String: String] {
        switch self.context {
        case .syscalls: self.lane.direct
        case .configmaps: self.lane.restricted
        default: self.lane.api.environment
        }
    }

    // MARK: - Lives

    /// Start, ready, one diverted request, Ctrl-C, end.
    private func intercept(_ prober: Prober, _ story: inout Story) async throws {
        let words = self.lane.intercept(of: self.ada, ttl: KillLane.ttl)
        let command = try self.lane.victim.begin {
            try self.lane.command(words, of: self.ada, self.environment, under: self.tracer)
        }
        defer { command.signal(SIGKILL) }
        do {
            try await command.says("ready:", within: .seconds(60))
            _ = try await prober.answer("the laptop answers", since: command.startedAt, within: .seconds(20)) {
                $0.by == self.ada.answer || self.lane.victim.struckAt != nil
            }
            story.told = self.lane.api.proxy.script.requests
            if self.context == .configmaps, !command.errors.contains("ConfigMap") {
                throw Trouble("the Session is in no ConfigMap: \(command.errors)")
            }
            command.signal(SIGINT)
        } catch  where self.lane.victim.struckAt != nil {
            // It was killed before it was ready, which is what this is about.
        }
        try await self.ended(command, &story)
        let died = self.lane.victim.struckAt ?? .now
        if self.context.hasOther {
            try await self.routeIsGone(since: died, &story)
        } else {
            try await self.isRestored(since: died, &story)
        }
        try await self.originalAnswers(prober, since: died, &story)
    }

    /// The end of an intercept that is there, by another command; it goes on, or ends, and then everything is as it was.
    private func close(_ words: [String], _ prober: Prober, _ story: inout Story) async throws {
        let holder = try await self.lane.bystandingIntercept(of: self.ada)
        defer { holder.signal(SIGKILL) }
        _ = try await prober.answer("the laptop answers", since: holder.startedAt, within: .seconds(20)) {
            $0.by == self.ada.answer
        }
        let command = try self.lane.victim.begin {
            try self.lane.command(words, of: self.ada, self.lane.api.environment)
        }
        defer { command.signal(SIGKILL) }
        try await self.ended(command, &story)
        let died = self.lane.victim.struckAt ?? .now
        // A route that is still in the Session was not closed, and its command has not noticed.
        if try await self.hasRoute() { holder.signal(SIGINT) }
        _ = await self.end(of: holder, &story)
        try await self.isRestored(since: died, &story)
        try await self.originalAnswers(prober, since: died, &story)
    }

    private func ended(_ command: RunningProcess, _ story: inout Story) async throws {
        let status = await self.end(of: command, &story)
        story.outcome.measured["status"] = .integer(Int64(status))
        story.requests = self.lane.api.proxy.script.seen
        let expected = self.lane.victim.struckAt == nil ? 0 : Victim.killed
        if status != expected {
            story.outcome.problems.append("exit status \(status) in place of \(expected): \(command.errors)")
        }
    }

    /// Waits for the end of a process; one that has to be killed for that is a problem.
    func end(of command: RunningProcess, _ story: inout Story) async -> Int32 {
        let (told, limit) = (ContinuousClock.now, Duration.seconds(60))
        let status = await command.ended(within: limit)
        if ContinuousClock.now - told >= limit {
            story.outcome.problems.append("a command did not end within \(limit): \(command.errors)")
        }
        return status
    }

    // MARK: - After death

    /// Waits until nothing of ours is left; notes since when the Service has been what it was.
    ///
    /// - Parameter limit: how long the latter may take.
    func isRestored(
        since died: ContinuousClock.Instant,
        limit: Duration = KillLane.limit,
        _ story: inout Story
    ) async throws {
        let deadline = died + .seconds(60)
        while true {
            // The cheap question first: dozens of these lives run side by side.
            if try await self.lane.session() == nil, self.lane.watch.history.liveInterceptors == 0,
                try await self.residue().isEmpty
            {
                break
            }
            guard ContinuousClock.now < deadline else {
                story.outcome.residue = try await self.residue()
                break
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        story.outcome.measured["cleared_s"] = .seconds((ContinuousClock.now - died).seconds)
        story.outcome.residue += try await self.lane.leaf.snapshot().differences(from: self.lane.before)
            .map(\.description)
        guard let restored = self.lane.watch.history.original(["app": "leaf"], of: "leaf", since: died) else {
            story.outcome.problems.append("the Service does not lead to the original")
            return
        }
        self.note((restored - died).seconds, limit: limit, &story)
    }

    private func residue() async throws -> [String] {
        try await Cluster.residue(of: "leaf", in: self.lane.leaf.namespace, butEnding: true)
    }

    /// Waits until the victim's route is in the Session no more.
    private func routeIsGone(since died: ContinuousClock.Instant, _ story: inout Story) async throws {
        while try await self.hasRoute() {
            guard ContinuousClock.now - died < .seconds(60) else { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        self.note((ContinuousClock.now - died).seconds, &story)
    }

    private func hasRoute() async throws -> Bool {
        try await self.lane.session()?.routes.contains { $0.owner.hasPrefix("\(self.ada.name)@") } ?? false
    }

    private func note(_ seconds: Double, limit: Duration = KillLane.limit, _ story: inout Story) {
        story.outcome.measured["restored_s"] = .seconds(seconds)
        if .seconds(seconds) > limit {
            story.outcome.problems.append("restored after \(seconds) s, which may take \(limit)")
        }
    }

    /// The original answers the dead laptop's requests, soon and from then on, and none was lost over it.
    ///
    /// - Parameter forgiven: when requests were sent that may be lost; they are only counted.
    func originalAnswers(
        _ prober: Prober,
        since died: ContinuousClock.Instant,
        _ story: inout Story,
        forgiven: Range<ContinuousClock.Instant>? = nil
    ) async throws {
        _ = try await prober.answer("the original answers", since: .now, within: .seconds(10)) {
            $0.by?.hasPrefix("leaf/leaf-") == true
        }
        let failed = prober.answers.filter { $0.failure != nil }
        let lost = failed.filter { forgiven?.contains($0.sent) != true }
        if forgiven != nil { story.outcome.measured["lost_matching"] = .integer(Int64(failed.count - lost.count)) }
        if let first = lost.first, let last = lost.last {
            let moments = [first, last].map { "\(JSONValue.seconds(($0.sent - died).seconds)) s" }
                .joined(separator: " to ")
            story.outcome.problems.append(
                "\(lost.count) matching requests, \(moments) after the death, were answered by nobody: "
                    + "\(first.failure ?? "")"
            )
        }
        if self.context.ending == nil,
            prober.answers.contains(where: { $0.sent > died + .seconds(4) && $0.by == self.ada.answer })
        {
            story.outcome.problems.append("the laptop of a command that is dead answered")
        }
    }
}
