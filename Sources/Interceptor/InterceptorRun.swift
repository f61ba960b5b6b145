import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel
public import Logging
import NIOCore
import NIOPosix
import SessionControl
import Synchronization
import Tunnel
import TunnelTransport

/// One replica of the interceptor, from its settings file to its last bystander connection.
public struct InterceptorRun: Sendable {
    /// Which Pod this is, as the downward API says.
    public struct Identity: Sendable {
        let name: String
        let uid: String
        let address: String

        /// Reads `POD_NAME`, `POD_UID` and `POD_IP`.
        ///
        /// - Throws: `PlanningError` naming the variable that is missing.
        public init(environment: [String: String]) throws {
            func need(_ variable: String) throws -> String {
                guard let value = environment[variable], !value.isEmpty else {
                    throw PlanningError(
                        .malformedSession,
                        "\(variable) is not set; the interceptor runs in a Pod that `detour intercept` makes"
                    )
                }
                return value
            }
            self.name = try need("POD_NAME")
            self.uid = try need("POD_UID")
            self.address = try need("POD_IP")
        }
    }

    private let configurationFile: String
    private let runDirectory: String
    private let pod: Identity
    private let version: String
    private let logger: Logger

    /// A replica that was not started yet.
    public init(configurationFile: String, runDirectory: String, pod: Identity, version: String, logger: Logger) {
        self.configurationFile = configurationFile
        self.runDirectory = runDirectory
        self.pod = pod
        self.version = version
        self.logger = logger
    }

    /// Serves until `stop` returns and the last bystander connection has ended.
    public func run(until stop: @escaping @Sendable () async -> Void) async throws {
        let text = try String(contentsOfFile: self.configurationFile, encoding: .utf8)
        let configuration = try InterceptorConfiguration(try JSONValue(parsing: text))
        let group = MultiThreadedEventLoopGroup.singleton
        let state = ReplicaState()
        let gate = TunnelGate(
            state: state,
            incarnation: configuration.incarnation,
            runDirectory: self.runDirectory,
            version: self.version
        )
        let host = self.pod.address.contains(":") ? "::" : "0.0.0.0"
        let data = try DataPath(configuration, gate: gate, host: host, group: group, logger: self.logger)
        let identity = try TunnelIdentity()
        let kicks = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let tunnels = try await self.tunnelServer(
            identity,
            gate,
            state,
            data,
            group,
            kick: { kicks.continuation.yield() }
        )
        try await data.start()

        let client = try KubernetesClient(try ClusterConnection.inCluster())
        let store = SessionStore(client: client, names: configuration.names, kinds: [configuration.kind])
        let started = ContinuousClock.now
        let steward = Steward(
            state: state,
            store: store,
            configuration: configuration,
            pod: self.pod,
            fingerprint: identity.fingerprint,
            bystanders: Bystanders(
                count: { data.activeConnections },
                arrivals: { data.connectionsSoFar },
                hurry: { data.closeIdle() },
                announce: { data.announceClose() }
            ),
            elapsed: { ContinuousClock.now - started },
            logger: self.logger
        )
        let watching = ReplicaWatches(
            state: state,
            store: store,
            configuration: configuration,
            data: data,
            tunnels: tunnels,
            kick: { kicks.continuation.yield() }
        )
        self.logger.notice("serving", metadata: ["service": "\(configuration.namespace)/\(configuration.service)"])

        // owner: the process, with which it ends.
        Task { await AdminServer(state: state, data: data, host: host, logger: self.logger).run() }

        await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                await stop()
                state.with { $0.isTerminating = true }
                kicks.continuation.yield()
                return false
            }
            tasks.addTask {
                while !Task.isCancelled {
                    kicks.continuation.yield()
                    try? await Task.sleep(for: .milliseconds(250))
                }
                return false
            }
            tasks.addTask {
                for await _ in kicks.stream where await steward.step() { return true }
                return true
            }
            tasks.addTask {
                await DecoyProbe(configuration, terminations: data.terminations, group: group).run(
                    state: state,
                    steward: steward
                )
                return false
            }
            for watch in watching.all {
                tasks.addTask {
                    await self.insisting(watch)
                    return false
                }
            }
            tasks.addTask {
                await SightingsReport(
                    state: state,
                    takeSightings: { await data.takeSightings() },
                    send: { tunnels.send($0, to: $1) }
                ).run()
                return false
            }
            for await isDone in tasks where isDone { break }
            tasks.cancelAll()
        }
        await tunnels.close()
        await data.close()
        try await client.shutdown()
    }

    /// Runs a watch again when it fails: a replica without its watches would be blind.
    private func insisting(_ watch: @Sendable () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                try await watch()
            } catch {
                if Task.isCancelled { return }
                self.logger.warning("watch failed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func tunnelServer(
        _ identity: TunnelIdentity,
        _ gate: TunnelGate,
        _ state: ReplicaState,
        _ data: DataPath,
        _ group: any EventLoopGroup,
        kick: @escaping @Sendable () -> Void
    ) async throws -> TunnelServer {
        let logger = self.logger
        let start = ContinuousClock.now
        let refusals = Mutex(RefusalLines())
        return try await TunnelServer.bind(
            // Loopback only: port-forward gets here, other Pods do not.
            host: "127.0.0.1",
            port: InterceptorConfiguration.tunnelPort,
            group: group,
            configuration: .init(
                identity: identity,
                isAllowed: { gate.isAllowed($0) },
                admit: { gate.admit($0, $1) },
                onEvent: { event in
                    switch event {
                    case .routeUp(let id, let epoch, _):
                        state.with { $0.tunnels[id] = epoch }
                        logger.notice("tunnel up", metadata: ["route": "\(id)", "epoch": "\(epoch)"])
                    case .routeDown(let id, let epoch, let reason):
                        state.with { if $0.tunnels[id] == epoch { $0.tunnels[id] = nil } }
                        logger.notice("tunnel down", metadata: ["route": "\(id)", "reason": "\(reason)"])
                    case .superseded(let id, let epoch, let by):
                        logger.notice(
                            "tunnel superseded",
                            metadata: ["route": "\(id)", "epoch": "\(epoch)", "by": "\(by)"]
                        )
                    case .refused(let id, let reason):
                        let elapsed = ContinuousClock.now - start
                        guard let leftOut = refusals.withLock({ $0.next(reason.code, now: elapsed) }) else { return }
                        var metadata: Logger.Metadata = ["route": "\(id ?? "-")", "reason": "\(reason)"]
                        if leftOut > 0 { metadata["left_out_before"] = "\(leftOut)" }
                        logger.warning("tunnel refused", metadata: metadata)
                        // Nothing has changed: strangers make no work.
                        return
                    case .line(let id, let line):
                        guard case .pause(let isPaused)? = RouteMessage(line: line) else { return }
                        state.pause(isPaused, route: id)
                        logger.notice("route paused", metadata: ["route": "\(id)", "paused": "\(isPaused)"])
                    }
                    // Under the lock, so that nothing older is published after it.
                    state.with { data.update($0.session, tunnels: $0.tunnels, paused: $0.paused) }
                    kick()
                }
            ),
            logger: logger
        )
    }
}
