/// What the shell does next for a connection whose bytes pass unread; one step at a time.
public enum PipeAction: Hashable, Sendable {
    /// Nothing until something can be read or sent, or a deadline passes.
    case wait
    /// Open a connection to a server; answered by `acquired()` or `acquireFailed(_:)`.
    case acquire
    /// Read what this side has and send it to the other; answered by `moved(_:from:)`, `ended(_:)` or `broke(_:)`.
    case copy
    /// Move what this side has to the other inside the kernel; answered by `moved(_:from:)` or `cannotSplice(_:)`.
    case splice
    /// End the sending half of a side, behind what is queued for it.
    case finish(ForwardSide)
    /// Write the line in ``PipeMachine/note``.
    case log
    /// Close both sides.
    case closeAll
    /// Reset both sides at once.
    case resetAll
}

/// What a side's socket and that of the other side allow, as far as the shell has heard.
public struct PipeReadiness: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Readiness from its bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// There may be bytes to read, or an end.
    public static let mayRead = PipeReadiness(rawValue: 1)
    /// The other side has taken all it was sent.
    public static let otherHasRoom = PipeReadiness(rawValue: 2)
    /// The connection is broken: behind what can still be read comes a reset.
    public static let isBroken = PipeReadiness(rawValue: 4)
}

/// How a connection whose bytes pass unread came to its end; `token` is the word for it in logs.
public enum PipeEnd: UInt8, Hashable, Sendable {
    /// Both sides have ended it.
    case ended
    /// The client reset it.
    case clientReset
    /// The server reset it.
    case upstreamReset
    /// No server could be connected to.
    case unreachable
    /// No server could be connected to, the last one not in time.
    case connectTimeout
    /// As many connections are under way to the cluster as may be.
    case clusterFull
    /// No byte moved for too long.
    case idle
    /// The gateway was to end.
    case drained

    /// Whether there was no server to connect to.
    public var isForWantOfServers: Bool { self == .unreachable || self == .connectTimeout || self == .clusterFull }

    /// The word in logs.
    public var token: String {
        switch self {
        case .ended: "ended"
        case .clientReset: "client-reset"
        case .upstreamReset: "upstream-reset"
        case .unreachable: "upstream-unreachable"
        case .connectTimeout: "upstream-connect-timeout"
        case .clusterFull: "cluster-full"
        case .idle: "idle-timeout"
        case .drained: "drained"
        }
    }
}

/// What one log line says of a connection whose bytes passed unread.
public struct PipeNote: Hashable, Sendable {
    /// How it came to its end.
    public var end = PipeEnd.ended
    /// Bytes from the client.
    public var bytesIn = 0
    /// Bytes to the client.
    public var bytesOut = 0
    /// How often another server was tried.
    public var retries = 0
}
