public import KubernetesModel
public import TrafficMatch

/// One hijack of one Service: the single object that says what is intercepted, by whom, and what the original was.
///
/// All coordination is compare-and-swap on this object. `incarnation` names one hijack; a Session closed and made again
/// has another one, so that nobody mistakes the new for the old.
public struct Session: Sendable, Hashable {
    /// Where the Session is in its life. Closing is terminal.
    public enum Phase: String, Sendable, Hashable {
        /// Routes may join and leave.
        case active = "Active"
        /// The Service is being restored; joiners wait for the end and start a new incarnation.
        case closing = "Closing"
    }

    /// What kind of object holds it; the same for all its life.
    public var kind: SessionKind
    /// `metadata.name`.
    public var name: String
    /// `metadata.namespace`.
    public var namespace: String
    /// `metadata.uid`; empty before it was created.
    public var uid: String
    /// `metadata.resourceVersion`; empty before it was created.
    public var resourceVersion: String
    /// The intercepted Service's name.
    public var service: String
    /// The intercepted Service's UID: a re-created Service is another one, and never touched by this Session.
    public var serviceUID: String
    /// 40 hex digits, fresh for every hijack.
    public var incarnation: String
    /// Active or closing.
    public var phase: Phase
    /// Why it closes, in a sentence; empty while active.
    public var closeReason: String
    /// What the Service was.
    public var original: OriginalService
    /// The developers' routes, in the order they joined: the first that matches a request gets it.
    public var routes: [Route]
    /// How the interceptor runs.
    public var settings: InterceptorSettings
    /// What the interceptor's replicas say about themselves, by Pod UID.
    public var replicas: [String: Replica]
    /// A counter a route, bumped by whoever holds its tunnel. Standing still for the ttl means the laptop is gone.
    public var heartbeats: [String: Int64]
    /// Set while the selector is restored because no replica could serve; the next ready one swaps again.
    public var isSuspended: Bool

    /// The names derived from this Session.
    public var names: InterceptNames { InterceptNames(namespace: self.namespace, service: self.service) }

    /// A Session that was never written yet.
    public init(
        names: InterceptNames,
        serviceUID: String,
        incarnation: String,
        original: OriginalService,
        routes: [Route],
        settings: InterceptorSettings,
        kind: SessionKind = .resource
    ) {
        self.kind = kind
        self.name = names.session
        self.namespace = names.namespace
        self.uid = ""
        self.resourceVersion = ""
        self.service = names.service
        self.serviceUID = serviceUID
        self.incarnation = incarnation
        self.phase = .active
        self.closeReason = ""
        self.original = original
        self.routes = routes
        self.settings = settings
        self.replicas = [:]
        self.heartbeats = [:]
        self.isSuspended = false
    }
}

/// What a Service selected and exposed before it was hijacked: all that a restore needs.
public struct OriginalService: Sendable, Hashable {
    /// `spec.selector`.
    public var selector: [String: String]
    /// `spec.ports`, every field as it was.
    public var ports: JSONValue

    /// The original by its two parts.
    public init(selector: [String: String], ports: JSONValue) {
        self.selector = selector
        self.ports = ports
    }
}

/// One developer's route: which requests go to which laptop.
public struct Route: Sendable, Hashable {
    /// What answers when the laptop does not.
    public enum Unreachable: String, Sendable, Hashable, CaseIterable {
        /// The original answers.
        case original
        /// A 503 that says why.
        case unavailable = "503"
    }

    /// What becomes of the intercept when somebody else puts the Service back.
    public enum OnRevert: String, Sendable, Hashable, CaseIterable {
        /// It ends.
        case yield
        /// The laptop swaps again, for as long as that is no fight.
        case reassert
    }

    /// 16 hex digits, fresh for every join.
    public var id: String
    /// Who joined, as `user@host`.
    public var owner: String
    /// The Service ports (numbers) the route is for.
    public var ports: [Int]
    /// Which requests it takes.
    public var match: RequestMatch
    /// The fingerprint of the laptop's key.
    public var fingerprint: String
    /// Rises with each take-over by the same owner; an older tunnel is refused.
    public var epoch: Int64
    /// How long the heartbeat may stand still, in seconds.
    public var ttlSeconds: Int
    /// What answers when the laptop does not.
    public var onUnreachable: Unreachable
    /// What becomes of the intercept when somebody else puts the Service back.
    public var onRevert: OnRevert
    /// Of 10,000 requests that match, how many it takes.
    public var samplePer10000: Int
    /// Whether the laptop counts the requests it takes: each then gets a tunnel stream of its own.
    public var isBounded: Bool
    /// Whether it only gets copies of what the original answers, and takes nothing.
    public var isMirror: Bool

    /// A route by its parts.
    public init(
        id: String,
        owner: String,
        ports: [Int],
        match: RequestMatch,
        fingerprint: String,
        epoch: Int64 = 1,
        ttlSeconds: Int = 60,
        onUnreachable: Unreachable = .original,
        onRevert: OnRevert = .yield,
        samplePer10000: Int = 10_000,
        isBounded: Bool = false,
        isMirror: Bool = false
    ) {
        self.id = id
        self.owner = owner
        self.ports = ports
        self.match = match
        self.fingerprint = fingerprint
        self.epoch = epoch
        self.ttlSeconds = ttlSeconds
        self.onUnreachable = onUnreachable
        self.onRevert = onRevert
        self.samplePer10000 = samplePer10000
        self.isBounded = isBounded
        self.isMirror = isMirror
    }

    /// What it takes, or gets copies of, in words.
    public var claim: String {
        guard self.isMirror else { return "\(self.match)" }
        return "copies of \(self.match.takesEverything ? "every request" : "\(self.match)")"
    }

    /// Whether it is what the same person asked for before: the newer one takes the older one's place.
    public func renews(_ other: Route) -> Bool {
        other.owner == self.owner && other.match == self.match && other.ports == self.ports
            && other.isMirror == self.isMirror
    }

    /// Whether both are for a common port and take requests there: of two such, only one gets a request.
    func competes(with other: Route) -> Bool {
        !self.isMirror && !other.isMirror && !Set(self.ports).isDisjoint(with: other.ports)
    }
}

/// How the interceptor of a Session runs.
public struct InterceptorSettings: Sendable, Hashable {
    /// The image reference.
    public var image: String
    /// How many replicas.
    public var replicas: Int
    /// How long bystander connections may linger after the restore, in seconds.
    public var drainSeconds: Int
    /// A Secret with registry credentials, or nil.
    public var imagePullSecret: String?
    /// The Secrets with which TLS is spoken in the Service's place, by the Service ports (numbers) where it is.
    public var tlsSecrets: [Int: String]

    /// The settings by their parts.
    public init(
        image: String,
        replicas: Int,
        drainSeconds: Int = 600,
        imagePullSecret: String? = nil,
        tlsSecrets: [Int: String] = [:]
    ) {
        self.tlsSecrets = tlsSecrets
        self.image = image
        self.replicas = replicas
        self.drainSeconds = drainSeconds
        self.imagePullSecret = imagePullSecret
    }
}

/// What one interceptor Pod says about itself.
public struct Replica: Sendable, Hashable {
    /// The Pod's name, for port-forward.
    public var pod: String
    /// The fingerprint of the key the Pod made in memory.
    public var fingerprint: String
    /// Whether, while closing, its last bystander connection has ended or its deadline has passed.
    public var isDrained: Bool
    /// What keeps it from being ready, in a sentence; empty when nothing does.
    public var problem: String

    /// A replica by its parts.
    public init(pod: String, fingerprint: String, isDrained: Bool = false, problem: String = "") {
        self.pod = pod
        self.fingerprint = fingerprint
        self.isDrained = isDrained
        self.problem = problem
    }
}
