/// The verbs: what happened outside. None of them does anything by itself; the actions come from `step(_:_:)`.
extension RelayMachine {
    /// The connection belongs to `route` as a whole, whatever it speaks: said before the original is connected to.
    ///
    /// When the tunnel does not take it, `Action.reconnectOriginal` asks for the original, and requests are looked at.
    public mutating func takeWhole(by route: Route) {
        guard self.stage == .connecting, route.isUp else {
            return
        }
        self.route = route
        self.openTunnel(route)
    }

    /// The connection to the original is open.
    public mutating func originalConnected() {
        if self.stage == .connecting {
            self.stage = .http
        }
        guard let reopening = self.reopening else {
            return
        }
        self.reopening = nil
        switch reopening {
        case .head: self.exchange?.requestStage = .head
        case .replay:
            self.hasAskedOriginal = true
            self.exchange?.requestStage = .done
            self.chores.insert(.replay)
        }
    }

    /// The connection to the original could not be opened: the client is refused as the original would have refused it.
    /// Where a diverted request was to fall back to it, that gets an answer.
    public mutating func originalFailed() {
        if let reopening = self.reopening, let reason = self.exchange?.fallback {
            self.reopening = nil
            // Its bytes are gone: what is held by now is the next request's.
            if reopening == .replay { self.exchange?.requestStage = .done }
            self.originalHasEnded = true
            self.answer(502, reason)
            return
        }
        self.end(reset: true)
    }

    /// The client has sent its last byte.
    public mutating func clientEnded() {
        self.clientHasEnded = true
    }

    /// The client's connection was reset or broke: the other sides are reset likewise.
    public mutating func clientReset() {
        guard self.stage != .closed else {
            return
        }
        if self.exchange != nil {
            self.exchange?.flags.insert(.clientClosed)
        }
        self.end(reset: true)
    }

    /// The original has sent its last byte.
    public mutating func originalEnded() {
        self.originalHasEnded = true
    }

    /// The original's connection was reset or broke.
    ///
    /// While a diverted exchange is under way the client does not notice; afterwards it sees an end.
    public mutating func originalReset() {
        switch self.stage {
        case .closed, .closing: return
        case .http where self.reopening != nil: return
        case .raw where self.rawPeer == .upstream: return
        case .http where self.isUntouched: self.originalHasEnded = true
        case .http where self.exchange?.server == .upstream:
            self.originalHasEnded = true
            self.exchange?.closesAfter = true
        default:
            if self.stage == .http, self.repeatFallback() { return }
            self.exchange?.flags.insert(.upstreamClosed)
            self.end(reset: true)
        }
    }

    /// The tunnel acknowledged the stream.
    public mutating func upstreamAccepted() {
        guard self.tunnel == .connecting else {
            return
        }
        self.tunnel = .open
        if self.stage == .connecting {
            self.enterRaw(.wholeConnection, peer: .upstream)
        }
        if self.exchange?.requestStage == .waiting {
            self.exchange?.requestStage = .head
            self.exchange?.server = .upstream
        }
    }

    /// The tunnel refused the stream, or its connection could not be opened.
    public mutating func upstreamFailed(_ reason: Fallback) {
        guard self.tunnel == .connecting else {
            return
        }
        self.dropTunnel()
        if self.stage == .connecting {
            self.chores.insert(.reconnectOriginal)
        }
        if self.exchange?.requestStage == .waiting {
            self.exchange?.flags.insert(reason == .ackTimeout ? .upstreamTimeout : .upstreamFailure)
            self.fallBack(reason)
        }
    }

    /// The tunnel has sent its last byte.
    public mutating func upstreamEnded() {
        if self.tunnel == .connecting {
            self.upstreamFailed(.localRefused)
        } else {
            self.upstreamHasEnded = true
        }
    }

    /// The tunnel's connection was reset or broke.
    public mutating func upstreamReset() {
        switch self.tunnel {
        case .none: return
        case .connecting: self.upstreamFailed(.localRefused)
        case .open: self.upstreamBroke()
        }
    }

    /// The route for the request the machine asked about.
    public mutating func routed(_ decision: RouteDecision) {
        guard self.exchange?.requestStage == .routing else {
            return
        }
        self.exchange?.requestStage = .head
        guard case .divert(let route) = decision else {
            if self.route != nil { self.route = nil }
            if self.originalHasEnded, self.isUntouched { self.reopenOriginal(.head) }
            return
        }
        self.route = route
        self.divert(to: route)
    }

    /// The connection of a client that speaks HTTP/2 passes unread.
    public mutating func passHTTP2() {
        self.enterRaw(.http2)
    }

    /// The connection passes unread from its first byte on: whoever read it before this machine says why.
    public mutating func passUnread(_ reason: RawReason) {
        self.enterRaw(reason)
    }

    /// A deadline of `deadline` has passed.
    public mutating func deadlinePassed(_ deadline: Deadline) {
        guard self.deadline == deadline else {
            return
        }
        switch deadline {
        case .head: self.enterRaw(.headTimeout)
        case .acknowledgement: self.upstreamFailed(.ackTimeout)
        case .linger: self.end(reset: false)
        }
    }

    /// The connection is to end without losing anything: the next response of the original says so to the client.
    ///
    /// It is the one edit of a bystander's bytes, for when the alternative is to close between two requests, where a
    /// request may already be on its way.
    public mutating func announceClose() {
        self.announcesClose = true
    }

    /// No more requests are wanted: an idle connection ends now, a busy one after its exchange, a raw one by itself.
    public mutating func drain() {
        self.isDraining = true
    }
}
