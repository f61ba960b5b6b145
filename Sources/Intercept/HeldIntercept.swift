import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl
import TunnelTransport

/// An intercept that has joined its Session: builds, proves, swaps, and then watches over it.
struct HeldIntercept: Sendable {
    /// How an intercept ends that nobody stopped.
    enum End: Sendable {
        /// This machine was given up because it could not be reached.
        case expired
    }

    let run: InterceptRun
    let membership: Membership
    /// Whether this machine was given up before: then nobody sits there who could start the command once more.
    let isAgain: Bool
    let tunnels: HeldTunnels
    /// Steps and warnings that are said once.
    let told = Told()
    let reassertions = Reassertions()

    init(run: InterceptRun, membership: Membership, isAgain: Bool = false) {
        self.run = run
        self.membership = membership
        self.isAgain = isAgain
        self.tunnels = HeldTunnels(run, membership)
    }

    private var store: SessionStore { self.run.store.preferring(self.membership.session.kind) }
    var incarnation: String { self.membership.session.incarnation }
    var controller: SessionController { SessionController(store: self.store, role: .client) }

    /// Returns when this machine was given up; throws when someone ended the intercept, or on cancellation.
    func hold() async throws -> End {
        try await withThrowingTaskGroup(of: End?.self) { group in
            group.addTask {
                try await self.tunnels.failure()
                return nil
            }
            group.addTask {
                if let end = try await self.start() { return end }
                return try await self.watchAndRestart()
            }
            defer { group.cancelAll() }
            while let end = try await group.next() {
                if let end { return end }
            }
            throw CancellationError()
        }
    }

    // MARK: - The start

    /// Makes what is needed, and swaps; who joins again does so through whatever trouble network and server have.
    ///
    /// - Returns: how the intercept has ended meanwhile; nil once it is ready.
    func start() async throws -> End? {
        guard self.isAgain else { return try await self.startOnce() }
        return try await self.run.persist(self.startOnce) { self.stepOnce("not started again yet: \($0)") }
    }

    private func startOnce() async throws -> End? {
        self.stepOnce("making the interceptor (\(self.membership.session.settings.image))")
        _ = try await self.controller.converge(on: self.incarnation)
        var replicas: Int
        var now: Observation
        var waiting: Waiting?
        repeat {
            switch try await self.proven() {
            case .over(let end): return end
            case .ready(let wanted): replicas = wanted
            }
            self.stepOnce("pointing the Service at the interceptor")
            (now, waiting, _) = try await self.swap(wasHijacked: false)
        } while Self.isToBeProvenAgain(now, waiting)
        // What was taken back at once is for the watching to swap again.
        guard let session = now.session, let service = now.service,
            waiting == .reassertion || waiting == nil && ServiceSwap(session).isHijacked(service)
        else { return try await self.over(now.session) }
        self.run.events(
            .ready(
                .init(
                    service: "\(session.namespace)/\(session.service)",
                    ports: self.membership.localPorts.sorted { $0.key < $1.key }.map { "\($0.key) → \($0.value)" },
                    match: "\(self.membership.route.match)",
                    session: session.name,
                    replicas: replicas,
                    isMirror: self.membership.route.isMirror
                )
            )
        )
        return nil
    }

    /// Whether the Service could not be swapped, or a replica that stops has given it back meanwhile: then another swaps it.
    static func isToBeProvenAgain(_ now: Observation, _ waiting: Waiting?) -> Bool {
        waiting == .proof || now.session.map { $0.phase == .active && $0.isSuspended } ?? false
    }

    /// What came of waiting for the interceptor.
    private enum Proof {
        /// So many replicas hold a tunnel.
        case ready(Int)
        case over(End)
    }

    /// Waits until every wanted replica is ready and holds a tunnel, or says why that will not be.
    private func proven() async throws -> Proof {
        let keeper = self.tunnels.keeper
        let clock = ContinuousClock()
        let start = clock.now
        let deadline = start + .seconds(120)
        var patience = StartPatience()
        let trouble = PodTrouble(
            client: self.run.client,
            namespace: self.run.names.namespace,
            image: self.membership.session.settings.image
        )
        while true {
            let now = try await self.controller.observe()
            guard let session = now.session, session.phase == .active,
                session.routes.contains(where: { $0.id == self.membership.route.id })
            else { return .over(try await self.over(now.session)) }
            // While the Service is suspended, it is a replica that swaps it again.
            let ready =
                session.isSuspended
                ? [] : now.pods.filter { $0.canServe && keeper.connected.contains($0.uid) }
            if ready.count >= session.settings.replicas { return .ready(ready.count) }
            let query =
                "kubectl describe pods -n \(session.namespace) -l \(Marks.podQuery(incarnation: session.incarnation))"
            if let word = patience.word(
                elapsed: clock.now - start,
                ready: ready.count,
                wanted: session.settings.replicas,
                pods: now.pods,
                query: query
            ) {
                self.run.events(.step(word))
            }
            if let error = try await trouble.find(
                deployment: self.run.names.interceptor,
                podQuery: Marks.podQuery(incarnation: session.incarnation)
            ) {
                throw error
            }
            let problems = Set(now.pods.compactMap { session.replicas[$0.uid]?.problem }.filter { !$0.isEmpty })
            if let problem = problems.first, clock.now > deadline - .seconds(110) {
                throw InterceptError(.originalUnreachable, problem)
            }
            guard clock.now < deadline else {
                throw InterceptError(
                    .notReady,
                    "the interceptor did not become ready within 120 s (\(ready.count) of \(session.settings.replicas) "
                        + "replicas); see \(query)"
                )
            }
            try await Task.sleep(for: .milliseconds(150))
        }
    }

    // MARK: - Afterwards

    private func watchAndRestart() async throws -> End {
        guard self.run.options.restartsTarget, self.run.restart.take() else { return try await self.watch() }
        async let _: Void = self.run.targetRestart.run(selector: self.membership.session.original.selector)
        return try await self.watch()
    }

    /// Watches the Session and the Service until the intercept is over, and acts on a foreign revert.
    private func watch() async throws -> End {
        try await withThrowingTaskGroup(of: End?.self) { group in
            group.addTask {
                for try await update in self.store.watch() {
                    let end = try await self.end(SessionSighting(update), mayBeGivenUp: self.mayBeGivenUp)
                    if let end { return end }
                }
                return nil
            }
            group.addTask {
                for try await _ in self.store.services.watch(name: self.run.names.service) {
                    try await self.keepUp()
                }
                return nil
            }
            // Of a mirror's traffic the replicas tell what was copied, not what was looked at.
            if !self.membership.route.isMirror {
                group.addTask {
                    try await NearMissWatch(
                        traffic: self.run.traffic,
                        clock: self.run.clock,
                        report: { sightings in
                            var report = self.run.report(sightings)
                            report.olderConnections = await OlderConnections(
                                client: self.run.client,
                                session: self.membership.session,
                                ports: Set(self.membership.localPorts.keys)
                            ).count()
                            return report
                        },
                        events: self.run.events
                    ).run()
                    return nil
                }
            }
            group.addTask {
                var seconds = 0
                while true {
                    try await Task.sleep(for: .seconds(1))
                    seconds += 1
                    // What else the Session owns is not watched: whoever deletes it by hand has it made anew by this.
                    if self.reassertions.tick() || seconds.isMultiple(of: 10) { try await self.keepUp() }
                }
            }
            defer { group.cancelAll() }
            while let end = try await group.next() {
                if let end { return end }
            }
            throw CancellationError()
        }
    }

    /// Whether this machine was away for so long that a Session that is gone has most likely expired, which nobody here saw.
    private var mayBeGivenUp: Bool {
        self.tunnels.keeper.mayBeGivenUp(after: .seconds(self.run.options.ttlSeconds))
    }

    /// What a sighting of the Session means; nil while the intercept goes on.
    ///
    /// - Throws: ``InterceptError`` with code `ended` where somebody ended it, or has its match now.
    func end(_ sighting: SessionSighting, mayBeGivenUp: Bool) async throws -> End? {
        switch sighting {
        case .malformed: return nil
        // By hand: who has seen all that came before would have seen it close.
        case .deleted: throw await self.ended(nil)
        case .absent:
            guard mayBeGivenUp else { throw await self.ended(nil) }
            return .expired
        case .present(let session):
            let isOurs = session.incarnation == self.incarnation
            if isOurs, session.routes.contains(where: { $0.id == self.membership.route.id }) { return nil }
            guard isOurs || mayBeGivenUp else { throw await self.ended(nil) }
            if let rival = self.run.rival(of: self.membership.route, in: session) { throw rival }
            guard !isOurs || session.phase == .active || session.closeReason.hasPrefix(Session.expiryReason) else {
                throw await self.ended(session)
            }
            return .expired
        }
    }

    /// How a start is over that a look at the Session shows to be: who sleeps in the midst of one is given up as well.
    private func over(_ session: Session?) async throws -> End {
        let sighting = session.map(SessionSighting.present) ?? .absent
        if let end = try await self.end(sighting, mayBeGivenUp: self.mayBeGivenUp) { return end }
        throw await self.ended(session)
    }

    private func stepOnce(_ text: String) {
        if self.told.isNew(text) { self.run.events(.step(text)) }
    }

    /// Why the intercept is over; where a tool has undone it, with how that leaves the next one alone.
    private func ended(_ session: Session?) async -> InterceptError {
        await self.ended(because: session.map { $0.closeReason.isEmpty ? "its route was removed" : $0.closeReason })
    }

    func ended(because reason: String?) async -> InterceptError {
        let why = reason ?? "its session was deleted"
        // At once: the error comes last, when all has been put back, and that takes seconds.
        self.stepOnce(why)
        var text =
            "the intercept of \(self.run.names.service) in namespace \(self.run.names.namespace) was ended: \(why)"
        if let reason, reason.hasPrefix(Session.revertReason) || reason.hasPrefix(Session.portsReason),
            let service = try? await self.store.services.find(self.run.names.service),
            let advice = RevertAdvice.text(for: service, names: self.run.names)
        {
            text += "\n\(advice)"
        }
        return InterceptError(.ended, text)
    }
}
