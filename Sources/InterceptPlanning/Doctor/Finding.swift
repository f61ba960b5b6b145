public import KubernetesModel

/// One thing that would stop or hurt an intercept, or that is worth knowing before it.
public struct Finding: Sendable, Hashable {
    /// How bad it is, the worst first.
    public enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
        /// The intercept would be refused, would not come up, or would cut off callers.
        case stops
        /// It would run, and someone would get less than before or than was promised.
        case hurts
        /// Nothing is wrong; it explains what would otherwise surprise.
        case note

        /// Whether the first is the worse one.
        public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .stops: 0
            case .hurts: 1
            case .note: 2
            }
        }
    }

    /// How bad it is.
    public var severity: Severity
    /// What it is, for programs and for `docs/doctor.md`.
    public var code: Code
    /// What and where, in a sentence without a full stop.
    public var message: String
    /// What to do about it, in a sentence or a command.
    public var mend: String

    /// A finding by its parts.
    public init(_ severity: Severity, _ code: Code, _ message: String, mend: String) {
        self.severity = severity
        self.code = code
        self.message = message
        self.mend = mend
    }

    /// `{"severity", "code", "message", "mend"}`, all of them strings.
    public var json: JSONValue {
        [
            "severity": .string(self.severity.rawValue), "code": .string(self.code.rawValue),
            "message": .string(self.message), "mend": .string(self.mend),
        ]
    }
}

extension Finding {
    /// The stable names of what can be found. `docs/doctor.md` explains each.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        // What the user may do.
        case permissionMissing = "permission-missing"
        case notSeen = "not-seen"
        case definitionMissing = "definition-missing"
        case definitionOld = "definition-old"
        // The Service.
        case externalName = "external-name"
        case headless
        case noSelector = "no-selector"
        case portNotTCP = "port-not-tcp"
        case trafficPolicyLocal = "traffic-policy-local"
        case nameTooLong = "name-too-long"
        case sessionAffinity = "session-affinity"
        case topology
        case notReadyAddresses = "not-ready-addresses"
        case protocolUnread = "protocol-unread"
        case protocolHTTP2 = "protocol-http2"
        case openConnections = "open-connections"
        case gitops
        // The workload.
        case noReadyEndpoints = "no-ready-endpoints"
        case portUnresolved = "port-unresolved"
        case portDiffers = "port-differs"
        case sharedWorkload = "shared-workload"
        case singleReplica = "single-replica"
        case autoscaler
        case budgetMissing = "budget-missing"
        case budgetBlocked = "budget-blocked"
        case budgetOverlap = "budget-overlap"
        case mesh
        // What the namespace lets in.
        case policyCallers = "policy-callers"
        case policyOriginal = "policy-original"
        case policyAPIServer = "policy-api-server"
        case podSecurity = "pod-security"
        case openshiftUser = "openshift-user"
        case quota
        case limitRange = "limit-range"
        // The image and the versions.
        case imagePull = "image-pull"
        case imageUnproven = "image-unproven"
        case imageVersion = "image-version"
        case interceptorNotStarting = "interceptor-not-starting"
        case interceptorRefused = "interceptor-refused"
        case serverVersion = "server-version"
        // Intercepts there are.
        case sessionActive = "session-active"
        case sessionClosing = "session-closing"
        case sessionStale = "session-stale"
        case sessionDamaged = "session-damaged"
        case sessionTwice = "session-twice"
        case sessionImage = "session-image"
        case hijackedWithoutSession = "hijacked-without-session"
    }
}
