import InterceptPlanning
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
        /// The Service is restored; these many replicas still hold connections of others and will remove the rest.
        case draining(replicas: Int)
        /// The owner's routes are gone; others still use the Session.
        case left(others: [String])
    }

    private let store: SessionStore

    /// An ending of one Service's Session.
    public init(store: SessionStore) {
        self.store = store
    }

    /// Closes the Session for everybody.
    ///
    /// - Parameters:
    ///   - reason: why, in a sentence that its users are shown.
    ///   - force: deletes what is left at once, without waiting for connections to end.
    ///   - patience: how long to wait for the interceptor's drain before saying that it goes on.
    public func close(reason: String, force: Bool, patience: Duration = .seconds(15)) async throws -> Outcome {
        var outcome = Outcome.nothingToDo
        do {
            if try await self.store.update({ $0.closing(reason: reason) }) != nil { outcome = .gone }
        } catch let error as PlanningError where error.code == .malformedSession && force {
            // Nothing to learn from it: the Service's annotation has to do.
            try await self.store.sessions.delete(self.store.names.session, propagation: .background)
            outcome = .gone
        }
        let settled = try await self.settle(force: force, patience: patience)
        return settled ?? outcome
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

    /// Carries a closing Session to its end.
    ///
    /// - Returns: nil when there was nothing to do.
    public func settle(force: Bool = false, patience: Duration) async throws -> Outcome? {
        let controller = SessionController(store: self.store, role: .client)
        let clock = ContinuousClock()
        let deadline = clock.now + patience
        var acted: Outcome?
        var last: Session?
        while true {
            let before = try await controller.observe()
            last = before.session ?? last
            let (now, waiting) = try await controller.converge(wasHijacked: true)
            if before.session != nil || before.service != now.service { acted = .gone }
            guard let session = now.session, session.phase == .closing else {
                if acted != nil, now.session == nil {
                    if let last { try await controller.deleteOwned(by: last) }
                    try await self.collected(by: deadline)
                }
                return acted
            }
            guard case .drain(let replicas) = waiting else { continue }
            if force {
                _ = try await controller.run(
                    .deleteSession(uid: session.uid, resourceVersion: session.resourceVersion),
                    now
                )
                continue
            }
            guard clock.now < deadline else { return .draining(replicas: replicas) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Waits until what the Session owned is gone.
    private func collected(by deadline: ContinuousClock.Instant) async throws {
        let deployments = self.store.client.resources(.deployments, in: self.store.names.namespace)
        while ContinuousClock.now < deadline {
            let decoy = try await self.store.services.find(self.store.names.decoy)
            let deployment = try await deployments.find(self.store.names.interceptor)
            if decoy == nil, deployment == nil { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
