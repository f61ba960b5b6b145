/// How much a yamux session lets its peer, and itself, do.
public struct YamuxLimits: Sendable, Hashable {
    /// The window every stream starts with; the wire format fixes it.
    public static let initialWindow = 256 * 1024

    /// The most a stream's window grows to; at least `initialWindow`.
    ///
    /// A stream moves at most its window in a round trip, so long round trips want it large.
    public var window = 1024 * 1024
    /// Bytes that the windows of all streams together aim at.
    ///
    /// Each stream's window is its share, but never below the initial one: a few streams are fast, and many whose readers
    /// do not read still fit into memory.
    public var memory = 4 * 1024 * 1024
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
