public import HTTPWire
import ProxyCore

/// The relay of one client connection of a gateway, as a value: events go in, one action at a time comes out.
///
/// The shell keeps the bytes. It tells the machine what happened with a verb (`acquired(isReused:)`, `clientEnded()` …), and then
/// asks each side in turn, with `step(_:_:)` and a view of the bytes it holds for that side, what to do, until both answers are
/// `wait` or `blocked`. The machine has no clock: the shell reads `deadline` after each round.
///
/// What holds at every moment:
/// - Nothing of a request is sent before its head has one meaning only; what has two is refused, and ends the connection.
/// - Exchanges follow each other; a pipelined request waits in the shell until the response before it has been passed on.
/// - A server's connection is used again only when request and response have ended on it to the byte.
/// - A request of which a byte was sent is sent a second time only when it is idempotent, has no body, and either went out on a
///   connection that had been used before, and not a byte of an answer came (RFC 9110 9.2.2, RFC 9112 9.3.1), or was answered
///   in a way that `retry` names, and nothing of that has reached the client.
public struct ForwardMachine: Sendable {
    enum Stage: UInt8 {
        case http
        /// After a 101, or behind a `CONNECT`: bytes pass unread.
        case tunnel
        /// The last response has been sent; the client's end is waited for.
        case lingering
        case closed
    }

    var stage: Stage = .http
    var chores: ForwardChores = []
    var exchange: ForwardExchange?
    var requestScanner: HeadScanner
    var responseScanner: HeadScanner
    let headLimit: Int
    /// Whether it is a forward proxy's: requests name the servers that they go to.
    let isProxy: Bool
    /// Counts up whenever a request begins or ends: a deadline of another one is another deadline.
    public internal(set) var turn: UInt = 0
    /// How many servers are tried for one request.
    public var attempts = 1
    /// When a request is sent once more though an answer to it has come; set by the answer to `route`, for its cluster.
    public var retry: RetryRule?
    /// What the server that ``ForwardAction/release(keep:)`` lets go of has made of the request.
    public internal(set) var verdict: ServerVerdict = .none
    var clientHasEnded = false
    var upstreamHasEnded = false
    var upstreamIsBroken = false
    /// Whether a connection to a server belongs to the exchange.
    var hasUpstream = false
    var isDraining = false
    /// The answer that goes with `respond`.
    public internal(set) var refusal: Refusal?
    var note: ForwardNote?
    /// At `ForwardAction.log`, until the note is taken: the head of a request for which `route` was never asked, because it was
    /// refused before. Its bytes are still the first of the client's.
    public internal(set) var unroutedHead: RequestHead?
    /// Whether an empty line has been passed over before the next request.
    var hasSkippedLine = false
    /// Bytes of the client that were answered without being sent anywhere.
    var refused = 0
    /// The head that `ForwardAction.sendResponse` is about; its ranges are offsets into the server's bytes.
    public internal(set) var responseHead: ResponseHead?
    /// Which ends a tunnel has passed on.
    var passedEnds: PassedEnds = []

    /// A machine whose client has just been accepted, with heads of at most `headLimit` bytes.
    ///
    /// - Parameter isProxy: whether it is a forward proxy's, whose requests name the servers that they go to.
    public init(headLimit: Int = 64 << 10, isProxy: Bool = false) {
        self.headLimit = headLimit
        self.isProxy = isProxy
        self.requestScanner = HeadScanner(limit: headLimit, targetWins: isProxy)
        self.responseScanner = HeadScanner()
    }

    /// The answer to a `CONNECT` once there is a connection (RFC 9110 section 9.3.6).
    public static let established = "HTTP/1.1 200 Connection established\r\n\r\n"

    /// Whether bytes pass unread.
    public var isTunnel: Bool { self.stage == .tunnel }

    /// The head that `ForwardAction.route` asks about; its ranges are offsets into the client's bytes.
    public var head: RequestHead? { self.exchange?.head }

    /// Whether an `Upgrade` field of the request goes to the server.
    public var keepsUpgrade: Bool { self.exchange?.asksForUpgrade ?? false }

    /// Whether all that the client sends is dropped.
    public var discards: Bool { self.stage == .lingering || self.stage == .closed }

    /// What the shell's timer should wait for now; nil while a connection is being got, which has its own time.
    public var deadline: ForwardDeadline? {
        switch self.stage {
        case .tunnel: return self.exchange?.head.method == .connect ? .tunnel : .stall
        case .lingering: return .linger
        case .closed: return nil
        case .http: break
        }
        guard let exchange = self.exchange else { return self.requestScanner.hasStarted ? .head : .idle }
        switch exchange.requestStage {
        case .routing, .acquiring, .head: return nil
        case .body: return .stall
        case .done: return exchange.hasBegun ? .stall : .response
        }
    }

    /// The line to be logged after `ForwardAction.log`.
    public mutating func takeNote() -> ForwardNote? {
        self.unroutedHead = nil
        return self.note.take()
    }

    /// What to do next with the bytes held for `side`; an empty view asks whether its end, or something else, is to be handled.
    public mutating func step(_ side: ForwardSide, _ view: ByteView) -> ForwardAction {
        if !self.chores.isEmpty { return self.nextChore() }
        switch self.stage {
        case .http: return side == .client ? self.stepClient(view) : self.stepUpstream(view)
        case .tunnel: return self.stepTunnel(side, view)
        case .lingering: return self.stepLingering(side, view)
        case .closed: return view.count > 0 ? .discard(view.count) : .wait
        }
    }

    private mutating func stepTunnel(_ side: ForwardSide, _ view: ByteView) -> ForwardAction {
        if view.count > 0 {
            self.passed(view.count, from: side)
            return .forward(view.count)
        }
        if side == .upstream, self.upstreamIsBroken { return self.breakOff(.upstreamClosed) }
        if self.clientHasEnded, self.upstreamHasEnded {
            // Both ends have been passed on, or are with the close.
            self.stage = .http
            return self.close()
        }
        if side == .client, self.clientHasEnded, !self.passedEnds.contains(.toUpstream) {
            self.passedEnds.insert(.toUpstream)
            return .finish(.upstream)
        }
        if side == .upstream, self.upstreamHasEnded, !self.passedEnds.contains(.toClient) {
            self.passedEnds.insert(.toClient)
            return .finish(.client)
        }
        return .wait
    }

    /// What comes after the last response is dropped, so that it reaches the client before a reset does (RFC 9112 9.6).
    private mutating func stepLingering(_ side: ForwardSide, _ view: ByteView) -> ForwardAction {
        if view.count > 0 { return .discard(view.count) }
        guard side == .client, self.clientHasEnded else { return .wait }
        self.stage = .closed
        self.chores.insert(.closeAll)
        return self.nextChore()
    }

    struct PassedEnds: OptionSet, Sendable {
        let rawValue: UInt8
        static let toUpstream = PassedEnds(rawValue: 1)
        static let toClient = PassedEnds(rawValue: 2)
    }
}
