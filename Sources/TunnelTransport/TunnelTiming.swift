/// The tunnel's clocks.
public struct TunnelTiming: Sendable, Hashable {
    /// Time between two pings.
    public var pingInterval: Duration = .seconds(1)
    /// Silent intervals after which the tunnel is down.
    public var missedPings = 3
    /// The longest a TLS handshake and the greeting may take together.
    public var handshake: Duration = .seconds(10)
    /// The longest a PROXY header may take to arrive, once its connection or stream is open.
    public var preamble: Duration = .seconds(1)
    /// The longest wait for a stream's acknowledgement, and for the laptop's own connect.
    public var acknowledgement: Duration = .seconds(3)
    /// How long a local address may take to answer before the next one is tried beside it.
    public var headStart: Duration = .milliseconds(50)
    /// The longest a stream stays half open once its local connection is gone.
    public var orphan: Duration = .seconds(60)

    /// The design's values.
    public init() {}
}
