import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl
import Tunnel
import TunnelTransport

extension InterceptRun {
    /// Checks everything, then joins the Service's Session, or makes it.
    ///
    /// - Parameter again: the route's ID where this machine joins again by itself: nobody loses a route by that, but a try of
    ///   the same ID whose answer was lost.
    func join(again: String? = nil) async throws -> Membership {
        self.events(.step("checking service \(self.names.service) in namespace \(self.names.namespace)"))
        let preflight = Preflight(client: self.client, names: self.names)
        let (home, existing) = try await self.home(preflight)
        let (ports, original, uid) = try await self.target(preflight, existing)
        if self.options.restartsTarget, !self.restart.isDone {
            _ = try await self.targetRestart.workloads(selector: original.selector)
        }
        let identity = try TunnelIdentity()
        let route = Route(
            id: again ?? Random.hex(bytes: 8),
            owner: self.options.owner,
            ports: ports.map(\.remote),
            match: self.options.match,
            fingerprint: identity.fingerprint,
            ttlSeconds: self.options.ttlSeconds,
            onUnreachable: self.options.onUnreachable,
            onRevert: self.options.onRevert,
            samplePer10000: self.options.samplePer10000,
            isBounded: self.options.requestLimit != nil,
            isMirror: self.options.mirror != nil
        )
        let secrets = try self.tlsSecrets(ports, original)
        let isAgain = again != nil
        if let existing, case .refused(let error) = try self.joining(existing, route, secrets, isAgain: isAgain) {
            throw error
        }
        try await self.prepare(.init(names: self.names, original: original, ports: ports, isMirror: route.isMirror))
        switch home {
        case .resource: break
        case .resourceOnceDefined:
            self.events(.step("making the definition of sessions.detour.dev"))
            try await preflight.ensureDefinition()
        case .configMap:
            let why =
                existing == nil ? "the cluster does not know Sessions, and you may not make their definition: " : ""
            self.events(.step("\(why)the session is kept in ConfigMap \(self.names.session)"))
        }

        let fresh = Session(
            names: self.names,
            serviceUID: uid,
            incarnation: Random.hex(bytes: 20),
            original: original,
            routes: [route],
            settings: InterceptorSettings(
                image: self.options.image,
                replicas: try await self.replicas(preflight, original),
                drainSeconds: self.options.drainSeconds,
                imagePullSecret: self.options.imagePullSecret,
                tlsSecrets: secrets
            ),
            kind: home.kind
        )
        let session: Session
        do {
            session = try await self.write(fresh, route, isAgain: isAgain)
        } catch let error where Task.isCancelled || (error as? KubernetesError)?.isOutcomeUnknown == true {
            // It may have been written all the same.
            try await self.leave(routeID: route.id, of: fresh, because: error)
            throw error
        } catch {
            self.guarding(nil)
            throw error
        }
        for other in session.overlapping(route) {
            self.events(
                .warning(
                    "a request that also has '\(other.match)' goes to \(other.owner), who was first; "
                        + "--take-over does not change that, another header does"
                )
            )
        }
        for other in route.isMirror ? session.starving(route) : [] {
            self.events(
                .warning(
                    "a request that also has '\(other.match)' is answered by the machine of \(other.owner) and not by "
                        + "the original; it is not compared"
                )
            )
        }
        return Membership(
            session: session,
            route: session.routes.first { $0.id == route.id } ?? route,
            identity: identity,
            localPorts: Dictionary(ports.map { ($0.remote, $0.local) }, uniquingKeysWith: { $1 })
        )
    }

    /// Where the Session is to be, and the one that is there; a Session goes on where it is.
    ///
    /// - Throws: ``InterceptError`` with code `forbidden` where the user may not do all that is needed.
    func home(_ preflight: Preflight) async throws -> (home: SessionHome, existing: Session?) {
        let home = try await preflight.home()
        try await preflight.permissions(home)
        guard let existing = try await self.store.find() else { return (home, nil) }
        let there = SessionHome(existing.kind)
        if there.kind != home.kind { try await preflight.permissions(there) }
        return (there, existing)
    }

    /// What joining a Session with these options would do.
    ///
    /// - Throws: ``InterceptError`` with code `ended` where this machine joins again, and somebody has its match now.
    func joining(
        _ session: Session,
        _ route: Route,
        _ tlsSecrets: [Int: String],
        isAgain: Bool = false
    ) throws -> Session.Joining {
        if isAgain, let rival = self.rival(of: route, in: session) { throw rival }
        return session.joining(route, takeOver: self.options.takesOver, tlsSecrets: tlsSecrets)
    }

    private func prepare(_ side: LocalSide) async throws {
        if let prepare { return try await prepare(side) }
        await side.warnOfClosedPorts(self.events)
    }

    func replicas(_ preflight: Preflight, _ original: OriginalService) async throws -> Int {
        if let replicas = self.options.replicas { return replicas }
        return try await preflight.replicas(selector: original.selector)
    }

    /// The ports asked for, what the Service is without any hijack, and its UID.
    func target(
        _ preflight: Preflight,
        _ existing: Session?,
        heals: Bool = true
    ) async throws -> (ports: [InterceptOptions.PortPair], original: OriginalService, uid: String) {
        // A hijack without its Session is a wreck that someone left: it is healed before anything is judged.
        if heals, existing == nil, let service = try await self.store.services.find(self.names.service),
            ServiceSwap.selectedIncarnation(of: service) != nil
        {
            self.events(.step("healing what an intercept left behind whose session is gone"))
            _ = try await SessionEnding(store: self.store).settle(patience: .seconds(5))
        }
        var service = try await preflight.service()
        if let existing {
            // Judge the Service as it was before the hijack.
            service["spec"]?["selector"] = JSONValue(existing.original.selector)
            service["spec"]?["ports"] = existing.original.ports
        }
        let target = try InterceptTarget(service)
        return (try self.ports(of: target), target.original, target.uid)
    }

    /// The Service ports asked for and their local ports; the only port, to the same number, when none was asked for.
    private func ports(of target: InterceptTarget) throws -> [InterceptOptions.PortPair] {
        let mappings = self.options.ports
        if mappings.isEmpty {
            let all = InterceptedPort.all(in: target.original.ports)
            guard all.count == 1, let only = all.first else {
                throw InterceptError(
                    .badArgument,
                    "service \(self.names.service) has the ports \(all.map(\.description).joined(separator: ", ")); "
                        + "say which, as in \(all.prefix(3).map { "-p \($0.port):LOCAL" }.joined(separator: " or ")); "
                        + "-p can be repeated"
                )
            }
            return [.init(remote: only.port, local: only.port)]
        }
        var ports: [InterceptOptions.PortPair] = []
        for mapping in mappings {
            let port = try target.port(mapping.remote)
            if let other = ports.first(where: { $0.remote == port.port }) {
                throw InterceptError(
                    .badArgument,
                    "port \(port) of service \(self.names.service) is asked for twice, for the local ports "
                        + "\(other.local) and \(mapping.local); one -p for each port"
                )
            }
            ports.append(.init(remote: port.port, local: mapping.local))
        }
        return ports
    }

    /// Creates the Session, or joins the one that is there; waits for one that is closing.
    private func write(_ fresh: Session, _ route: Route, isAgain: Bool) async throws -> Session {
        var hasSaidWaiting = false
        var fresh = fresh
        var pauses = Self.rivalPauses
        while true {
            try Task.checkCancellation()
            guard let session = try await self.store.find() else {
                self.guarding(GuardianOrder(routeID: route.id, session: fresh))
                do {
                    let created = try await self.store.create(fresh)
                    guard let rival = try await self.rival(of: created, route) else { return created }
                    try await self.giveWay(created, to: rival, route, &pauses)
                    // Whoever was at it too does the same: in the kind that all can see, they meet.
                    if try await self.client.serves(.sessions) { fresh.kind = .resource }
                } catch let error as KubernetesError where error.isAlreadyExists {}
                continue
            }
            switch try self.joining(session, route, fresh.settings.tlsSecrets, isAgain: isAgain) {
            case .refused(let error): throw error
            case .write(let changed):
                self.guarding(GuardianOrder(routeID: route.id, session: changed))
                do {
                    let written = try await self.store.replace(changed)
                    guard let rival = try await self.rival(of: written, route) else { return written }
                    try await self.giveWay(written, to: rival, route, &pauses)
                } catch let error as KubernetesError where error.isConflict || error.isNotFound {
                    continue
                }
            case .wait:
                if !hasSaidWaiting {
                    hasSaidWaiting = true
                    self.events(
                        .step(
                            "waiting for the previous intercept to end (connections of others drain; "
                                + "`detour session close \(self.names.service) -n \(self.names.namespace) --force` "
                                + "does not wait for them)"
                        )
                    )
                }
                _ = try await SessionEnding(store: self.store).settle(patience: .milliseconds(500))
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}

/// Random names.
enum Random {
    /// As many random bytes, in lower-case hex, from the system's generator.
    static func hex(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<bytes).map { _ in
            let byte = String(UInt8.random(in: .min ... .max, using: &generator), radix: 16)
            return byte.count == 1 ? "0\(byte)" : byte
        }.joined()
    }
}
