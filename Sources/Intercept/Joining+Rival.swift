import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl
import Tunnel

extension InterceptRun {
    /// Why joining again would only take the route from whoever has taken it from here; nil when it would not.
    func rival(of route: Route, in session: Session) -> InterceptError? {
        if session.routes.contains(where: { route.renews($0) && $0.id != route.id }) {
            let place = "\(self.names.service) in namespace \(self.names.namespace)"
            return InterceptError(.ended, "\(route.owner) intercepts \(place) with the same match elsewhere now")
        }
        guard case .refused(let refusal) = session.joining(route) else { return nil }
        return InterceptError(.ended, "this intercept was taken over: \(refusal.message)")
    }

    /// A Session of the Service that is kept in the other kind of object, too: then the route has been taken back.
    ///
    /// That can be where the definition of Sessions is made while the first Session is put into a ConfigMap. Who has
    /// written and then sees no second one is seen by all who write later, and they take theirs back.
    func rival(of written: Session, _ route: Route) async throws -> DynamicObject? {
        let found: DynamicObject?
        do {
            found = try await self.store.second(to: written)
        } catch {
            // Unless the answer can be had, nobody knows.
            // owner: awaited in the next line; a task of its own because cancellation must not stop the clean-up.
            let takingBack = Task { try await self.takeBack(route, from: written) }
            try? await takingBack.value
            throw error
        }
        if found != nil { try await self.takeBack(route, from: written) }
        return found
    }

    /// How long to wait for one of two Sessions to go: who have just met need a moment, three seconds in all.
    static let rivalPauses = Backoff(initial: .milliseconds(20), maximum: .seconds(1))
    private static let rivalAttempts = 8

    /// Waits a moment, for whoever has met another to give way too.
    ///
    /// - Throws: ``InterceptError`` with code `twoSessions` where both are there to stay, as when API servers disagree on
    ///   what kinds they have.
    func giveWay(_ written: Session, to rival: DynamicObject, _ route: Route, _ pauses: inout Backoff) async throws {
        guard pauses.attempts < Self.rivalAttempts else {
            let others = written.routes.filter { $0.id != route.id }
            let both = [
                Self.described(written.kind, written.name, others),
                Self.described(SessionKind(of: rival), rival.name, (try? Session(rival))?.routes ?? []),
            ]
            throw InterceptError(
                .twoSessions,
                "service \(self.names.service) in namespace \(self.names.namespace) has two sessions, \(both[0]) and "
                    + "\(both[1]), and there is never to be more than one; this machine has joined neither. "
                    + "detour session close \(self.names.service) -n \(self.names.namespace) ends both; then try again"
            )
        }
        try await self.clock.sleep(for: pauses.next())
    }

    private static func described(_ kind: SessionKind, _ name: String, _ routes: [Route]) -> String {
        let owners = Set(routes.map(\.owner)).sorted().joined(separator: ", ")
        return "\(kind.rawValue)/\(name)" + (owners.isEmpty ? "" : " (of \(owners))")
    }

    /// Takes the route out again; an API server that is away for a moment is asked again.
    private func takeBack(_ route: Route, from written: Session) async throws {
        let store = self.store.preferring(written.kind)
        for attempt in 1... {
            do {
                try await store.update { session in
                    guard session.incarnation == written.incarnation else { return nil }
                    return session.leaving(
                        routeID: route.id,
                        reason: "another session of the service is kept elsewhere"
                    )
                }
                _ = try await SessionEnding(store: store).settle(patience: .zero)
                return
            } catch let error as KubernetesError where error.isOutcomeUnknown && attempt < 20 {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }
}
