public import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// Observes one Session's surroundings and carries out what the planner says: the shell around `Planner`.
public struct SessionController: Sendable {
    /// The Session's store.
    public let store: SessionStore
    /// On whose behalf plans are made.
    public var role: Planner

    /// A controller for one Service's Session.
    public init(store: SessionStore, role: Planner) {
        self.store = store
        self.role = role
    }

    private var client: KubernetesClient { self.store.client }
    private var names: InterceptNames { self.store.names }

    /// What is there now.
    ///
    /// - Parameters:
    ///   - incarnation: whose owned objects are looked at.
    ///   - listsOwned: whether they are; only who creates them needs that.
    ///   - isProven: whether the Service may be swapped now, by the Pods that there are.
    public func observe(
        _ incarnation: String? = nil,
        listsOwned: Bool = false,
        isProven: ([InterceptorPod]) -> Bool = { _ in false }
    ) async throws -> Observation {
        let session = try await self.store.find()
        let service = try await self.store.services.find(self.names.service)
        var observation = Observation(session: session, service: service)
        guard let session else {
            observation.decoy = try await self.lastWitness(of: service)
            return observation
        }
        if listsOwned, session.phase == .active, session.incarnation == incarnation {
            observation.owned = try await self.owned(session, service)
        }
        // Last: a Pod that is evicted while other things are looked at would leave the Service leading nowhere after the swap.
        observation.pods = try await self.pods(session)
        observation.isProven = isProven(observation.pods)
        return observation
    }

    /// The decoy of a hijacked Service that has lost its annotation too.
    private func lastWitness(of service: DynamicObject?) async throws -> DynamicObject? {
        guard let service, ServiceSwap.selectedIncarnation(of: service) != nil,
            ServiceSwap(annotationOf: service) == nil
        else { return nil }
        return try await self.store.services.find(self.names.decoy)
    }

    /// The interceptor's Pods of a Session.
    public func pods(_ session: Session) async throws -> [InterceptorPod] {
        try await self.client.resources(.pods, in: self.names.namespace)
            .list(labels: Marks.podQuery(incarnation: session.incarnation))
            .items.map(InterceptorPod.init)
    }

    private func owned(_ session: Session, _ service: DynamicObject?) async throws -> Set<OwnedObject> {
        let manifests = try await self.manifests(session)
        var owned: Set<OwnedObject> = []
        for object in OwnedObject.allCases {
            let (type, name) = manifests.identity(object)
            let resources = self.client.resources(type, in: self.names.namespace)
            guard let found = try await resources.find(name) else { continue }
            if Self.isOwned(found, by: session) || InterceptManifests.isInstalled(found) {
                owned.insert(object)
                continue
            }
            guard InterceptManifests.isLeftover(found, of: session) else {
                throw SessionControlError.foreignObject(type, name, namespace: self.names.namespace)
            }
            // Its replicas may still have to restore, and need what is theirs for that.
            if let service, InterceptManifests.isNeeded(found, by: service) { continue }
            try await self.clear(found, in: resources, for: session)
        }
        return owned
    }

    /// Deletes what an earlier incarnation left, or waits for the garbage collector where that is all the user may do.
    private func clear(_ leftover: DynamicObject, in resources: ResourceClient, for session: Session) async throws {
        // The Session as it is after the object was seen: while it is this one, what is another's is an earlier one's.
        guard try await self.store.find()?.uid == session.uid, try await self.store.second(to: session) == nil else {
            return
        }
        do {
            return try await resources.delete(leftover.name, uid: leftover.uid, propagation: .background)
        } catch let error as KubernetesError where error.isNotFound || error.isConflict {
            return
        } catch let error as KubernetesError where error.isForbidden {
            for _ in 0..<Self.collectorSeconds {
                guard try await resources.find(leftover.name)?.uid == leftover.uid else { return }
                try await Task.sleep(for: .seconds(1))
            }
            throw error
        }
    }

    /// What is there of one incarnation's objects, as far as the user may see it.
    func remains(of session: Session) async throws -> [OwnedObject: DynamicObject] {
        let manifests = try await self.manifests(session)
        var remains: [OwnedObject: DynamicObject] = [:]
        for object in OwnedObject.allCases {
            let (type, name) = manifests.identity(object)
            do {
                // By its label: the collector takes the Session out of the owners of what a Pod still owns.
                let found = try await self.client.resources(type, in: self.names.namespace).find(name)
                if let found, InterceptManifests.isOf(session, found) { remains[object] = found }
            } catch let error as KubernetesError where error.isForbidden {
                continue
            }
        }
        return remains
    }

    /// Deletes what a Session that is gone has left: the garbage collector would, but learns of a new kind of owner only
    /// every 30 s (measured on Kubernetes 1.20).
    ///
    /// - Parameter isAlone: whether none of its Pods is left; else what they own too stays for them.
    func deleteOwned(by session: Session, isAlone: Bool) async throws {
        let manifests = try await self.manifests(session)
        let remains = try await self.remains(of: session)
        for object in OwnedObject.allCases.reversed() where isAlone || !object.isKeptByPods {
            guard let found = remains[object] else { continue }
            let (type, name) = manifests.identity(object)
            do {
                try await self.client.resources(type, in: self.names.namespace)
                    .delete(name, uid: found.uid, propagation: .background)
            } catch let error as KubernetesError
                where error.isForbidden || error.isNotFound || error.isConflict || error.isOutcomeUnknown
            {
                // Not ours to delete, or somebody was faster; the garbage collector does the rest.
            }
        }
    }

    /// Restores a Service whose Session is gone, or cannot be read, by what else knows the original.
    ///
    /// - Parameter damaged: the UID of the Session that cannot be read; nil when there is to be none.
    /// - Returns: whether there was something to restore.
    func heal(damaged: String? = nil) async throws -> Bool {
        var hasActed = false
        for _ in 0..<Self.rounds {
            var now = Observation(session: nil, service: try await self.store.services.find(self.names.service))
            now.decoy = try await self.lastWitness(of: now.service)
            // After the Service: a hijack of a Session that was made meanwhile is none of a wreck.
            guard try await self.store.stored()?.uid == damaged else { return hasActed }
            let actions = self.role.plan(now, wasHijacked: false)
            guard !actions.isEmpty else { return hasActed }
            for action in actions { hasActed = try await self.run(action, now) || hasActed }
        }
        throw SessionControlError.unsettled(self.names.session, rounds: Self.rounds)
    }

    private static func isOwned(_ object: DynamicObject, by session: Session) -> Bool {
        (object[path: "metadata", "ownerReferences"]?.array ?? []).contains { $0["uid"]?.string == session.uid }
    }

    private func manifests(_ session: Session) async throws -> InterceptManifests {
        var budgets = ResourceType.podDisruptionBudgets
        if try await !self.client.serves(budgets) { budgets.version = "v1beta1" }
        return InterceptManifests(session: session, disruptionBudgetType: budgets)
    }

    /// Carries out one action.
    ///
    /// - Returns: whether something was changed, so that the world is worth another look.
    /// - Throws: `KubernetesError`; a lost race (409, 422 by a failed `test`, 404) is no error.
    public func run(_ action: InterceptAction, _ observation: Observation) async throws -> Bool {
        try await self.carryOut(action, observation) != .nothing
    }

    /// What became of an action.
    private enum Effect {
        case nothing, done
        /// Somebody else was faster.
        case lost
    }

    private func carryOut(_ action: InterceptAction, _ observation: Observation) async throws -> Effect {
        do {
            return try await self.attempt(action, observation) ? .done : .nothing
        } catch let error as KubernetesError
            where error.isConflict || error.isInvalid || error.isNotFound || error.isAlreadyExists
        {
            // Someone else was faster, or the Service is no longer what the plan was made for: look again. But what is
            // invalid although nothing has changed will be so for ever, and the server has said why.
            if case .create(let object) = action, error.isInvalid || error.isNotFound {
                // An address that the faster one's has got is refused before its name is looked at.
                guard error.isInvalid, try await self.exists(object, of: observation.session) else { throw error }
                return .lost
            }
            if error.isInvalid, let before = observation.service,
                try await self.store.services.find(self.names.service)?.resourceVersion == before.resourceVersion
            {
                throw error
            }
            return .lost
        }
    }

    private func attempt(_ action: InterceptAction, _ now: Observation) async throws -> Bool {
        switch action {
        case .create(let object):
            guard let session = now.session else { return true }
            let manifests = try await self.manifests(session)
            let address =
                switch object {
                case .configMap: try await self.decoyAddress()
                // The replicas know the address of the one that somebody deleted.
                case .decoy: try await self.configuredDecoyAddress()
                default: ""
                }
            var manifest = manifests.manifest(object, decoyAddress: address)
            // Who is there already has made its claim on the one that somebody deleted.
            if object.isKeptByPods { manifest.addOwners(now.pods) }
            _ = try await self.client.resources(manifests.identity(object).type, in: self.names.namespace)
                .create(manifest)
        case .hijack(let operations):
            // Once: the Pods that can serve now may be gone by the time that a busy server asks to come back at.
            _ = try await self.store.services.triedOnce.patch(self.names.service, .json(operations))
        case .restore(let operations):
            _ = try await self.store.services.patch(self.names.service, .json(operations))
        case .resume:
            guard let session = now.session else { return true }
            // A stopping replica may be about to restore the Service it has read: its patch tests the version.
            let service = try await self.store.services.get(self.names.service)
            _ = try await self.store.services.patch(self.names.service, .json(ServiceSwap(session).confirm(service)))
            try await self.store.mergeStatus(["suspended": false], of: session)
        case .close(let reason):
            try await self.close(now.session, reason: reason)
        case .deleteSession(let uid, let resourceVersion):
            guard let session = now.session else { return true }
            try await self.store.delete(session.kind, uid: uid, resourceVersion: resourceVersion)
        case .wait:
            return false
        }
        return true
    }

    /// Closes the Session if that is still due by what the server says now.
    ///
    /// Session and Service are seen through two watches, of two moments: a Service that a stopping replica gave back can
    /// be seen before the suspension that explains it. What was read here and written by compare-and-swap is of one.
    private func close(_ seen: Session?, reason: String) async throws {
        guard let session = try await self.store.find(), session.uid == seen?.uid else { return }
        let now = Observation(session: session, service: try await self.store.services.find(self.names.service))
        let isDue = self.role.plan(now, wasHijacked: true).contains {
            if case .close = $0 { true } else { false }
        }
        guard isDue, let closing = session.closing(reason: reason) else { return }
        _ = try await self.store.replace(closing)
    }

    private func exists(_ object: OwnedObject, of session: Session?) async throws -> Bool {
        guard let session else { return false }
        let (type, name) = try await self.manifests(session).identity(object)
        return try await self.client.resources(type, in: self.names.namespace).find(name) != nil
    }

    private func configuredDecoyAddress() async throws -> String {
        let settings = try await self.client.resources(.configMaps, in: self.names.namespace)
            .find(self.names.interceptor)
        let text = settings?[path: "data", InterceptorConfiguration.fileName]?.string ?? "{}"
        return (try? JSONValue(parsing: text))?["decoyAddress"]?.string ?? ""
    }

    private func decoyAddress() async throws -> String {
        let decoy = try await self.store.services.get(self.names.decoy)
        return decoy[path: "spec", "clusterIP"]?.string ?? ""
    }

    /// Observes, plans and acts until the plan only waits or is empty.
    ///
    /// - Parameters:
    ///   - incarnation: whose hijack this is about. Once the Session's name belongs to another, nothing more is done.
    ///   - wasHijacked: whether the Service was seen hijacked by this Session before.
    ///   - isProven: whether the Service may be swapped, by the Pods that there are just before it is. It is swapped once at
    ///     most: what becomes of a swap that others are faster with, or take back at once, is the caller's to decide.
    /// - Returns: the last observation, what the plan waits for, and whether the Service was swapped, be it for a moment.
    /// - Throws: `SessionControlError` when the state does not settle; `KubernetesError` otherwise.
    public func converge(
        on incarnation: String,
        wasHijacked: Bool = false,
        isProven: ([InterceptorPod]) -> Bool = { _ in false }
    ) async throws -> (observation: Observation, waiting: Waiting?, hasSwapped: Bool) {
        func isHijacked(_ service: DynamicObject) -> Bool {
            ServiceSwap.selectedIncarnation(of: service) == incarnation
        }
        var looks = SecondLooks()
        var maySwap = true
        var hasSwapped = false
        for _ in 0..<Self.rounds {
            let now = try await self.observe(incarnation, listsOwned: self.role == .client) {
                maySwap && isProven($0)
            }
            if let session = now.session, session.incarnation != incarnation { return (now, nil, hasSwapped) }
            var changed = false
            var waiting: Waiting?
            var refusal: KubernetesError?
            for action in self.role.plan(now, wasHijacked: wasHijacked || hasSwapped) {
                if case .wait(let reason) = action { waiting = reason }
                do {
                    let effect = try await self.carryOut(action, now)
                    changed = changed || effect != .nothing
                    guard action.isSwap else { continue }
                    maySwap = false
                    hasSwapped = effect == .done
                } catch let error as KubernetesError where looks.allow(error) {
                    changed = true
                    break
                } catch let error as KubernetesError where action.isSwap {
                    guard let pause = looks.pause(after: error) else { throw error }
                    try await Task.sleep(for: pause)
                    changed = true
                    break
                } catch let error as KubernetesError
                    where action.isCreation && (wasHijacked || now.service.map(isHijacked) == true)
                {
                    // What is being served with, or is to be again, is made anew as far as possible.
                    refusal = refusal ?? error
                }
            }
            if let refusal { throw refusal }
            if !changed { return (now, waiting, hasSwapped) }
        }
        throw SessionControlError.unsettled(self.names.session, rounds: Self.rounds)
    }

    /// Far more than any plan has steps: reached only when someone else undoes each of them.
    private static let rounds = 50
    /// As long as a garbage collector was seen to need.
    private static let collectorSeconds = 90
}
