public import InterceptPlanning
public import ResponseDiff
public import TrafficMatch

/// What a developer asked for: one intercept of one Service.
public struct InterceptOptions: Sendable {
    /// One Service port and the local port that takes its place.
    public struct PortMapping: Sendable, Hashable {
        /// The Service's port, by number or name.
        public var remote: String
        /// The port on this machine.
        public var local: Int

        /// Reads `REMOTE[:LOCAL]`; without LOCAL the same number is used on this machine.
        ///
        /// - Throws: ``InterceptError`` with code `badArgument`.
        public init(parsing text: String) throws {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            func port(_ text: String) -> Int? { Int(text).flatMap { (1...65_535).contains($0) ? $0 : nil } }
            switch parts.count {
            case 1 where !text.isEmpty:
                guard let local = port(parts[0]) else {
                    throw InterceptError(
                        .badArgument,
                        "'\(text)' is no port number; a named Service port needs a local one too, as in -p \(text):3000"
                    )
                }
                self.init(remote: parts[0], local: local)
            case 2 where !parts[0].isEmpty:
                // What is no number may be a port's name.
                guard port(parts[0]) != nil || !parts[0].allSatisfy(\.isNumber) else {
                    throw InterceptError(.badArgument, "'\(parts[0])' in -p \(text) is no port number (1 to 65535)")
                }
                guard let local = port(parts[1]) else {
                    throw InterceptError(.badArgument, "'\(parts[1])' in -p \(text) is no port number (1 to 65535)")
                }
                self.init(remote: parts[0], local: local)
            default:
                throw InterceptError(.badArgument, "-p takes REMOTE[:LOCAL], as in -p 80:3000; '\(text)' is neither")
            }
        }

        /// A mapping by its parts.
        public init(remote: String, local: Int) {
            self.remote = remote
            self.local = local
        }
    }

    /// A Service port and the local port that takes its place, both as numbers.
    public struct PortPair: Sendable, Hashable {
        /// The Service's port.
        public var remote: Int
        /// The port on this machine.
        public var local: Int

        /// A pair by its parts.
        public init(remote: Int, local: Int) {
            self.remote = remote
            self.local = local
        }
    }

    /// A moment at which an intercept ends.
    public struct TimeLimit: Sendable, Hashable {
        /// How long from its start.
        public var duration: Duration
        /// What is said then, as in `it is 17:00`.
        public var reason: String

        /// A limit by its parts.
        public init(_ duration: Duration, reason: String) {
            self.duration = duration
            self.reason = reason
        }
    }

    /// The Service's name.
    public var service: String
    /// Its namespace; nil for the context's.
    public var namespace: String?
    /// Which ports; empty means the Service's only port, to the same number here.
    public var ports: [PortMapping]
    /// Which requests.
    public var match: RequestMatch
    /// Of 10,000 requests that match, how many are taken.
    public var samplePer10000 = 10_000
    /// Who asks, as `user@host`.
    public var owner: String
    /// The interceptor's image.
    public var image: String
    /// A Secret for pulling it.
    public var imagePullSecret: String?
    /// The Secrets with which TLS is spoken in the Service's place; none passes TLS unread.
    public var tlsSecrets: [TLSSecret] = []
    /// How many replicas; nil for as many as the workload's redundancy asks for.
    public var replicas: Int?
    /// How long a heartbeat may stand still, in seconds.
    public var ttlSeconds: Int = 60
    /// How long bystander connections may linger at the end, in seconds.
    public var drainSeconds: Int = 600
    /// What answers when this machine does not.
    public var onUnreachable: InterceptPlanning.Route.Unreachable = .original
    /// What becomes of the intercept when somebody else puts the Service back.
    public var onRevert: InterceptPlanning.Route.OnRevert = .yield
    /// How the local service is spoken to.
    public var localScheme = LocalSchemeChoice.http
    /// How many requests this machine answers before the intercept ends by itself; nil for no limit.
    public var requestLimit: Int?
    /// When the intercept ends by itself; nil for never.
    public var timeLimit: TimeLimit?
    /// Whether routes of others that overlap are removed.
    public var takesOver: Bool = false
    /// Whether what the Service leads to is restarted once the intercept is ready.
    public var restartsTarget = false
    /// What comparisons pass over, where the route is a mirror; nil where it takes its requests.
    public var mirror: IgnoreRules?
    /// The program's version, told to the interceptor.
    public var version: String

    /// Options by their needed parts.
    public init(
        service: String,
        ports: [PortMapping],
        match: RequestMatch,
        owner: String,
        image: String,
        version: String
    ) {
        self.service = service
        self.namespace = nil
        self.ports = ports
        self.match = match
        self.owner = owner
        self.image = image
        self.imagePullSecret = nil
        self.replicas = nil
        self.requestLimit = nil
        self.timeLimit = nil
        self.version = version
    }
}
