import AsyncHTTPClient
import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// What every scenario has: a leaf, the shop's or one of its own, the local leaves of two developers, and eyes on the Service.
struct Stage: Sendable {
    let names: InterceptNames

    /// A developer with a process of their own.
    struct Developer: Sendable {
        var name: String
        /// Where it listens on this machine.
        var port: Int

        /// The header that their requests carry.
        var header: (name: String, value: String) { ("X-C6O-INTERCEPT", self.name) }
        /// What their process calls itself in answers.
        var answer: String { "leaf/\(self.name)" }
    }

    let shop: ShopAddresses
    let ada: Developer
    let bob: Developer
    let watch: ServiceWatch
    let http: HTTPClient
    /// The Service as it was before everything.
    let before: JSONValue
    /// How long a developer waits between an answer and the next request.
    var pause = Duration.milliseconds(10)

    /// Sets the stage for the length of `body`.
    static func withStage<Value: Sendable>(
        _ body: @escaping @Sendable (Stage) async throws -> Value
    ) async throws -> Value {
        let before = try await Cluster.snapshot("leaf")
        guard before[path: "spec", "selector"]?.strings == ["app": "leaf"],
            try await Cluster.residue(of: "leaf").isEmpty
        else { throw Trouble("something intercepts shop/leaf: end it first") }
        let shop = try await ShopAddresses.ask()
        let (adas, adaPort) = try await LocalLeaf.start(name: "ada")
        defer { adas.signal(SIGKILL) }
        let (bobs, bobPort) = try await LocalLeaf.start(name: "bob")
        defer { bobs.signal(SIGKILL) }
        let client = try KubernetesClient(try ClusterConnection.load())
        let http = Prober.httpClient()
        let stage = Stage(
            names: InterceptNames(namespace: "shop", service: "leaf"),
            shop: shop,
            ada: Developer(name: "ada", port: adaPort),
            bob: Developer(name: "bob", port: bobPort),
            watch: ServiceWatch(client: client, names: InterceptNames(namespace: "shop", service: "leaf")),
            http: http,
            before: before
        )
        let result: Result<Value, any Error>
        do {
            try await stage.warmUp()
            result = .success(try await stage.watch.following { try await body(stage) })
        } catch {
            result = .failure(error)
        }
        try? await http.shutdown()
        try? await client.shutdown()
        return try result.get()
    }

    /// One start and end that do not count: the definition of Sessions is made, the image is on the node.
    private func warmUp() async throws {
        let detour = try await self.launch(self.ada)
        defer { detour.signal(SIGINT) }
        try await detour.says("ready:", within: .seconds(90))
        detour.signal(SIGINT)
        guard await detour.ended() == 0 else { throw Trouble("the first try failed: \(detour.errors)") }
        try await Cluster.nothingIsLeft(of: "leaf")
    }

    /// Starts a developer's intercept; waits for nothing.
    func launch(_ developer: Developer, ttl: Int = 60) async throws -> RunningProcess {
        let flags = ["-x", "\(developer.header.name):\(developer.header.value)", "--drain", "2s", "--ttl", "\(ttl)s"]
        return try await Intercepting.launch(
            port: developer.port,
            flags: flags,
            user: developer.name,
            in: self.names.namespace
        )
    }

    /// Runs `body` while a developer's requests are asked for all the time.
    func probing<Value: Sendable>(
        _ developer: Developer,
        _ body: (Prober) async throws -> Value
    ) async throws -> Value {
        let prober = Prober(self.shop.leaf, header: developer.header, client: self.http, pause: self.pause)
        async let _: Void = prober.run()
        return try await body(prober)
    }
}

extension Stage {
    /// What is known of a run at its end.
    struct Outcome: Sendable {
        /// What was measured.
        var measured: JSONValue = [:]
        /// What was not as it has to be.
        var problems: [String] = []
        /// Objects, and places of the Service, that are not as they were.
        var residue: [String] = []

        var json: JSONValue {
            var json = self.measured
            if !self.problems.isEmpty { json["problems"] = .array(self.problems.map { .string($0) }) }
            if !self.residue.isEmpty { json["residue"] = .array(self.residue.map { .string($0) }) }
            return json
        }
    }

    /// Runs one round: whatever goes wrong in it is noted, and cleared away before the next.
    func round(_ body: (inout Outcome) async throws -> Void) async throws -> JSONValue {
        self.watch.forget()
        var outcome = Outcome()
        let began = ContinuousClock.now
        let brokenBefore = self.watch.broken
        do {
            try await body(&outcome)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            outcome.problems.append("\(error)")
        }
        let ended = ContinuousClock.now
        try await self.takeStock(&outcome)
        if outcome.residue.isEmpty { outcome.measured["cleared_s"] = .seconds((.now - ended).seconds) }
        let deadEnds = self.watch.history.deadEnds(since: began)
        if !deadEnds.isEmpty { outcome.problems.append("the Service had no endpoint, \(deadEnds.count) times") }
        outcome.problems += self.watch.takeDeaths()
        if self.watch.broken > brokenBefore { outcome.problems.append("a watch broke; this round was not seen whole") }
        if !outcome.residue.isEmpty || !outcome.problems.isEmpty { try await self.clear() }
        return outcome.json
    }

    /// Adds to the last of some rounds what was seen only after it: how interceptors ended that were still ending then.
    func addLate(to runs: inout [JSONValue]) {
        let late = self.watch.takeDeaths().map { JSONValue.string($0) }
        guard !late.isEmpty else { return }
        var run = runs.popLast() ?? [:]
        run["problems"] = .array((run["problems"]?.array ?? []) + late)
        runs.append(run)
    }

    /// When the Service selected the original's Pods again.
    func selectorIsBack(
        since start: ContinuousClock.Instant,
        within limit: Duration
    ) async throws -> ContinuousClock.Instant {
        try await self.watch.moment("the selector is back", since: start, within: limit) {
            $0 == .service(selector: ["app": "leaf"])
        }
    }

    /// What is left when Kubernetes has had its time.
    private func takeStock(_ outcome: inout Outcome) async throws {
        do {
            try await Cluster.nothingIsLeft(
                of: "leaf",
                in: self.names.namespace,
                every: .milliseconds(300),
                butEnding: true
            )
        } catch let failure as ShellFailure {
            outcome.problems.append("\(failure)")
            outcome.residue = try await Cluster.residue(of: "leaf", in: self.names.namespace, butEnding: true)
        }
        outcome.residue += try await Cluster.snapshot("leaf", in: self.names.namespace).differences(from: self.before)
            .map(\.description)
    }

    /// Makes room for the next round after one that failed.
    private func clear() async throws {
        _ = try await Shell.run([Cluster.detour, "session", "close", "leaf", "-n", self.names.namespace, "--force"])
        try await Cluster.nothingIsLeft(of: "leaf", in: self.names.namespace)
    }
}
