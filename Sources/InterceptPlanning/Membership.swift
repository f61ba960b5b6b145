import TrafficMatch

/// Joining and leaving a Session, as pure changes to be written by compare-and-swap.
extension Session {
    /// What joining would do.
    public enum Joining: Sendable, Hashable {
        /// Write this Session.
        case write(Session)
        /// Refused, and why.
        case refused(PlanningError)
        /// The Session is closing: wait until it is gone, then start a new incarnation.
        case wait
    }

    /// Adds a route, or replaces the same owner's route with the same match (a newer epoch supersedes its tunnel).
    ///
    /// A route of someone else that takes every request this one would take is a conflict: the match is taken. So is any
    /// route beside one that takes whole connections. Where two matches merely overlap (a request may carry both headers)
    /// the earlier route gets the request; see ``overlapping(_:)``. A mirror takes nothing and is in nobody's way.
    ///
    /// - Parameters:
    ///   - route: the route to add; its epoch is set by this method.
    ///   - takeOver: removes the routes in conflict instead of refusing.
    ///   - tlsSecrets: the Secrets that are asked for, by port; the interceptor's Pods have theirs from their start.
    public func joining(_ route: Route, takeOver: Bool = false, tlsSecrets: [Int: String] = [:]) -> Joining {
        guard self.phase == .active else { return .wait }
        if let refusal = self.refusal(of: tlsSecrets) { return .refused(refusal) }
        var session = self
        var route = route
        let own = session.routes.first { route.renews($0) }
        if let own {
            route.epoch = own.epoch + 1
            session.routes.removeAll { $0.id == own.id }
        }
        let conflicts = session.routes.filter {
            $0.competes(with: route) && ($0.match.covers(route.match) || route.match.takesEverything)
        }
        if let conflict = conflicts.first, !takeOver {
            return .refused(
                PlanningError(
                    .matchTaken,
                    "\(conflict.owner) already intercepts \(self.service) in namespace \(self.namespace) with "
                        + "'\(conflict.match)' (port \(conflict.ports.map(String.init).joined(separator: ", "))); "
                        + (route.match.takesEverything
                            ? "--all needs the port for itself: wait, choose another port, or take it over with --take-over"
                            : "choose another header or value with -x, or take it over with --take-over")
                )
            )
        }
        session.routes.removeAll { route in conflicts.contains { $0.id == route.id } }
        session.routes.append(route)
        return .write(session)
    }

    /// Why Secrets that are asked for cannot be had; nil when they are those the interceptor runs with.
    private func refusal(of tlsSecrets: [Int: String]) -> PlanningError? {
        for (port, secret) in tlsSecrets.sorted(by: { $0.key < $1.key }) where self.settings.tlsSecrets[port] != secret
        {
            let owners = Set(self.routes.map(\.owner)).sorted().joined(separator: ", ")
            let known = self.settings.tlsSecrets[port]
            return PlanningError(
                .otherSetting,
                "\(owners) intercepts \(self.service) in namespace \(self.namespace) "
                    + (known.map {
                        "with --tls-secret \($0) for port \(port), not \(secret); leave --tls-secret out to use that"
                    }
                        ?? "without --tls-secret for port \(port), and it can only be set at the start; leave it out")
                    + ", or start when nobody intercepts the Service"
            )
        }
        return nil
    }

    /// The routes listed before `route` that would get some of its requests, because a request may satisfy both.
    public func overlapping(_ route: Route) -> [Route] {
        self.routes.prefix { $0.id != route.id }
            .filter { $0.competes(with: route) && $0.match.overlaps(route.match) }
    }

    /// The routes that take requests a mirror would get copies of: no original answers those, so none is copied.
    public func starving(_ mirror: Route) -> [Route] {
        self.routes.filter {
            !$0.isMirror && !Set($0.ports).isDisjoint(with: mirror.ports) && $0.match.overlaps(mirror.match)
        }
    }

    /// Removes a route; the last one to leave closes the Session. Nil when there is nothing to write.
    public func leaving(routeID: String, reason: String) -> Session? {
        self.leaving(reason: reason) { $0.id == routeID }
    }

    /// Removes an owner's routes; the last one to leave closes the Session. Nil when there is nothing to write.
    public func leaving(owner: String, reason: String) -> Session? {
        self.leaving(reason: reason) { $0.owner == owner }
    }

    private func leaving(reason: String, _ leaves: (Route) -> Bool) -> Session? {
        guard self.phase == .active, self.routes.contains(where: leaves) else { return nil }
        var session = self
        session.routes.removeAll(where: leaves)
        return session.routes.isEmpty ? session.closing(reason: reason) : session
    }

    /// How a close reason begins when a laptop could not be reached for its ttl: that laptop may join again by itself.
    public static let expiryReason = "not heard of for the ttl"

    /// How a close reason begins when somebody else took the swap back: who that was follows.
    public static let revertReason = "the service's selector was changed back by"

    /// Whether a laptop wants the Service swapped again when somebody else puts it back.
    public var reasserts: Bool { self.routes.contains { $0.onRevert == .reassert } }

    /// How a close reason begins when somebody else changed where the Service's ports lead: who that was follows.
    public static let portsReason = "the service's ports were changed by"

    /// How long a laptop whose route was removed may take to answer what is under way to it.
    public static let parting = Duration.seconds(5)

    /// Removes all routes and closes. Nil when the Session is closing already.
    public func closing(reason: String) -> Session? {
        guard self.phase == .active else { return nil }
        var session = self
        session.routes = []
        session.phase = .closing
        session.closeReason = reason
        return session
    }
}

/// Tells which routes' laptops are gone: those whose heartbeat has not changed for their ttl on this observer's clock.
///
/// Clocks of different machines are never compared; an observer that just started grants each route a whole ttl.
public struct HeartbeatWatch: Sendable {
    private struct Seen: Sendable {
        var counter: Int64?
        var epoch: Int64
        var since: Duration
    }
    private var seen: [String: Seen] = [:]

    /// A watch that has seen nothing.
    public init() {}

    /// Takes in the Session as it is now.
    ///
    /// - Parameter now: the observer's own monotonic time since any fixed moment.
    public mutating func observe(_ session: Session, now: Duration) {
        var next: [String: Seen] = [:]
        for route in session.routes {
            let counter = session.heartbeats[route.id]
            if let known = self.seen[route.id], known.counter == counter, known.epoch == route.epoch {
                next[route.id] = known
            } else {
                next[route.id] = Seen(counter: counter, epoch: route.epoch, since: now)
            }
        }
        self.seen = next
    }

    /// The routes of the Session whose ttl has run out.
    public func expired(_ session: Session, now: Duration) -> [Route] {
        session.routes.filter { route in
            guard let seen = self.seen[route.id] else { return false }
            return now - seen.since >= .seconds(route.ttlSeconds)
        }
    }
}
