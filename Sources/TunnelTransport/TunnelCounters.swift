/// What a tunnel has carried so far.
public struct TunnelCounters: Sendable, Hashable {
    /// Streams opened, by either end, the control stream not counted.
    public var streams: UInt64 = 0
    /// Streams that live now, the control stream not counted.
    public var openStreams: UInt64 = 0
    /// Payload bytes received.
    public var bytesIn: UInt64 = 0
    /// Payload bytes sent.
    public var bytesOut: UInt64 = 0
    /// Streams refused because nothing answered at their local target.
    public var refusedConnects: UInt64 = 0

    /// Zero everywhere.
    public init() {}
}
