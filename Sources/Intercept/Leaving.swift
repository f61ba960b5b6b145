import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl

/// Leaves a Session, and puts everything back when this was its last route.
struct Leaving: Sendable {
    let run: InterceptRun
    private let told = Once()

    init(run: InterceptRun) {
        self.run = run
    }

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

    private func attempt(routeID: String, _ last: Session, reason: String) async throws {
        let store = self.run.store.preferring(last.kind)
        let session = try await store.update { $0.leaving(routeID: routeID, reason: reason) }
        if let session, session.phase == .active { return }
        let outcome = try await SessionEnding(store: store, restored: self.restored)
            .settle(last, patience: .seconds(6))
        self.restored()
        switch outcome {
        case .draining(let replicas): self.run.events(.draining(replicas: replicas))
        case .ending: self.run.events(.ending)
        default: self.run.events(.gone)
        }
    }

    /// The Service is what it was: said at once, while the interceptor's Pods are still ending.
    @Sendable
    private func restored() {
        if self.told.take() { self.run.events(.restored) }
    }
}
