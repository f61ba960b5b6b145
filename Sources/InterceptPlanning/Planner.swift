public import KubernetesModel

/// What one observer knows of a Session and everything around it, at one moment.
public struct Observation: Sendable {
    /// The Session, or nil when it is gone.
    public var session: Session?
    /// The intercepted Service, or nil when it is gone.
    public var service: DynamicObject?
    /// What is there of the objects that the Session owns.
    public var owned: Set<OwnedObject>
    /// The interceptor's Pods of this incarnation that are not terminating.
    public var pods: [InterceptorPod]
    /// The decoy; only looked for where it is the last that knows what a hijacked Service was.
    public var decoy: DynamicObject?
    /// Whether this observer holds that the Service may be swapped now: it has found decoy, tunnels and self-probe good, or
    /// the time has come to swap again what somebody took back.
    public var isProven: Bool

    /// An observation by its parts.
    public init(
        session: Session?,
        service: DynamicObject?,
        owned: Set<OwnedObject> = [],
        pods: [InterceptorPod] = [],
        isProven: Bool = false
    ) {
        self.session = session
        self.service = service
        self.owned = owned
        self.pods = pods
        self.isProven = isProven
    }
}

/// One interceptor Pod as the API server shows it.
public struct InterceptorPod: Sendable, Hashable {
    /// `metadata.uid`.
    public var uid: String
    /// `metadata.name`.
    public var name: String
    /// Whether its `Ready` condition is true.
    public var isReady: Bool
    /// Whether it may still hold connections: not finished, not being deleted.
    public var isLive: Bool
    /// Why no node takes it, in the scheduler's words; nil where one has, or where nobody has looked yet.
    public var unschedulable: String?

    /// A Pod by its parts.
    public init(uid: String, name: String, isReady: Bool, isLive: Bool) {
        self.uid = uid
        self.name = name
        self.isReady = isReady
        self.isLive = isLive
    }

    /// Whether a Service that selects it can lead there.
    public var canServe: Bool { self.isReady && self.isLive }

    /// The view of a Pod object.
    public init(_ pod: DynamicObject) {
        let phase = pod[path: "status", "phase"]?.string ?? ""
        let conditions = pod[path: "status", "conditions"]?.array ?? []
        self.uid = pod.uid
        self.name = pod.name
        self.isReady = conditions.contains { $0["type"]?.string == "Ready" && $0["status"]?.string == "True" }
        self.isLive = !pod.isTerminating && phase != "Succeeded" && phase != "Failed"
        let scheduling = conditions.first { $0["type"]?.string == "PodScheduled" && $0["reason"] == "Unschedulable" }
        // Without its full stop: it becomes a part of other sentences.
        self.unschedulable = scheduling.map { condition in
            let message = condition["message"]?.string ?? "no reason given"
            return message.hasSuffix(".") ? String(message.dropLast()) : message
        }
    }
}

/// The objects that a Session owns, in the order they are made.
public enum OwnedObject: String, Sendable, Hashable, CaseIterable {
    /// The Service that still selects the original Pods.
    case decoy
    /// The interceptor's ServiceAccount.
    case serviceAccount
    /// What the interceptor may do.
    case role
    /// Gives it the Role.
    case roleBinding
    /// The listener settings.
    case configMap
    /// Keeps one replica through voluntary disruptions; only with two or more replicas.
    case disruptionBudget
    /// The interceptor.
    case deployment

    /// Whether a replica's Pod owns it too, because it needs it to restore the Service.
    public var isKeptByPods: Bool {
        switch self {
        case .decoy, .serviceAccount, .role, .roleBinding: true
        case .configMap, .disruptionBudget, .deployment: false
        }
    }
}

/// One step towards the state the Session asks for.
public enum InterceptAction: Sendable, Hashable {
    /// Create an object that the Session owns.
    case create(OwnedObject)
    /// Swap the Service's selector and target ports to the interceptor.
    case hijack([JSONPatchOperation])
    /// Put back what is still the hijack's own.
    case restore([JSONPatchOperation])
    /// Clear the suspension after a swap.
    case resume
    /// Close the Session by compare-and-swap, for this reason.
    case close(reason: String)
    /// Delete the Session, and with it everything it owns.
    case deleteSession(uid: String, resourceVersion: String)
    /// Nothing to do until something changes: why.
    case wait(Waiting)
}

extension InterceptAction {
    /// Whether it creates an object.
    public var isCreation: Bool {
        if case .create = self { true } else { false }
    }

    /// Whether it points the Service at the interceptor.
    public var isSwap: Bool {
        if case .hijack = self { true } else { false }
    }
}

/// What a plan waits for.
public enum Waiting: Sendable, Hashable {
    /// The interceptor is not proven good yet.
    case proof
    /// Bystander connections of these many replicas have not ended yet.
    case drain(replicas: Int)
    /// Somebody took the swap back, and a laptop that wants it swapped again has not done so yet.
    case reassertion
}

/// Who asks for the plan: they see different things and have different duties.
public enum Planner: Sendable, Hashable {
    /// The CLI, or `session close`.
    case client
    /// A replica of the interceptor; whether it is ready to serve.
    case replica(isReady: Bool)

    /// What to do next. Level-triggered and idempotent: ask again after each change, until it only waits.
    ///
    /// - Parameter wasHijacked: whether this observer has seen the Service hijacked by this incarnation before; a
    ///   Service that no longer is has then been reverted by someone else.
    public func plan(_ now: Observation, wasHijacked: Bool) -> [InterceptAction] {
        guard let session = now.session else { return Self.heal(now) }
        switch session.phase {
        case .active: return self.forth(session, now, wasHijacked: wasHijacked)
        case .closing: return Self.back(session, now)
        }
    }

    private func forth(_ session: Session, _ now: Observation, wasHijacked: Bool) -> [InterceptAction] {
        guard let service = now.service, service.uid == session.serviceUID else {
            return [.close(reason: "the service was deleted or made anew")]
        }
        let swap = ServiceSwap(session)
        if swap.isHijacked(service) {
            guard swap.redirectsAllPorts(of: service) else {
                return self.takenBack(session, now, service)
                    ?? [.close(reason: "\(Session.portsReason) \(Self.lastEditor(of: service))")]
            }
            if session.isSuspended, self.mayResume { return [.resume] }
            return self.missing(session, now).map(InterceptAction.create)
        }
        let missing = self.missing(session, now)
        if session.isSuspended {
            guard Self.isOriginal(service, session) else {
                return [
                    .close(reason: "the service was changed by \(Self.lastEditor(of: service)) while it was restored")
                ]
            }
            guard missing.isEmpty else { return missing.map(InterceptAction.create) }
            return self.mayResume ? [.hijack(swap.hijack(service)), .resume] : []
        }
        if wasHijacked {
            return self.takenBack(session, now, service)
                ?? [.close(reason: "\(Session.revertReason) \(Self.lastEditor(of: service))")]
        }
        guard self == .client else { return [] }
        guard missing.isEmpty else { return missing.map(InterceptAction.create) }
        guard Self.isOriginal(service, session) else {
            return [.close(reason: "the service was changed by \(Self.lastEditor(of: service)) before the swap")]
        }
        return now.isProven ? [.hijack(swap.hijack(service))] : [.wait(.proof)]
    }

    /// What to do about a swap that somebody else took back, in whole or in part; nil where that ends the intercept.
    ///
    /// Only a client swaps again, for it has the clock that says when. Until then the original serves, and whoever is first puts
    /// back what is left of the swap: half of one leads nowhere. What somebody deleted is made anew meanwhile, for without it
    /// there would be nothing to swap to.
    private func takenBack(_ session: Session, _ now: Observation, _ service: DynamicObject) -> [InterceptAction]? {
        let swap = ServiceSwap(session)
        guard session.reasserts, let again = swap.reassert(service) else { return nil }
        if self == .client, now.isProven { return [.hijack(again)] }
        let rest = swap.restore(service)
        guard rest.isEmpty else { return [.restore(rest)] }
        let missing = self.missing(session, now)
        return missing.isEmpty ? [.wait(.reassertion)] : missing.map(InterceptAction.create)
    }

    /// What a client has to make, at first or because somebody deleted it: that alone ends no intercept.
    private func missing(_ session: Session, _ now: Observation) -> [OwnedObject] {
        guard self == .client else { return [] }
        return OwnedObject.allCases.filter {
            !now.owned.contains($0) && ($0 != .disruptionBudget || session.settings.replicas > 1)
        }
    }

    private var mayResume: Bool {
        if case .replica(let isReady) = self { isReady } else { false }
    }

    private static func back(_ session: Session, _ now: Observation) -> [InterceptAction] {
        if let service = now.service, service.uid == session.serviceUID {
            let operations = ServiceSwap(session).restore(service)
            guard operations.isEmpty else { return [.restore(operations)] }
        }
        let draining = now.pods.filter { $0.isLive && session.replicas[$0.uid].map { !$0.isDrained } ?? false }
        guard draining.isEmpty else { return [.wait(.drain(replicas: draining.count))] }
        return [.deleteSession(uid: session.uid, resourceVersion: session.resourceVersion)]
    }

    /// Without its Session, a Service that still carries a hijack is restored from its own annotation, or by the decoy.
    private static func heal(_ now: Observation) -> [InterceptAction] {
        guard let service = now.service,
            let swap = ServiceSwap(annotationOf: service)
                ?? now.decoy.flatMap({ ServiceSwap(decoy: $0, of: service) })
        else { return [] }
        let operations = swap.restore(service)
        return operations.isEmpty ? [] : [.restore(operations)]
    }

    private static func isOriginal(_ service: DynamicObject, _ session: Session) -> Bool {
        service[path: "spec", "selector"]?.strings == session.original.selector
            && service[path: "spec", "ports"] == session.original.ports
    }

    /// The field manager that last wrote the Service's spec, as far as the server recorded it.
    public static func lastEditor(of service: DynamicObject) -> String {
        let entries = service[path: "metadata", "managedFields"]?.array ?? []
        let editors = entries.filter {
            $0[path: "fieldsV1", "f:spec"] != nil && $0["manager"]?.string != Marks.fieldManager
        }
        let last = editors.max { ($0["time"]?.string ?? "") < ($1["time"]?.string ?? "") }
        return last?["manager"]?.string ?? "someone else"
    }
}
