import InterceptPlanning
import KubernetesModel

/// What was seen of a Service and everything around it, one sight after the other, with the moment of each.
///
/// Watches tell every change, so nothing falls between two looks: a moment without an endpoint is in here, however short.
struct ServiceHistory: Sendable {
    /// When something was seen, by this machine's clock.
    typealias Instant = ContinuousClock.Instant

    /// What is watched.
    enum Source: Sendable, CaseIterable {
        case service
        case endpoints
        case session
        case pods
    }

    /// What a Session was.
    struct SessionSight: Sendable, Hashable {
        var incarnation: String
        var isClosing: Bool
        /// Whose routes it has, as `user@host`.
        var owners: [String]
        /// Whether a replica holds a tunnel to a laptop and says so.
        var hasTunnel: Bool
    }

    /// One look at one thing.
    enum Sight: Sendable, Hashable {
        /// The Service's selector; empty when it is gone.
        case service(selector: [String: String])
        /// The Pods that its ready addresses belong to, sorted.
        case endpoints(ready: [String])
        /// The Session; nil when there is none.
        case session(SessionSight?)
        /// How many of the interceptor's Pods are there and not ending, and how many of them are ready.
        case interceptors(live: Int, ready: Int)
    }

    /// A sight and its moment.
    struct Entry: Sendable, Hashable {
        var at: Instant
        var sight: Sight
    }

    /// A container of an interceptor that has ended with another status than 0.
    struct Death: Sendable, Hashable, CustomStringConvertible {
        var pod: String
        /// Its own ID, by which it is told from the one that was started in its place.
        var container: String
        /// 137 where it was killed, as one is whose Pod outlasts its grace.
        var status: Int64
        /// How often the Pod's container had been started again by then.
        var restarts: Int64

        var description: String {
            "a container of \(self.pod) ended with status \(self.status); it was started again \(self.restarts) times"
        }
    }

    private(set) var entries: [Entry] = []
    private var deaths: [Death] = []
    /// The containers whose deaths are known: a watch tells of each as long as its Pod is there.
    private var dead: Set<String> = []
    /// The Service's selector before all entries; nil where none was seen.
    private var selectorBefore: [String: String]?
    /// Whether each interceptor Pod that is there is ready.
    private var interceptors: [String: Bool] = [:]

    /// Takes what a watch told.
    mutating func note(_ update: WatchUpdate, of source: Source, at instant: Instant) {
        let sight: Sight
        switch (source, update) {
        case (.pods, _):
            sight = self.pods(update)
        case (_, .reset(let objects)):
            sight = Self.sight(objects.first, of: source)
        case (_, .applied(let object)):
            sight = Self.sight(object, of: source)
        case (_, .deleted):
            sight = Self.sight(nil, of: source)
        }
        self.entries.append(Entry(at: instant, sight: sight))
    }

    /// Forgets all sights, not what it takes to go on.
    mutating func forget() {
        if let last = self.entries.last { self.selectorBefore = self.selector(at: last.at) }
        self.entries = []
    }

    /// Hands over the deaths of interceptors that were seen since the last time; forgetting leaves them, for some are seen late.
    mutating func takeDeaths() -> [Death] {
        defer { self.deaths = [] }
        return self.deaths
    }

    private static func sight(_ object: DynamicObject?, of source: Source) -> Sight {
        switch source {
        case .service: .service(selector: object?[path: "spec", "selector"]?.strings ?? [:])
        case .session: .session(object.flatMap { try? Session($0) }.map(SessionSight.init))
        case .endpoints, .pods: .endpoints(ready: Self.readyPods(object))
        }
    }

    private static func readyPods(_ endpoints: DynamicObject?) -> [String] {
        (endpoints?["subsets"]?.array ?? [])
            .flatMap { $0["addresses"]?.array ?? [] }
            .map { $0[path: "targetRef", "name"]?.string ?? $0["ip"]?.string ?? "" }
            .sorted()
    }

    private mutating func pods(_ update: WatchUpdate) -> Sight {
        switch update {
        case .reset(let pods):
            self.interceptors = [:]
            for pod in pods { self.take(pod) }
        case .applied(let pod): self.take(pod)
        case .deleted(let pod):
            self.take(pod)
            self.interceptors[pod.name] = nil
        }
        return .interceptors(live: self.interceptors.count, ready: self.interceptors.values.count { $0 })
    }

    private mutating func take(_ object: DynamicObject) {
        let pod = InterceptorPod(object)
        self.interceptors[pod.name] = pod.isLive ? pod.isReady : nil
        for death in Self.deaths(object) where self.dead.insert(death.container).inserted { self.deaths.append(death) }
    }

    /// How a Pod's containers have ended, those too that were started again since.
    private static func deaths(_ pod: DynamicObject) -> [Death] {
        (pod[path: "status", "containerStatuses"]?.array ?? []).flatMap { container in
            let restarts = container["restartCount"]?.integer ?? 0
            return ["lastState", "state"].compactMap { state -> Death? in
                // A kubelet that has removed a container before it looked how that ended makes up a 137, and says so.
                guard let end = container[path: state, "terminated"], end["reason"] != "ContainerStatusUnknown",
                    let status = end["exitCode"]?.integer, status != 0
                else { return nil }
                let id = end["containerID"]?.string ?? "\(pod.uid) \(state) \(restarts)"
                return Death(pod: pod.name, container: id, status: status, restarts: restarts)
            }
        }
    }

    // MARK: - Questions

    /// When something was seen first, from a moment on.
    func first(since instant: Instant, where holds: (Sight) -> Bool) -> Instant? {
        self.entries.first { $0.at >= instant && holds($0.sight) }?.at
    }

    /// The Service's selector at a moment, as far as the watch had told by then; nil where it had told nothing.
    func selector(at instant: Instant) -> [String: String]? {
        for entry in self.entries.reversed() where entry.at <= instant {
            if case .service(let selector) = entry.sight { return selector }
        }
        return self.selectorBefore
    }

    /// How many of the interceptor's Pods are there and not ending.
    var liveInterceptors: Int { self.interceptors.count }

    /// Their names, sorted.
    var liveInterceptorNames: [String] { self.interceptors.keys.sorted() }

    /// Since when the Service has led to its own Pods without a break, from a moment at which it did or some time after.
    ///
    /// - Parameter selector: its own.
    /// - Returns: nil where it does not; `start` where it has all the time.
    func original(_ selector: [String: String], of service: String, since start: Instant) -> Instant? {
        var (isSelected, isEndpoint) = (true, true)
        var since: Instant? = start
        for entry in self.entries {
            switch entry.sight {
            case .service(let current): isSelected = current == selector
            case .endpoints: isEndpoint = entry.sight.leadsToOriginal(of: service)
            case .session, .interceptors: continue
            }
            since = isSelected && isEndpoint ? since ?? max(start, entry.at) : nil
        }
        return since
    }

    /// The moments from which on the Service led nowhere: Endpoints without any ready address.
    func deadEnds(since instant: Instant) -> [Instant] {
        self.entries.filter { $0.at >= instant && $0.sight == .endpoints(ready: []) }.map(\.at)
    }
}

extension ServiceHistory {
    /// When a user's route was first in a Session, since a moment, and in which incarnation.
    func joining(of user: String, since instant: Instant) -> (at: Instant, incarnation: String)? {
        for entry in self.entries where entry.at >= instant {
            guard case .session(let session?) = entry.sight,
                session.owners.contains(where: { $0.hasPrefix("\(user)@") })
            else { continue }
            return (entry.at, session.incarnation)
        }
        return nil
    }

    /// The incarnation of the Session that was there just before a moment; nil when there was none.
    func incarnation(before instant: Instant) -> String? {
        for entry in self.entries.reversed() where entry.at < instant {
            if case .session(let session) = entry.sight { return session?.incarnation }
        }
        return nil
    }
}

extension ServiceHistory.SessionSight {
    init(_ session: Session) {
        self.init(
            incarnation: session.incarnation,
            isClosing: session.phase == .closing,
            owners: session.routes.map(\.owner),
            hasTunnel: session.heartbeats.values.contains { $0 > 0 }
        )
    }
}

extension ServiceHistory.Sight {
    /// Whether the Service's ready addresses are the interceptor's Pods, and only those.
    func leadsToInterceptor(of service: String) -> Bool {
        guard case .endpoints(let ready) = self else { return false }
        return !ready.isEmpty && ready.allSatisfy { $0.hasPrefix("interceptor-\(service)-") }
    }

    /// Whether the Service's ready addresses are Pods of its own, and only those.
    func leadsToOriginal(of service: String) -> Bool {
        guard case .endpoints(let ready) = self else { return false }
        return !ready.isEmpty && ready.allSatisfy { $0.hasPrefix("\(service)-") }
    }
}
