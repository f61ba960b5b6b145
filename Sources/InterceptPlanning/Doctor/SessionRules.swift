import KubernetesModel

extension Diagnosis {
    /// Intercepts of this Service that there are, or that somebody left.
    static func sessions(_ seen: Surroundings) -> [Finding] {
        guard let object = seen.session else { return [] }
        if let second = seen.secondSession { return [self.twice(object, second, seen)] }
        let close = "detour session close \(seen.names.service) -n \(seen.names.namespace)"
        let session: Session
        do {
            session = try Session(object)
        } catch {
            return [
                Finding(
                    .stops,
                    .sessionDamaged,
                    "the session of \(seen.place) cannot be read: \(error)",
                    mend: "`\(close) --force` restores the Service and removes it"
                )
            ]
        }
        if session.phase == .closing {
            let reason = session.closeReason.isEmpty ? "" : " (\(session.closeReason))"
            return [
                Finding(
                    .hurts,
                    .sessionClosing,
                    "an intercept of \(seen.place) is ending\(reason): a new one waits until connections of others "
                        + "have drained",
                    mend: "wait, or do not: \(close) --force"
                )
            ]
        }
        if let why = self.staleness(of: session, seen) {
            return [
                Finding(.hurts, .sessionStale, "the session of \(seen.place) is left over: \(why)", mend: close)
            ]
        }
        return [self.active(session, seen)] + self.otherImage(session, seen)
    }

    private static func twice(_ first: DynamicObject, _ second: DynamicObject, _ seen: Surroundings) -> Finding {
        func name(_ object: DynamicObject) -> String { "\(SessionKind(of: object).rawValue)/\(object.name)" }
        return Finding(
            .stops,
            .sessionTwice,
            "\(seen.place) has two sessions, \(name(first)) and \(name(second)): neither goes on until one of them is gone",
            mend: "`detour session close \(seen.names.service) -n \(seen.names.namespace)` ends both"
        )
    }

    private static func active(_ session: Session, _ seen: Surroundings) -> Finding {
        let routes = session.routes.map { route in
            "\(route.owner) with '\(route.claim)' (port \(route.ports.map(String.init).joined(separator: ", ")))"
        }
        return Finding(
            .note,
            .sessionActive,
            "\(seen.place) is intercepted already by \(routes.isEmpty ? "nobody" : routes.joined(separator: "; "))",
            mend: "join with another header or value (-x), or take a match over with --take-over"
        )
    }

    private static func otherImage(_ session: Session, _ seen: Surroundings) -> [Finding] {
        guard session.settings.image != seen.image else { return [] }
        return [
            Finding(
                .note,
                .sessionImage,
                "the interceptor of \(seen.place) runs \(session.settings.image), not \(seen.image): who joins uses "
                    + "what is there",
                mend: "end the session first when the image matters: "
                    + "detour session close \(seen.names.service) -n \(seen.names.namespace)"
            )
        ]
    }

    /// Why nobody holds the Session any more, or nil where that cannot be said from one look.
    private static func staleness(of session: Session, _ seen: Surroundings) -> String? {
        guard let service = seen.service else { return nil }
        if service.uid != session.serviceUID { return "it is of a Service of that name that was deleted since" }
        guard seen.pods != nil else { return nil }
        if ServiceSwap(session).isHijacked(service),
            !seen.interceptorPods.contains(where: { InterceptorPod($0).isLive })
        {
            return "the Service points at its interceptor, and no Pod of that runs"
        }
        return session.routes.isEmpty ? "it has no routes" : nil
    }
}
