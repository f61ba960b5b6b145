import APIFaults
import ClusterFaults
import ClusterTestSupport
import Foundation
import KubernetesModel

/// A command that lives on while somebody else dies.
extension KillLife {
    /// How soon the laptop has to answer again: a kubelet lets a container that has died wait for 10 s.
    private static let back = Duration.seconds(30)
    /// How long a part of the control plane is dead, and then it has to start.
    private static let absence = Duration.seconds(2)
    /// How long kube-proxy may still send connections where the Service led before.
    static let lag = Duration.seconds(2)

    /// Start, ready, one diverted request after whatever happens until then, Ctrl-C, end.
    func survive(_ prober: Prober, _ story: inout Story) async throws {
        let (lane, prey) = (self.lane, self.context.prey)
        lane.striker.aim { await lane.strike(prey) }
        let crowd = try await self.crowd()
        defer { crowd?.abandon() }
        let words = lane.intercept(of: self.ada, ttl: KillLane.ttl, replicas: prey.replicas)
        let command = try lane.command(words, of: self.ada, lane.api.environment)
        defer { command.signal(SIGKILL) }
        async let revival: Void = self.revive(command)
        async let alone = self.requestsUntilThere(command)
        try await self.untilTold(command, prober, &story)
        story.alone = await alone
        let told = ContinuousClock.now
        command.signal(SIGINT)
        let status = await self.end(of: command, &story)
        let ended = ContinuousClock.now
        story.outcome.measured["status"] = .integer(Int64(status))
        story.requests = lane.api.proxy.script.seen
        if lane.striker.foundNobody { story.outcome.measured["nobody"] = true }
        self.judge(status, command, &story)
        // Before that there is nobody who could be asked.
        try await revival
        let restored = try await self.leadsToOriginal(since: told)
        try await self.isRestored(since: told, after: crowd, &story)
        // Until then it was alive, for as long as it takes to leave where a server is away.
        try await self.originalAnswers(prober, since: ended, &story, forgiven: self.forgiven(until: restored))
    }

    /// Waits until the command is ready and the laptop answers, also after the strike; or until the command has given up.
    private func untilTold(_ command: RunningProcess, _ prober: Prober, _ story: inout Story) async throws {
        do {
            try await command.says("ready:", within: .seconds(120))
        } catch  where command.status != nil {
            return
        }
        var since = command.startedAt
        while true {
            let limit = Self.back
            let answer = try await prober.answer("the laptop answers", since: since, within: limit) {
                $0.by == self.ada.answer
            }
            // Whoever was struck in the meantime was struck after this was sent.
            guard let struck = self.lane.striker.struckAt else { break }
            if struck <= since {
                story.outcome.measured["back_s"] = .seconds((answer.received - struck).seconds)
                break
            }
            since = struck
        }
        story.told = self.lane.api.proxy.script.requests
    }

    /// Starts a part of the control plane again, a while after it was killed, and waits until Sessions and Services can be
    /// asked for; also when this life is over before its time.
    private func revive(_ command: RunningProcess) async throws {
        guard let server = self.context.prey.server else { return }
        let striker = self.lane.striker
        while striker.struckAt == nil {
            if !striker.isStriking, command.status != nil || Task.isCancelled { return }
            try? await Task.sleep(for: .milliseconds(10))
        }
        try? await Task.sleep(for: Self.absence)
        try await Shell.must(Cluster.script, "restart", server)
        try await Cluster.eventually("\(server) is back", within: .seconds(60)) {
            // The Service is of etcd too.
            (try? await self.lane.leaf.snapshot()) != nil
        }
    }

    /// How many requests a command has made when whoever dies is there; none where that is so from the beginning.
    private func requestsUntilThere(_ command: RunningProcess) async -> Int {
        guard self.context.prey.isOfIntercept else { return 0 }
        while command.status == nil, !Task.isCancelled,
            PodProcesses.ofInterceptors(in: self.lane.leaf.namespace).isEmpty
        {
            try? await Task.sleep(for: .milliseconds(20))
        }
        return self.lane.api.proxy.script.requests
    }

    /// Ctrl-C ends a command well; one that never got ready may say why, and no more.
    private func judge(_ status: Int32, _ command: RunningProcess, _ story: inout Story) {
        if status == 0 { return }
        let last = command.errors.split(separator: "\n").last.map(String.init) ?? ""
        if status == 1, story.told == 0, self.lane.striker.struckAt != nil, last.contains("rror: ") {
            story.outcome.measured["gave_up"] = .string(last)
        } else {
            story.outcome.problems.append("exit status \(status): \(command.errors)")
        }
    }

    // MARK: - Bystanders of a life

    /// Bystanders of this life alone, where some of them are lost by it.
    func crowd() async throws -> Bystanders? {
        guard self.context.prey.losesConnections else { return nil }
        return try await Bystanders.start(of: self.lane.leaf, rate: KillScenario.rate, limit: .seconds(300))
    }

    /// When what was sent may be lost: from the strike on, as long as connections still go to the dead.
    func forgiven(until restored: ContinuousClock.Instant) -> Range<ContinuousClock.Instant>? {
        guard self.context.prey.losesConnections, let struck = self.lane.striker.struckAt else { return nil }
        return struck..<max(struck, restored) + Self.lag
    }

    /// Waits until the Service leads to the original; since when it does.
    func leadsToOriginal(since instant: ContinuousClock.Instant) async throws -> ContinuousClock.Instant {
        func original() -> ContinuousClock.Instant? {
            self.lane.watch.history.original(["app": "leaf"], of: "leaf", since: instant)
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if let moment = original() { return moment }
            try await Task.sleep(for: .milliseconds(50))
        }
        // Whether the Service does not, or nobody has told the watch, is another matter each.
        let seen = self.lane.watch.history.entries.suffix(6).map {
            "\((ContinuousClock.now - $0.at).seconds) s ago \($0.sight)"
        }
        let words = ["-n", self.lane.leaf.namespace, "-o", "jsonpath={.spec.selector}{.subsets}"]
        let service = try await Cluster.kubectl(["get", "service", "leaf"] + words)
        let endpoints = try await Cluster.kubectl(["get", "endpoints", "leaf"] + words)
        throw Trouble(
            "the Service does not lead to the original after 60 s; the watch told \(seen.joined(separator: ", ")); "
                + "the API server says \(service), \(endpoints)"
        )
    }

    /// Waits until nothing is left. A crowd's losses are counted until the Service is restored, when another one begins that may
    /// not lose anything.
    func isRestored(
        since died: ContinuousClock.Instant,
        limit: Duration = KillLane.limit,
        after crowd: Bystanders?,
        _ story: inout Story
    ) async throws {
        guard let crowd else { return try await self.isRestored(since: died, limit: limit, &story) }
        try await Task.sleep(for: Self.lag)
        let next = try await self.crowd()
        defer { next?.abandon() }
        let lost = try await crowd.finish()
        story.outcome.measured["lost"] = .integer(Self.sum(lost, "failed", "altered", "retried"))
        if self.lane.striker.struckAt == nil, Self.sum(lost, "failed", "altered", "retried") > 0 {
            story.outcome.problems.append("nobody was struck, and bystanders were lost: \(lost)")
        }
        story.outcome.measured["asked_meanwhile"] = .integer(Self.sum(lost, "requests"))
        try await self.isRestored(since: died, limit: limit, &story)
        story.bystanders = try await next?.finish() ?? []
    }

    private static func sum(_ loads: [JSONValue], _ names: String...) -> Int64 {
        loads.reduce(0) { sum, load in names.reduce(sum) { $0 + (load[$1]?.integer ?? 0) } }
    }
}

extension KillLane {
    /// Strikes whoever is to die in place of the command; whether there was somebody.
    func strike(_ prey: KillPoint.Prey) async -> Bool {
        switch prey {
        case .command: return false
        case .all:
            let pids = PodProcesses.ofInterceptors(in: self.leaf.namespace)
            return pids.count { kill($0, SIGKILL) == 0 } > 0
        case .pod:
            guard let pid = PodProcesses.ofInterceptors(in: self.leaf.namespace).first else { return false }
            return kill(pid, SIGKILL) == 0
        case .evicted:
            // Refused where the budget does not allow it: then nobody was struck.
            guard let pod = self.watch.history.liveInterceptorNames.first else { return false }
            return (try? await Cluster.evict(pod, in: self.leaf.namespace, within: .zero)) != nil
        case .server(let name):
            return (try? await Shell.must(Cluster.script, "kill", name)) != nil
        }
    }
}
