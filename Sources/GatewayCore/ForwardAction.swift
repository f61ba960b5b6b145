/// The two sides of a client connection.
public enum ForwardSide: UInt8, Hashable, Sendable {
    /// Whoever asked.
    case client
    /// The server that the request was sent to.
    case upstream
}

/// What the shell does next for a connection; one step at a time.
public enum ForwardAction: Hashable, Sendable {
    /// Nothing until more bytes, an end or a deadline comes.
    case wait
    /// Nothing, and no more bytes of this side are wanted until the other has moved.
    case blocked
    /// Ask which cluster takes the request at the start of the client's bytes; answered by `routed(_:)`.
    case route
    /// Get a connection to a server of ``ForwardMachine/cluster``; answered by `acquired(isReused:)` or `acquireFailed(_:)`.
    /// A `fresh` one was never used before.
    case acquire(fresh: Bool)
    /// Send the request at the start of the client's bytes, without the fields that are for us; with `keep`, hold it for `replay`.
    case sendRequest(head: Int, total: Int, keep: Bool)
    /// Send the request that was kept.
    case replay
    /// Pass on the response at the start of the server's bytes, without the fields that are for us.
    case sendResponse(head: Int, total: Int, Persistence)
    /// Send the client ``ForwardMachine/established``, and drop the head at the start of its bytes: what follows passes unread.
    case establish(Int)
    /// Pass on the first bytes of this side as they came.
    case forward(Int)
    /// Drop the first bytes of this side.
    case discard(Int)
    /// Let go of the connection to the server: to be used again, or closed.
    case release(keep: Bool)
    /// Send the client the answer in ``ForwardMachine/refusal``.
    case respond
    /// Write the line in ``ForwardMachine/takeNote()``.
    case log
    /// End the sending half of a side, behind what is queued for it.
    case finish(ForwardSide)
    /// Close both sides, behind what is queued for the client.
    case closeAll
    /// Reset both sides at once.
    case resetAll
}

/// What a response's head says of the client's connection.
public enum Persistence: UInt8, Hashable, Sendable {
    /// Nothing: HTTP/1.1 goes on.
    case goesOn
    /// `Connection: close`.
    case ends
    /// `Connection: keep-alive`, for HTTP/1.0.
    case goesOnInHTTP10
    /// `Connection: upgrade`.
    case upgrades
}

/// What the shell's timer should wait for.
public enum ForwardDeadline: UInt8, Hashable, Sendable {
    /// The rest of a request's head.
    case head
    /// The next request.
    case idle
    /// The head of a response.
    case response
    /// Any byte.
    case stall
    /// Any byte, behind a `CONNECT`.
    case tunnel
    /// The client's end, after its last response.
    case linger
}

/// What a server has made of a request, for whoever judges servers.
public enum ServerVerdict: Hashable, Sendable {
    /// Nothing yet, or nothing that says anything of it: a client that went away, a connection that ended unused.
    case none
    /// It has answered with a status.
    case answered(Int)
    /// It has not, or not in a way that can be read.
    case failed
}

/// Why there is no connection to a server.
public enum AcquireFailure: UInt8, Hashable, Sendable {
    /// It did not open.
    case refused
    /// It did not open in time.
    case late
    /// As many requests are under way as may be: nothing was tried.
    case full
}
