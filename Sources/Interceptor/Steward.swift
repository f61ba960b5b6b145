import InterceptPlanning
import KubernetesClient
import KubernetesModel
import Logging
import SessionControl

/// The replica's share of the Session's life: heartbeats, expiry, restore, drain. One step at a time, on what is known.
actor Steward {
    private let state: ReplicaState
    private let store: SessionStore
    private let configuration: InterceptorConfiguration
    private let pod: InterceptorRun.Identity
    private let fingerprint: String
    private let bystanders: Bystanders
    private let elapsed: @Sendable () -> Duration
    private let logger: Logger

    private var heartbeats = HeartbeatWatch()
    private var lastBeat: [String: Duration] = [:]
    private var closingDrain: DrainClock
    private var stoppingDrain: DrainClock
    private var wasHijacked = false
    private var hasDrained = false
    private var hasClaimed = false
    private var problem = ""

    /// A steward that has done nothing yet.
    ///
    /// - Parameter elapsed: monotonic time since the replica started.
    init(
        state: ReplicaState,
        store: SessionStore,
        configuration: InterceptorConfiguration,
        pod: InterceptorRun.Identity,
        fingerprint: String,
        bystanders: Bystanders,
        elapsed: @escaping @Sendable () -> Duration,
        logger: Logger
    ) {
        self.state = state
        self.store = store
        self.configuration = configuration
        self.pod = pod
        self.fingerprint = fingerprint
        self.bystanders = bystanders
        self.elapsed = elapsed
        self.logger = logger
        self.closingDrain = DrainClock(deadline: .seconds(configuration.drainSeconds))
        self.stoppingDrain = DrainClock(deadline: .seconds(configuration.drainSeconds))
    }

    private var now: Duration { self.elapsed() }

    /// Looks at everything once and does what is due.
    ///
    /// - Returns: whether a stopping replica may end.
    func step() async -> Bool {
        let parts = self.state.with { $0 }
        guard parts.hasLookedForSession else { return false }
        if self.now > .seconds(5) { self.state.with { $0.isPatienceOver = true } }
        let isDeleted = parts.pods[self.pod.uid].map { !$0.isLive } ?? false
        self.state.with { $0.isDeleted = isDeleted }
        if let session = parts.session {
            await self.attempt("claim") { try await self.claim(parts) }
            await self.attempt("publish") { try await self.publish(session, parts) }
            await self.attempt("heartbeat") { try await self.beat(session, parts) }
            await self.attempt("expiry") { try await self.expire(session, parts) }
            await self.attempt("suspend") { try await self.suspend(session, parts) }
        }
        await self.attempt("plan") { try await self.act(parts) }
        return await self.attempt("drain") { try await self.drain(parts) } ?? false
    }

    /// One duty. Its failure keeps no other from being done, and it is due again at the next step: nothing here is
    /// remembered as done before it is.
    @discardableResult
    private func attempt<Value>(_ duty: String, _ work: () async throws -> Value) async -> Value? {
        do {
            return try await work()
        } catch {
            self.logger.warning("step failed", metadata: ["duty": "\(duty)", "error": "\(error)"])
            return nil
        }
    }

    /// What keeps the replica from being ready, for the Session's status.
    func report(problem: String) {
        self.problem = problem
    }

    private func claim(_ parts: ReplicaState.Parts) async throws {
        guard !self.hasClaimed, !parts.isTerminating else { return }
        do {
            try await Claim(client: self.store.client, names: self.configuration.names, pod: self.pod).make()
        } catch let error as KubernetesError where error.isForbidden {
            // A Role that was just made is known to the authorizer a moment later. After that it is an administrator's,
            // without these verbs: it stays when the Session goes, so nothing is lost.
            guard parts.isPatienceOver else { return }
            self.logger.notice("owners left alone", metadata: ["error": "\(error)"])
        }
        self.hasClaimed = true
    }

    private func publish(_ session: Session, _ parts: ReplicaState.Parts) async throws {
        guard !parts.isTerminating, self.hasClaimed else { return }
        let known = session.replicas[self.pod.uid]
        let replica = Replica(
            pod: self.pod.name,
            fingerprint: self.fingerprint,
            isDrained: known?.isDrained ?? false,
            problem: self.problem
        )
        if known != replica {
            try await self.store.mergeStatus(["replicas": [self.pod.uid: replica.json]], of: session)
        }
        self.state.with { $0.isPublished = true }
    }

    /// Says that the laptops whose tunnels end here are alive.
    private func beat(_ session: Session, _ parts: ReplicaState.Parts) async throws {
        guard session.phase == .active else { return }
        var due: [String: JSONValue] = [:]
        for route in session.routes where parts.tunnels[route.id] == UInt64(route.epoch) {
            let interval = min(Duration.seconds(10), .milliseconds(route.ttlSeconds * 250))
            if let last = self.lastBeat[route.id], self.now - last < interval { continue }
            due[route.id] = .integer((session.heartbeats[route.id] ?? 0) + 1)
        }
        guard !due.isEmpty else { return }
        try await self.store.mergeStatus(["heartbeats": .object(due)], of: session)
        for id in due.keys { self.lastBeat[id] = self.now }
    }

    /// Removes the routes of laptops that have been gone for their ttl.
    private func expire(_ session: Session, _ parts: ReplicaState.Parts) async throws {
        self.heartbeats.observe(session, now: self.now)
        guard session.phase == .active else { return }
        // Whose tunnel ends here is alive, even if a busy API server has kept that from being written down.
        for route in self.heartbeats.expired(session, now: self.now)
        where parts.tunnels[route.id] != UInt64(route.epoch) {
            self.logger.notice("laptop gone", metadata: ["owner": "\(route.owner)", "ttl": "\(route.ttlSeconds)s"])
            try await self.store.update { current in
                // Somebody may have heard of it meanwhile.
                guard current.incarnation == session.incarnation,
                    current.heartbeats[route.id] == session.heartbeats[route.id]
                else { return nil }
                return current.leaving(
                    routeID: route.id,
                    reason: "\(Session.expiryReason): \(route.owner), \(route.ttlSeconds) s"
                )
            }
        }
    }

    /// A stopping replica that is the last one able to serve gives the Service back before it stops.
    private func suspend(_ session: Session, _ parts: ReplicaState.Parts) async throws {
        guard parts.isTerminating, session.phase == .active, parts.service.map(self.swap.isHijacked) ?? false else {
            return
        }
        // The watches are of different moments. A successor that has just swapped again was ready before: who looks at
        // the Service first and at the Pods afterwards sees it, and does not undo its work.
        let controller = self.controller(isReady: false)
        guard let service = try await self.store.services.find(self.configuration.service),
            self.swap.isHijacked(service)
        else { return }
        let others = try await controller.pods(session).filter { $0.uid != self.pod.uid && $0.canServe }
        guard others.isEmpty else { return }
        self.logger.notice("last replica stops; the service goes back to the original")
        try await self.store.mergeStatus(["suspended": true], of: session)
        // Whoever becomes ready meanwhile confirms the swap, which is then newer than what was read here.
        let operations =
            [.test("/metadata/resourceVersion", .string(service.resourceVersion))]
            + ServiceSwap(session).restore(service)
        _ = try await controller.run(.restore(operations), Observation(session: session, service: service))
    }

    /// Does what the planner says.
    private func act(_ parts: ReplicaState.Parts) async throws {
        guard parts.hasLookedForService else { return }
        guard parts.session != nil || parts.service.map(self.isOurs) ?? false else { return }
        let service = parts.service
        // Only what the Service's endpoints hold already may be swapped to: a swap to a Pod that its kubelet has not yet
        // found ready would send bystanders nowhere.
        let isReady =
            !parts.isTerminating && self.state.readiness() == .yes && parts.pods[self.pod.uid]?.isReady == true
        var observation = Observation(session: parts.session, service: service)
        observation.pods = Array(parts.pods.values)
        let controller = self.controller(isReady: isReady)
        for action in controller.role.plan(observation, wasHijacked: self.wasHijacked) {
            if case .wait = action { continue }
            self.logger.notice("acting", metadata: ["action": "\(action.name)"])
            _ = try await controller.run(action, observation)
        }
        guard let service else { return }
        if parts.session == nil, self.swap.isHijacked(service) {
            // The annotation is gone too, but this replica was told what the Service was.
            _ = try await controller.run(.restore(self.swap.restore(service)), observation)
        }
        if self.swap.isHijacked(service) { self.wasHijacked = true }
        if parts.session?.isSuspended == true { self.wasHijacked = false }
    }

    private var swap: ServiceSwap {
        ServiceSwap(
            incarnation: self.configuration.incarnation,
            original: self.configuration.original,
            kind: self.configuration.kind
        )
    }

    private func isOurs(_ service: DynamicObject) -> Bool {
        self.swap.isHijacked(service) || ServiceSwap.incarnation(of: service) == self.configuration.incarnation
    }

    private func controller(isReady: Bool) -> SessionController {
        SessionController(store: self.store, role: .replica(isReady: isReady))
    }

    /// Follows the drain, of a closing Session or of a stopping process.
    private func drain(_ parts: ReplicaState.Parts) async throws -> Bool {
        let isSelected = parts.service.map(self.swap.isHijacked) ?? false
        let connections = self.bystanders.count()
        let arrivals = self.bystanders.arrivals()
        if let session = parts.session, session.phase == .closing, session.replicas[self.pod.uid]?.isDrained == false {
            let step = self.closingDrain.step(
                isSelected: isSelected,
                connections: connections,
                arrivals: arrivals,
                now: self.now
            )
            switch step {
            case .linger: break
            case .announce: self.bystanders.announce()
            case .hurry: self.bystanders.hurry()
            case .drained:
                self.logger.notice("drained", metadata: ["connections": "\(connections)"])
                try await self.store.mergeStatus(["replicas": [self.pod.uid: ["drained": true]]], of: session)
                self.hasDrained = true
            }
        }
        guard parts.isTerminating else { return false }
        if self.hasDrained { return true }
        // Other replicas may still be selected; this one is not once it is no ready endpoint any more. Without others it
        // is the last that can give the Service back, and stays until that is done.
        let isLast = !parts.pods.values.contains { $0.uid != self.pod.uid && $0.canServe }
        let step = self.stoppingDrain.step(
            isSelected: isSelected && isLast,
            connections: connections,
            arrivals: arrivals,
            now: self.now
        )
        switch step {
        case .linger: return false
        case .announce:
            self.bystanders.announce()
            return false
        case .hurry:
            self.bystanders.hurry()
            return false
        case .drained:
            if let session = parts.session {
                // A courtesy: nobody waits for a Pod that is gone.
                await self.attempt("unpublish") {
                    try await self.store.mergeStatus(["replicas": [self.pod.uid: .null]], of: session)
                }
            }
            return true
        }
    }
}

/// What the steward needs of the data path: the connections of others.
struct Bystanders: Sendable {
    /// How many are open.
    var count: @Sendable () -> Int
    /// How many there have been so far.
    var arrivals: @Sendable () -> Int
    /// Ends idle ones now, others after their exchange.
    var hurry: @Sendable () -> Void
    /// Lets the next response on each say that the connection ends.
    var announce: @Sendable () -> Void = {}
}

extension InterceptAction {
    /// The action's name, for the log: never its operands.
    var name: String {
        switch self {
        case .create(let object): "create \(object.rawValue)"
        case .hijack: "hijack"
        case .restore: "restore"
        case .resume: "resume"
        case .close(let reason): "close: \(reason)"
        case .deleteSession: "delete session"
        case .wait: "wait"
        }
    }
}
