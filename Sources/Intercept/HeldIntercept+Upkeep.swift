import InterceptPlanning
import KubernetesClient
import KubernetesModel
import Logging
import SessionControl

/// Keeps what an intercept has made as it is to be, while it is held.
extension HeldIntercept {
    /// Does what is due. Neither a server that is away nor a Session that nobody can read ends anything: it is due again.
    func keepUp() async throws {
        do {
            let (now, waiting, _) = try await self.controller.converge(on: self.incarnation, wasHijacked: true)
            if waiting == .reassertion { try await self.reassert(now) } else { self.reassertions.stands() }
        } catch let error as KubernetesError where error.isRetryable {
            self.run.logger.debug("not kept up", metadata: ["error": "\(error)"])
        } catch let error as KubernetesError {
            self.warnOnce("what was deleted cannot be made anew: \(error)")
        } catch let error as PlanningError where error.code == .malformedSession {
            self.warnOnce("\(error)")
        }
    }

    /// Swaps again what somebody took back, where this laptop wants that and when it is time.
    private func reassert(_ now: Observation) async throws {
        guard self.membership.route.onRevert == .reassert, let service = now.service else { return }
        let reason = "\(Session.revertReason) \(Planner.lastEditor(of: service))"
        switch self.reassertions.takenBack() {
        case .later: return
        case .surrender(let count):
            throw await self.ended(because: "\(reason), as \(count) times before; that is a fight nobody wins")
        case .again: break
        }
        do {
            let (found, waiting, hasSwapped) = try await self.swap(wasHijacked: true)
            if hasSwapped {
                self.tellSwapped(reason, service)
            } else if waiting == .reassertion, !found.pods.contains(where: \.canServe) {
                self.warnOnce("\(reason); it is swapped again as soon as the interceptor is ready")
            }
        } catch let error as KubernetesError where !error.isRetryable {
            self.reassertions.refused()
            self.warnOnce("\(reason), and it cannot be swapped again: \(error)")
        }
    }

    private func tellSwapped(_ reason: String, _ service: DynamicObject) {
        let count = self.reassertions.swapped()
        self.run.events(.warning("\(reason); it is swapped again (\(count) of \(ReassertionSchedule.limit) times)"))
        if count == 1, let advice = RevertAdvice.text(for: service, names: self.run.names) { self.warnOnce(advice) }
    }

    /// Points the Service at the interceptor, once, if one of its Pods can serve at that moment.
    func swap(wasHijacked: Bool) async throws -> (Observation, Waiting?, hasSwapped: Bool) {
        try await self.controller.converge(on: self.incarnation, wasHijacked: wasHijacked) { pods in
            pods.contains(where: \.canServe)
        }
    }

    private func warnOnce(_ text: String) {
        if self.told.isNew(text) { self.run.events(.warning(text)) }
    }
}
