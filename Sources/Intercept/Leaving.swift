import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl

/// Leaves a Session, and puts everything back when this was its last route.
struct Leaving: Sendable {
    private let store: SessionStore
    private let events: @Sendable (InterceptEvent) -> Void
    private let told = Once()

    /// The leaving of one Service's Session.
    init(store: SessionStore, events: @escaping @Sendable (InterceptEvent) -> Void = { _ in }) {
        self.store = store
        self.events = events
    }

    /// Leaves; an API server that is away is asked again for 20 s.
    func leave(routeID: String, of last: Session, reason: String) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(20)
        while true {
            do {
                return try await self.attempt(routeID: routeID, last, reason: reason)
            } catch let error as KubernetesError where error.isUnreachable || error.isTimeout || error.isRetryable {
                // An outcome unknown is found out by looking again: every step is idempotent.
                guard clock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// Tries it once. Each step is idempotent, and a Session that does not have the route is left alone.
    func attempt(routeID: String, _ last: Session, reason: String) async throws {
        let store = self.store.preferring(last.kind)
        let session = try await store.update { $0.leaving(routeID: routeID, reason: reason) }
        if let session, session.phase == .active { return }
        let outcome = try await SessionEnding(store: store, restored: self.restored)
            .settle(last, patience: .seconds(6))
        self.restored()
        switch outcome {
        case .draining(let replicas): self.events(.draining(replicas: replicas))
        case .ending: self.events(.ending)
        default: self.events(.gone)
        }
    }

    /// The Service is what it was: said at once, while the interceptor's Pods are still ending.
    @Sendable
    private func restored() {
        if self.told.take() { self.events(.restored) }
    }
}
