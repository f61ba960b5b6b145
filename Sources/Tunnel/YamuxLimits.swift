/// How much a yamux session lets its peer, and itself, do.
public struct YamuxLimits: Sendable, Hashable {
    /// The window every stream starts with; the wire format fixes it.
    public static let initialWindow = 256 * 1024

    /// Bytes a peer may have under way on one stream before we have taken any of them.
    ///
    /// A stream moves at most this much in a round trip, so long round trips want it large. At least `initialWindow`.
    public var window = 1024 * 1024
    /// Payload bytes of the largest frame we send.
    ///
    /// With its header a full frame is exactly four TLS records.
    public var frame = 64 * 1024 - YamuxHeader.size
    /// Live streams of one session, both ends' together.
    public var streams = 10_000
    /// Streams opened and not yet acknowledged, counted for each end.
    public var backlog = 1024

    /// The defaults.
    public init() {}
}
