public import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// Ends a Session: closes it, restores the Service, and sees to it that nothing is left.
public struct SessionEnding: Sendable {
    /// How far it got.
    public enum Outcome: Sendable, Hashable {
        /// There was nothing.
        case nothingToDo
        /// The Service is restored and nothing is left.
        case gone
        /// The Service is restored; what remains of the interceptor is ending, and Kubernetes removes it.
        case ending
        /// The Service is restored; these many replicas still hold connections of others and will remove the rest.
        case draining(replicas: Int)
        /// The owner's routes are gone; others still use the Session.
        case left(others: [String])
    }

    private let store: SessionStore
    private let restored: @Sendable () -> Void
    private var controller: SessionController { SessionController(store: self.store, role: .client) }

    /// An ending of one Service's Session.
    ///
    /// - Parameters:
    ///   - store: the Session.
    ///   - restored: told as soon as the Service is what it was; more than once where somebody else restored it, too.
    public init(store: SessionStore, restored: @escaping @Sendable () -> Void = {}) {
        self.store = store
        self.restored = restored
    }

    /// Closes the Session for everybody.
    ///
    /// - Parameters:
    ///   - reason: why, in a sentence that its users are shown.
    ///   - force: deletes the Session at once; the interceptor's Pods end by themselves with their last connections.
    ///   - patience: how long to wait for the interceptor's drain before saying that it goes on.
    /// - Throws: `SessionControlError` when the Service still points to an interceptor and nothing is left that knows what
    ///   it was; `KubernetesError` otherwise.
    public func close(reason: String, force: Bool, patience: Duration = .seconds(15)) async throws -> Outcome {
        let stored = try await self.everyStored()
        guard stored.count > 1 else { return try await self.closeOne(reason: reason, force: force, patience: patience) }
        var outcome = Outcome.nothingToDo
        for object in stored {
            let store = self.store.preferring(SessionKind(of: object))
            outcome = try await SessionEnding(store: store, restored: self.restored).closeOne(
                reason: reason,
                force: force,
                patience: patience
            )
        }
        return outcome
    }

    /// Every Session of the Service: one at most, or else servers disagreed on what kinds there are.
    private func everyStored() async throws -> [DynamicObject] {
        var stored: [DynamicObject] = []
        for kind in SessionKind.allCases {
            if let found = try await self.store.stored(as: kind) { stored.append(found) }
        }
        return stored
    }

    private func closeOne(reason: String, force: Bool, patience: Duration) async throws -> Outcome {
        var outcome = Outcome.nothingToDo
        do {
            if try await self.store.update({ $0.closing(reason: reason) }) != nil { outcome = .gone }
        } catch let error as PlanningError where error.code == .malformedSession && force {
            try await self.deleteDamaged()
            outcome = .gone
        }
        let settled = try await self.settle(force: force, patience: patience)
        // Live replicas know the original from their own settings, and put it back when they see the Session gone.
        for _ in 0..<30 {
            guard try await self.store.find() == nil, try await self.isHijacked() else { return settled ?? outcome }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw SessionControlError.originalUnknown(self.store.names)
    }

    private func isHijacked() async throws -> Bool {
        let service = try await self.store.services.find(self.store.names.service)
        return service.flatMap { ServiceSwap.selectedIncarnation(of: $0) } != nil
    }

    /// Restores by annotation or decoy, then deletes a Session that nobody can read.
    private func deleteDamaged() async throws {
        guard let damaged = try await self.store.stored() else { return }
        _ = try await self.controller.heal(damaged: damaged.uid)
        // It may be the last that knows the original, for a person's eyes.
        let kind = SessionKind(of: damaged)
        guard try await !self.isHijacked() else { throw SessionControlError.onlyDamagedSession(self.store.names, kind) }
        try await self.store.delete(kind, uid: damaged.uid, resourceVersion: damaged.resourceVersion)
    }

    /// Ends one owner's routes, and the Session with the last of them.
    ///
    /// - Throws: `SessionControlError` when the Session has routes and none of them is this owner's.
    public func leave(owner: String, reason: String, patience: Duration = .seconds(15)) async throws -> Outcome {
        var wasMember = false
        let session = try await self.store.update { session in
            let left = session.leaving(owner: owner, reason: reason)
            if left != nil { wasMember = true }
            return left
        }
        if let session, session.phase == .active {
            let others = session.routes.map(\.owner)
            guard wasMember else {
                throw SessionControlError.notAMember(owner, service: self.store.names.service, others: others)
            }
            return .left(others: others)
        }
        return try await self.settle(patience: patience) ?? (session == nil ? .nothingToDo : .gone)
    }

    /// Carries a closing Session to its end, and heals what one left behind that is gone. A Session that is active, or that
    /// another made meanwhile, is left alone.
    ///
    /// - Parameter last: the Session as the caller last saw it; what it owned is cleared away even if it is gone by now.
    /// - Returns: nil when there was nothing to do.
    public func settle(_ last: Session? = nil, force: Bool = false, patience: Duration) async throws -> Outcome? {
        let controller = self.controller
        let clock = ContinuousClock()
        let deadline = clock.now + patience
        guard let closing = try await self.store.find() else {
            let hasHealed = try await controller.heal()
            if hasHealed || last != nil { self.restored() }
            if let last { return try await self.collected(last, by: deadline) }
            return hasHealed ? .gone : nil
        }
        guard closing.phase == .closing else { return nil }
        var looks = SecondLooks()
        while true {
            let (now, waiting, _) = try await controller.converge(on: closing.incarnation, wasHijacked: true)
            guard let session = now.session else {
                self.restored()
                return try await self.collected(closing, by: deadline)
            }
            guard session.incarnation == closing.incarnation, session.phase == .closing else { return nil }
            guard case .drain(let replicas) = waiting else { continue }
            self.restored()
            if force {
                do {
                    _ = try await controller.run(
                        .deleteSession(uid: session.uid, resourceVersion: session.resourceVersion),
                        now
                    )
                } catch let error as KubernetesError where looks.allow(error) {}
                continue
            }
            guard clock.now < deadline else { return .draining(replicas: replicas) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Removes what the Session owned, and waits a little for its Pods: how long those take is the kubelet's affair.
    private func collected(_ session: Session, by deadline: ContinuousClock.Instant) async throws -> Outcome {
        let clock = ContinuousClock()
        let deadline = min(deadline, clock.now + .seconds(2))
        try await self.controller.deleteOwned(by: session, isAlone: false)
        while true {
            let isAlone = try await self.controller.pods(session).isEmpty
            if isAlone {
                try await self.controller.deleteOwned(by: session, isAlone: true)
                if try await self.controller.remains(of: session).isEmpty { return .gone }
            }
            guard clock.now < deadline else { return .ending }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
