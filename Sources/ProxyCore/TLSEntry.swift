public import TLSWire

/// How a connection to a port that speaks TLS gets to where its bytes can be read, as a value.
///
/// The client's first message is held. Whether anybody else than the original answers it is decided only when the
/// original has been spoken to as the client would, by the same name and with the same protocols offered, and has been
/// verified: whatever stands in the way of that, the bytes go to the original unread, as they came.
public struct TLSEntry: Sendable {
    /// What the shell does next.
    public enum Step: Hashable, Sendable {
        /// Nothing until something comes.
        case wait
        /// Speak TLS to the original, as this client would.
        case secureOriginal(ClientHello)
        /// Answer the client's handshake in the original's place, with the protocol that the original chose.
        case secureClient(applicationProtocol: String?)
        /// Let go of the connection to the original, and open another.
        case reconnect
        /// Both ends are spoken to: what they say is to be relayed.
        case relay
        /// What the client has said and says goes to the original unread.
        case pass(RawReason)
        /// The original cannot be had any more for a connection that had it.
        case loseOriginal
    }

    private enum State: Hashable {
        case connecting
        case hello
        case original(ClientHello)
        case client(ClientHello, String?)
        case secured(ClientHello, String?)
        /// The original is connected to once more, for a connection that is being relayed.
        case again(ClientHello, String?)
        case reconnecting(RawReason)
        case unread
    }

    private var state = State.connecting
    /// Whether the original has ended while the client's handshake goes on.
    private var isOriginalGone = false

    /// An entry whose original is being connected to.
    public init() {}

    /// Whether the relay has not begun.
    public var isEntering: Bool {
        switch self.state {
        case .connecting, .hello, .original, .client, .reconnecting: true
        case .secured, .again, .unread: false
        }
    }

    /// Whether the original's handshake is under way, so that its end concerns nobody else.
    public var awaitsOriginal: Bool {
        switch self.state {
        case .original, .again: true
        default: false
        }
    }

    /// Whether more bytes of a side are wanted before the relay begins.
    public func wantsBytes(_ side: Side) -> Bool {
        switch self.state {
        case .hello: true
        case .original: side == .original
        case .client: side == .client
        default: false
        }
    }

    /// What the shell's timer should wait for before the relay begins; a client may take its time for its own handshake.
    ///
    /// - Parameter hasBegun: whether a byte of the client is held.
    public func deadline(hasBegun: Bool) -> Deadline? {
        switch self.state {
        case .hello: hasBegun ? .head : nil
        case .original: .head
        case .client: self.isOriginalGone ? .head : nil
        default: nil
        }
    }

    /// A connection to the original is open.
    public mutating func originalConnected() -> Step {
        switch self.state {
        case .connecting: self.state = .hello
        case .reconnecting(let reason): return self.pass(reason)
        case .secured(let hello, let name):
            self.state = .again(hello, name)
            return .secureOriginal(hello)
        default: break
        }
        return .wait
    }

    /// The client has said so much.
    ///
    /// - Parameter canAnswer: whether its handshake could be answered in the original's place.
    public mutating func clientSaid(_ reading: ClientHello.Reading, canAnswer: (ClientHello) -> Bool) -> Step {
        guard self.state == .hello else { return .wait }
        switch reading {
        case .more: return .wait
        case .other: return self.pass(.notTLS)
        case .whole(let hello):
            guard canAnswer(hello) else { return self.pass(.unreadableTLS) }
            self.state = .original(hello)
            return .secureOriginal(hello)
        }
    }

    /// The client has sent its last byte.
    public mutating func clientEnded() -> Step {
        switch self.state {
        case .hello: self.pass(.headTruncated)
        case .original: self.giveUp()
        default: .wait
        }
    }

    /// The original ended. A client that is in its handshake still gets what the original said, if it does not take long.
    public mutating func originalEnded() -> Step {
        if case .client = self.state { self.isOriginalGone = true }
        return self.originalSpoke()
    }

    /// The original spoke before the client's first message was there.
    public mutating func originalSpoke() -> Step {
        self.state == .hello ? self.pass(.serverFirst) : .wait
    }

    /// The original's handshake is done, and it is who it should be.
    public mutating func originalSecured(applicationProtocol: String?) -> Step {
        switch self.state {
        case .original(let hello):
            self.state = .client(hello, applicationProtocol)
            return .secureClient(applicationProtocol: applicationProtocol)
        case .again(let hello, let name):
            self.state = .secured(hello, name)
            return name == applicationProtocol ? .relay : .loseOriginal
        default: return .wait
        }
    }

    /// The original's handshake failed, or it is not who it should be.
    public mutating func originalFailed() -> Step {
        switch self.state {
        case .original: return self.giveUp()
        case .again(let hello, let name):
            self.state = .secured(hello, name)
            return .loseOriginal
        default: return .wait
        }
    }

    /// The client's handshake is done.
    public mutating func clientSecured() -> Step {
        guard case .client(let hello, let name) = self.state else { return .wait }
        self.state = .secured(hello, name)
        return .relay
    }

    /// The client's handshake cannot be answered; nothing was said to it yet.
    public mutating func cannotAnswer() -> Step {
        guard case .client = self.state else { return .wait }
        return self.giveUp()
    }

    /// The deadline has passed.
    public mutating func deadlinePassed() -> Step {
        switch self.state {
        case .hello: self.pass(.headTimeout)
        case .original: self.giveUp()
        case .client: self.isOriginalGone ? .loseOriginal : .wait
        default: .wait
        }
    }

    private mutating func pass(_ reason: RawReason) -> Step {
        self.state = .unread
        return .pass(reason)
    }

    /// The connection to the original has been used for a handshake of our own: the client's needs another.
    private mutating func giveUp() -> Step {
        self.state = .reconnecting(.unreadableTLS)
        return .reconnect
    }
}
