public import HTTPWire
public import ProxyCore

/// One request and its response.
struct ForwardExchange: Sendable {
    /// How far the request's bytes have gone.
    enum RequestStage: UInt8 {
        /// Its cluster is being chosen.
        case routing
        /// A connection is being got.
        case acquiring
        /// There is one; nothing has been sent.
        case head
        /// A part of the body is still to come.
        case body
        /// All of it has been sent, or dropped.
        case done
    }

    /// How far the response has come.
    enum ResponseStage: UInt8 {
        case head
        case body
        case done
    }

    let head: RequestHead
    var requestStage: RequestStage = .routing
    var requestBody: BodyFramer
    var responseStage: ResponseStage = .head
    var responseBody: BodyFramer = .none
    /// Whether it has been sent on a connection that was used before.
    var isReused = false
    /// Whether the shell holds its bytes, to send them once more.
    var isKept = false
    /// Whether it has failed where it was sent first, and is sent once more.
    var isRepeated = false
    /// How many servers could not be reached, or gave an answer that was not good enough.
    var failures = 0
    /// Whether the server has sent anything.
    var hasHeard = false
    /// Whether the client has got the head of its final answer.
    var hasBegun = false
    /// Whether the server's connection can be used again.
    var keepsUpstream = false
    /// Whether the client's connection ends after this exchange.
    var isLast: Bool
    var note: ForwardNote

    init(_ head: RequestHead, isLast: Bool) {
        self.head = head
        self.requestBody = head.framing
        self.isLast = isLast || !head.keepsAlive
        self.note = ForwardNote(method: head.method)
    }

    /// Whether it may be sent a second time after bytes of it have been sent, where it fails: no body, idempotent.
    var isReplayable: Bool { self.head.method.isIdempotent && self.head.framing.isComplete }

    /// Whether it went out on a connection that had been used before, and was lost with that.
    var isStale: Bool { self.isReused && self.isKept && !self.hasHeard && !self.isRepeated }

    /// Whether the server is waited for before the body is sent (RFC 9110 10.1.1).
    var awaitsContinue: Bool {
        self.head.flags.contains(.expectContinue) && self.note.bytesIn == self.head.length
    }

    /// Whether the client asks to change to a protocol that can be passed unread. HTTP/2 is not one: its requests are looked at.
    var asksForUpgrade: Bool {
        self.head.flags.isSuperset(of: [.upgrade, .upgradeOption]) && !self.head.flags.contains(.upgradeToHTTP2)
            && self.head.version == .http11
    }
}

/// What one log line says of a request.
public struct ForwardNote: Hashable, Sendable {
    /// Its method; nil when it could not be read.
    public var method: Method?
    /// The response's status; 0 when none came.
    public var status = 0
    /// Bytes from the client.
    public var bytesIn = 0
    /// Bytes to the client.
    public var bytesOut = 0
    /// Whether a cluster has taken it.
    public var isRouted = false
    /// What went wrong.
    public var flags: ResponseFlags = []
    /// Why the gateway gave the answer itself; nil when it did not.
    public var reason: String?
    /// How often the request was sent once more, or to another server.
    public var retries = 0
}
