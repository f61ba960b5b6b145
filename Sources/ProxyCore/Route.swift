public import TrafficMatch

/// What a client gets when its route cannot be reached.
public enum OnUnreachable: String, Hashable, Codable, Sendable {
    /// The original's answer, with the reason in a header line.
    case original
    /// A 503 that says why.
    case unavailable = "503"
}

/// One developer's claim on the requests of a port.
public struct Route: Hashable, Sendable {
    /// The name of the route, unique on its port.
    public var id: String
    /// Which requests it takes.
    public var match: RequestMatch
    /// The Unix-domain socket that leads into its tunnel.
    public var upstreamPath: String
    /// Whether the tunnel is up, as far as is known.
    public var isUp: Bool
    /// What happens when it is not.
    public var onUnreachable: OnUnreachable
    /// Of 10,000 requests that match, how many it takes; which ones is left to chance.
    public var samplePer10000: Int

    /// Whether it takes connections, and looks at no request.
    public var takesWholeConnections: Bool { self.match.takesEverything && !self.isMirror }
    /// Whether each request gets a connection into the tunnel of its own: the laptop counts them.
    public var isBounded: Bool
    /// Whether it takes nothing for now, as if it were not there.
    public var isPaused: Bool
    /// Whether it gets copies of exchanges with the original, and takes nothing.
    public var isMirror: Bool

    /// A route from its parts.
    public init(
        id: String,
        match: RequestMatch,
        upstreamPath: String,
        isUp: Bool,
        onUnreachable: OnUnreachable = .original,
        samplePer10000: Int = 10_000,
        isBounded: Bool = false,
        isPaused: Bool = false,
        isMirror: Bool = false
    ) {
        self.id = id
        self.match = match
        self.upstreamPath = upstreamPath
        self.isUp = isUp
        self.onUnreachable = onUnreachable
        self.samplePer10000 = samplePer10000
        self.isBounded = isBounded
        self.isPaused = isPaused
        self.isMirror = isMirror
    }
}
