import AsyncHTTPClient
import ClusterFaults
import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// One developer's day in a namespace of its own: an intercept whose laptop goes away and comes back, again and again.
struct LaptopLane: Sendable {
    let leaf: OwnLeaf
    let developer: Stage.Developer
    let network: UnsteadyNetwork
    /// The kubeconfig, and the plugin that it names.
    let folder: ConnectionFolder
    let account: TokenAccount
    let watch: ServiceWatch
    let http: HTTPClient
    let lengths: Absence.Lengths
    /// How long the laptop may be gone, in seconds.
    let ttl: Int
    let say: @Sendable (String) -> Void

    private static let plugin = "laptop"

    /// What the cluster knows the developer by, with two tokens, of which the plugin gives out the first. What it gives is good
    /// for half a minute, so that nearly all that happens ends a token.
    static func account(
        in namespace: String,
        _ folder: ConnectionFolder,
        through server: String
    ) async throws
        -> TokenAccount
    {
        let account = try await TokenAccount("ada", in: namespace, tokens: ["first", "second"])
        try await Shell.must(
            [Cluster.detour, "install", "-n", namespace, "--service-account", "ada", "--service", "leaf"],
            environment: try await Cluster.environment()
        )
        try await folder.write("token", account.token("first"))
        let path = try folder.plugin(Self.plugin, "v1", life: 30, token: "token")
        let exec = "{apiVersion: client.authentication.k8s.io/v1, command: \(path), interactiveMode: Never}"
        try folder.kubeconfig("config", folder.cluster(server), folder.user("exec: \(exec)"))
        return account
    }

    /// Starts the intercept, has it go through all of it, and ends it.
    func live(_ absences: [Absence]) async throws -> Stage.Outcome {
        var outcome = Stage.Outcome()
        let before = try await self.leaf.snapshot()
        let (began, broken) = (ContinuousClock.now, self.watch.broken)
        let header = "\(self.developer.header.name):\(self.developer.header.value)"
        let command = try RunningProcess(
            [Cluster.detour, "intercept", "leaf", "-n", self.leaf.namespace, "-p", "80:\(self.developer.port)"]
                + ["-x", header, "--drain", "1s", "--ttl", "\(self.ttl)s"],
            environment: ["KUBECONFIG": self.folder.path("config"), "USER": self.developer.name]
        )
        do {
            outcome.measured["start_s"] = try await self.start(command)
            for absence in absences { try await self.experience(absence, command, &outcome) }
            command.signal(SIGINT)
            let status = await command.ended(within: .seconds(60))
            if status != 0 { throw Trouble("the command's exit status is \(status)") }
            try await Cluster.nothingIsLeft(of: "leaf", in: self.leaf.namespace, butEnding: true)
        } catch {
            command.signal(SIGCONT)
            command.losePower()
            try Task.checkCancellation()
            outcome.problems.append("\(error); it said: \(command.errors.suffix(1_000))")
        }
        outcome.residue = try await Cluster.residue(of: "leaf", in: self.leaf.namespace, butEnding: true)
        outcome.residue += try await self.leaf.snapshot().differences(from: before).map(\.description)
        let deadEnds = self.watch.history.deadEnds(since: began)
        if !deadEnds.isEmpty { outcome.problems.append("the Service had no endpoint, \(deadEnds.count) times") }
        if self.watch.broken > broken { outcome.problems.append("a watch broke; this day was not seen whole") }
        return outcome
    }

    private func probing<Value: Sendable>(_ body: (Prober) async throws -> Value) async throws -> Value {
        let prober = Prober(
            self.leaf.url,
            header: self.developer.header,
            client: self.http,
            pause: .milliseconds(25)
        )
        async let _: Void = prober.run()
        return try await body(prober)
    }

    private func start(_ command: RunningProcess) async throws -> JSONValue {
        try await self.probing { prober in
            let first = try await prober.answer("the laptop answers", since: .now, within: .seconds(60)) {
                $0.by == self.developer.answer
            }
            try await command.says("ready:", within: .seconds(30))
            return .seconds((first.received - command.startedAt).seconds)
        }
    }

    private func experience(_ absence: Absence, _ command: RunningProcess, _ outcome: inout Stage.Outcome) async throws
    {
        let (runs, given) = (self.folder.runs(Self.plugin), self.timesGivenUp(command))
        let (step, answers) = try await self.probing { prober in
            var step: JSONValue = ["step": .string(absence.name)]
            let gone = ContinuousClock.now
            let guardian = command.guardian
            try await self.leave(absence, command)
            if absence.expires {
                let limit = Duration.seconds(self.ttl + 30)
                let restored = try await self.watch.moment("the laptop is given up", since: gone, within: limit) {
                    $0 == .service(selector: ["app": "leaf"])
                }
                step["expired_after_s"] = .seconds((restored - gone).seconds)
            }
            try await Task.sleep(until: gone + .seconds(absence.seconds(self.lengths)), clock: .continuous)
            guard command.status == nil, let guardian, RunningProcess.runs(guardian) else {
                throw Trouble("\(absence.name): the command or its guardian has ended meanwhile")
            }
            let back = ContinuousClock.now
            try self.comeBack(absence, command)
            let first = try await prober.answer("the laptop answers again", since: back, within: .seconds(60)) {
                $0.by == self.developer.answer
            }
            step["away_s"] = .seconds((back - gone).seconds)
            step["back_s"] = .seconds((first.received - back).seconds)
            // What is late, as an answer that was asked for before, is of this step too.
            try await Task.sleep(for: .seconds(2))
            let answers = prober.answers
            Self.judge(answers, gone, back, &step)
            return (step, answers)
        }
        self.note(step, absence, &outcome)
        if let lost = answers.first(where: { $0.failure != nil }) {
            outcome.problems.append("\(absence.name): a matching request was answered by nobody: \(lost)")
        }
        if step["answers_while_away"] != 0 { outcome.problems.append("\(absence.name): it answered while it was away") }
        let expired = self.timesGivenUp(command) - given
        if expired != (absence.expires ? 1 : 0) {
            outcome.problems.append("\(absence.name): it was given up \(expired) times")
        }
        if absence.kind == .token, self.folder.runs(Self.plugin) == runs {
            outcome.problems.append("\(absence.name): the plugin did not run again")
        }
    }

    private func note(_ step: JSONValue, _ absence: Absence, _ outcome: inout Stage.Outcome) {
        self.say("laptop: \(step.compact)")
        outcome.measured["steps"] = .array((outcome.measured["steps"]?.array ?? []) + [step])
        outcome.measured["\(absence.name)_back_s"] = step["back_s"]
        for name in ["failover_s", "slowest_s"] {
            guard let value = step[name]?.number else { continue }
            outcome.measured[name] = .seconds(max(value, outcome.measured[name]?.number ?? 0))
        }
    }

    /// Who answered, and how soon, in one step.
    static func judge(
        _ answers: [Prober.Answer],
        _ gone: ContinuousClock.Instant,
        _ back: ContinuousClock.Instant,
        _ step: inout JSONValue
    ) {
        func count(_ holds: (Prober.Answer) -> Bool) -> JSONValue { .integer(Int64(answers.count(where: holds))) }
        func isOriginal(_ answer: Prober.Answer) -> Bool { answer.by?.hasPrefix("leaf/leaf-") == true }
        step["requests"] = .integer(Int64(answers.count))
        step["failed"] = count { $0.failure != nil }
        step["original"] = count(isOriginal)
        // What was under way when it left may have been answered; nothing that was asked later can have been.
        step["answers_while_away"] = count {
            $0.sent > gone + .milliseconds(100) && $0.received < back && $0.failure == nil && !isOriginal($0)
        }
        if let first = answers.first(where: { $0.sent >= gone && isOriginal($0) }) {
            step["failover_s"] = .seconds((first.received - gone).seconds)
        }
        step["slowest_s"] = .seconds(answers.map { ($0.received - $0.sent).seconds }.max() ?? 0)
    }

    private func timesGivenUp(_ command: RunningProcess) -> Int {
        command.errors.components(separatedBy: "gave this machine up").count - 1
    }

    private func leave(_ absence: Absence, _ command: RunningProcess) async throws {
        switch absence.kind {
        case .cut: self.network.darken(isCutting: true)
        case .silent: self.network.darken(isCutting: false)
        case .address: self.network.changeAddress()
        case .token:
            self.network.darken(isCutting: false)
            let old = self.folder.read("token")
            try await self.folder.write("token", self.account.token("second"))
            try await self.account.revoke("first", old, at: self.folder.server)
        case .stopped: command.signal(SIGSTOP)
        }
    }

    private func comeBack(_ absence: Absence, _ command: RunningProcess) throws {
        switch absence.kind {
        case .cut, .silent, .token: self.network.lighten()
        case .address: break
        case .stopped: command.signal(SIGCONT)
        }
    }
}
