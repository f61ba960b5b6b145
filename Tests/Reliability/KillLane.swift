import APIFaults
import ClusterFaults
import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// A namespace with a leaf of its own, in which one command after the other is killed.
struct KillLane: Sendable {
    /// How long a laptop may be gone here, in seconds.
    static let ttl = 3
    /// How long restoring may take.
    static let limit = Duration.seconds(Self.ttl + 15)

    let stage: Stage
    let leaf: OwnLeaf
    let client: KubernetesClient
    let watch: ServiceWatch
    let api: FaultyAPI
    let victim: Victim
    /// Who dies in its place.
    let striker: Striker
    /// The Service as it was before everything.
    let before: JSONValue
    /// Where the cluster is without a proxy.
    let direct: [String: String]
    /// Where it is by the proxy, as somebody with rights in this namespace only.
    let restricted: [String: String]

    var names: InterceptNames { InterceptNames(namespace: self.leaf.namespace, service: "leaf") }

    /// Runs `body` in a namespace of this name, with bystanders all the while; what it makes, and what became of them.
    ///
    /// - Parameter rate: how many of them a second; nil for none.
    static func with<Value: Sendable>(
        _ namespace: String,
        _ stage: Stage,
        rate: Int?,
        limit: Duration,
        _ body: @escaping @Sendable (KillLane) async throws -> Value
    ) async throws -> (value: Value, bystanders: [JSONValue]) {
        let leaf = try await OwnLeaf(in: namespace)
        let (victim, striker) = (Victim(), Striker())
        let result: Result<(Value, [JSONValue]), any Error>
        do {
            let api = try await FaultyAPI.start([], kill: { victim.strike() }, strike: { await striker.strike() })
            let client = try KubernetesClient(try ClusterConnection.load())
            let lane = KillLane(
                stage: stage,
                leaf: leaf,
                client: client,
                watch: ServiceWatch(client: client, names: InterceptNames(namespace: namespace, service: "leaf")),
                api: api,
                victim: victim,
                striker: striker,
                before: try await leaf.snapshot(),
                direct: try await Cluster.environment(),
                restricted: try api.environment(token: try await Restricted.token(in: namespace))
            )
            result = await Result { () async throws -> (Value, [JSONValue]) in
                let bystanders: Bystanders? =
                    if let rate { try await Bystanders.start(of: leaf, rate: rate, limit: limit) } else { nil }
                defer { bystanders?.abandon() }
                let value = try await lane.watch.following { try await body(lane) }
                // Pods that were ending, and what only they own, have to be gone in the end too.
                try await Cluster.nothingIsLeft(of: "leaf", in: namespace, within: .seconds(150), every: .seconds(1))
                return (value, try await bystanders?.finish() ?? [])
            }
            Self.dismissGuardians(in: namespace, orphaned: false)
            await api.stop()
            try? await client.shutdown()
        } catch {
            result = .failure(error)
        }
        try? await leaf.remove()
        return try result.get()
    }

    /// Starts a developer's command.
    ///
    /// - Parameters:
    ///   - environment: how it finds the cluster.
    ///   - tracer: the words before it.
    func command(
        _ words: [String],
        of developer: Stage.Developer,
        _ environment: [String: String],
        under tracer: [String] = []
    ) throws -> RunningProcess {
        try RunningProcess(
            tracer + [Cluster.detour] + words + ["-n", self.leaf.namespace],
            environment: environment.merging(["USER": developer.name, Self.mark: self.leaf.namespace]) { $1 }
        )
    }

    /// The variable by which commands of a lane, and their guardians, are told from others; its value is the namespace.
    private static let mark = "RELIABILITY_LANE"

    /// Ends the guardians of commands that are gone: in a later life they would ask the proxy too, and help.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    func dismissGuardians() -> Bool { Self.dismissGuardians(in: self.leaf.namespace, orphaned: true) }

    @discardableResult
    private static func dismissGuardians(in namespace: String, orphaned: Bool) -> Bool {
        let guardians = RunningProcess.guardians(having: (Self.mark, namespace), orphaned: orphaned)
        guardians.forEach(RunningProcess.dismiss)
        return !guardians.isEmpty
    }

    /// The words of a developer's intercept.
    func intercept(of developer: Stage.Developer, ttl: Int = 60, replicas: Int? = nil) -> [String] {
        let header = "\(developer.header.name):\(developer.header.value)"
        return ["intercept", "leaf", "-p", "80:\(developer.port)", "-x", header, "--drain", "1s", "--ttl", "\(ttl)s"]
            + (replicas.map { ["--replicas", "\($0)"] } ?? [])
    }

    /// A developer's intercept that is there and is left alone.
    func bystandingIntercept(of developer: Stage.Developer) async throws -> RunningProcess {
        let command = try self.command(self.intercept(of: developer), of: developer, self.direct)
        do {
            try await command.says("ready:", within: .seconds(90))
        } catch {
            command.signal(SIGKILL)
            throw error
        }
        return command
    }

    /// Runs `body` while a developer's requests are asked for all the time.
    func probing<Value: Sendable>(
        _ developer: Stage.Developer,
        _ body: (Prober) async throws -> Value
    ) async throws -> Value {
        let prober = Prober(
            self.leaf.url,
            header: developer.header,
            client: self.stage.http,
            pause: .milliseconds(150)
        )
        async let _: Void = prober.run()
        return try await body(prober)
    }

    /// The Session as the server has it; nil when there is none.
    func session() async throws -> Session? {
        try await self.client.resources(.sessions, in: self.leaf.namespace).find(self.names.session).map(Session.init)
    }
}

extension Result where Failure == any Error {
    /// What `body` comes to.
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
