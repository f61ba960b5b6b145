public import HTTPWire

/// The relay of one client connection, as a value: events go in, one action at a time comes out.
///
/// The shell keeps the bytes. It tells the machine what happened with a verb (`originalConnected()`, `clientEnded()` …), and then asks
/// each side in turn, with `step(_:_:)` and a view of the bytes it holds for that side, what to do, until every answer is `wait` or
/// `blocked`. The machine has no clock: the shell reads `deadline` after each round and calls `deadlinePassed(_:)`.
///
/// What holds at every moment:
/// - Bytes are passed on in the order they came and as they came. Only a response that explains a fallback gets two lines more.
/// - Exchanges follow each other; a pipelined request waits in the shell until the response before it has been passed on.
/// - Whatever is not one HTTP/1 message with one meaning makes the connection raw, for good, between exchanges only.
/// - A request is sent a second time only when it is idempotent, has no body, and no byte of an answer has been passed on.
public struct RelayMachine: Sendable {
    enum Stage: UInt8 {
        case connecting
        case http
        case raw
        case closing
        case closed
    }

    enum Reopening: UInt8 {
        /// Its head is sent; nothing of it was before.
        case head
        /// It was sent into the tunnel, and is sent again.
        case replay
    }

    enum Tunnel: UInt8 {
        case none
        case connecting
        case open
    }

    var stage: Stage = .connecting
    var chores: Chores = []
    var exchange: Exchange?
    var requestScanner: HeadScanner
    var responseScanner: HeadScanner
    let headLimit: Int
    var exchanges = 0

    var tunnel: Tunnel = .none
    /// The route the tunnel was opened for.
    var tunnelRoute: Route?
    /// The route that took the latest request, if one did.
    public internal(set) var route: Route?
    /// Bytes of the client that were answered without being sent anywhere.
    var dropped = 0

    var clientHasEnded = false
    var originalHasEnded = false
    /// Whether a request has been sent on the connection to the original that there is.
    var hasAskedOriginal = false
    /// Where the request goes on once the original that has ended is connected to again; nil when nothing waits for that.
    var reopening: Reopening?
    var upstreamHasEnded = false
    /// Whether the client's end has been passed on to the original.
    var originalHasClientEnd = false
    /// Whether the client's end has been passed on to the tunnel.
    var upstreamHasClientEnd = false
    /// Whether the client has been shown an end.
    var clientHasEnd = false
    var isDraining = false
    /// Whether a client that speaks HTTP/2 can be taken over: an original that greets it first is then waited with.
    public var readsHTTP2 = false
    /// Whether such a greeting waits for the client to speak.
    var holdsGreeting = false
    /// Whether the next response says that the connection ends with it.
    var announcesClose = false

    var rawPeer: Side = .original
    var rawReason: RawReason?
    var rawBytesIn = 0
    var rawBytesOut = 0

    var record: Record?
    /// The answer that goes with `respond`.
    public internal(set) var synthetic: Synthetic?

    /// A machine whose client has just been accepted, with heads of at most `headLimit` bytes.
    public init(headLimit: Int = 64 << 10) {
        self.headLimit = headLimit
        self.requestScanner = HeadScanner(limit: headLimit)
        self.responseScanner = HeadScanner(limit: headLimit)
    }

    /// Where the connection stands.
    public var phase: Phase {
        switch self.stage {
        case .connecting: .accept
        case .raw: .raw
        case .closing, .closed: .close
        case .http:
            switch self.exchange?.requestStage {
            case nil: .detect
            case .routing: .route
            case .waiting: .upstream
            default: .relay
            }
        }
    }

    /// Whether closing the connection now would cut something off.
    public var isBusy: Bool {
        self.exchange != nil || self.stage == .raw || self.requestScanner.hasStarted
    }

    /// Why the connection passes its bytes unread, if it does.
    public var raw: RawReason? {
        self.rawReason
    }

    /// The head that `Action.route` asks about; its ranges are offsets into the client's bytes.
    public var head: RequestHead? {
        self.exchange?.head
    }

    /// What the shell's timer should wait for now.
    public var deadline: Deadline? {
        switch self.stage {
        case .http:
            if let exchange = self.exchange {
                return exchange.requestStage == .waiting && self.reopening == nil ? .acknowledgement : nil
            }
            return self.requestScanner.hasStarted || self.holdsGreeting ? .head : nil
        case .closing: return .linger
        case .connecting: return self.tunnel == .connecting ? .acknowledgement : nil
        case .raw, .closed: return nil
        }
    }

    /// The line to be logged after `Action.log`.
    public mutating func takeRecord() -> Record? {
        let record = self.record
        self.record = nil
        return record
    }

    /// What to do next with the bytes held for `side`; an empty view asks whether its end, or something else, is to be handled.
    public mutating func step(_ side: Side, _ view: ByteView) -> Action {
        if !self.chores.isEmpty {
            return self.nextChore()
        }
        switch self.stage {
        case .connecting: return side == .client ? .blocked : .wait
        case .closed: return view.count > 0 ? .discard(view.count) : .wait
        case .closing: return self.stepClosing(side, view)
        case .raw: return self.stepRaw(side, view)
        case .http: break
        }
        switch side {
        case .client: return self.stepClient(view)
        case .original: return self.stepOriginal(view)
        case .upstream: return self.stepUpstream(view)
        }
    }
}
