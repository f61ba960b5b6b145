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

    /// A route from its parts.
    public init(
        id: String,
        match: RequestMatch,
        upstreamPath: String,
        isUp: Bool,
        onUnreachable: OnUnreachable = .original
    ) {
        self.id = id
        self.match = match
        self.upstreamPath = upstreamPath
        self.isUp = isUp
        self.onUnreachable = onUnreachable
    }
}
