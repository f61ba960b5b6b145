/// What the shell does next for a connection; one step at a time.
public enum Action: Hashable, Sendable {
    /// Nothing until more bytes, an end or a deadline comes.
    case wait
    /// Nothing, and no more bytes of this side are wanted until another side has moved.
    case blocked
    /// Pass the first bytes of this side on as they came; with `keep`, hold them ready for `replay`.
    case forward(Int, to: Side, keep: Bool)
    /// Pass a request on into the tunnel without its wish to switch to HTTP/2; with `keep`, hold it ready as it came.
    case forwardWithoutUpgrade(head: Int, total: Int, keep: Bool)
    /// Pass a response on to the client, with the two explaining lines before the end of its head, and `Connection: close`
    /// where it is the last one.
    case forwardExplained(head: Int, total: Int, Fallback, isLast: Bool)
    /// Pass a response on to the client, with `Connection: close` before the end of its head: the last one of this connection.
    case forwardLast(head: Int, total: Int)
    /// Send the kept request to the original.
    case replay
    /// Drop the first bytes of this side.
    case discard(Int)
    /// Ask which route takes the request at the start of the client's bytes; answered by `routed(_:)`.
    case route
    /// Open a connection into the tunnel of `RelayMachine.route`.
    case connectUpstream
    /// Close the connection into the tunnel, open or still opening.
    case disconnectUpstream
    /// Send the client the answer in `RelayMachine.synthetic`.
    case respond
    /// End the sending half of a side, after what is queued for it.
    case finishWrites(Side)
    /// Close the connection to the original, after what is queued for it.
    case closeOriginal
    /// Let go of the connection to the original, which has ended, and open another; answered by `originalConnected()` or
    /// `originalFailed()`.
    case reconnectOriginal
    /// The client speaks HTTP/2: relay the connection by streams from its first byte on, or say `passHTTP2()`.
    case takeOver
    /// Write the line in `RelayMachine.takeRecord()`.
    case log
    /// Close every side, after what is queued for it.
    case closeAll
    /// Reset every side at once.
    case resetAll
}

/// Which way a request goes.
public enum RouteDecision: Hashable, Sendable {
    /// No route takes it.
    case original
    /// A route takes it.
    case divert(Route)
}
