import HTTPWire

/// Diverted exchanges: into the tunnel, and what happens when that does not work.
extension RelayMachine {
    mutating func divert(to route: Route) {
        self.exchange?.matched = true
        guard let head = self.exchange?.head, head.method != .connect else {
            return
        }
        guard route.isUp else {
            self.dropTunnel()
            self.exchange?.flags.insert(.upstreamFailure)
            self.fallBack(.routeDown)
            return
        }
        if self.tunnel == .open, self.tunnelRoute?.id == route.id, self.tunnelRoute?.upstreamPath == route.upstreamPath,
            !self.upstreamHasEnded
        {
            self.exchange?.server = .upstream
            return
        }
        self.dropTunnel()
        self.openTunnel(route)
    }

    mutating func openTunnel(_ route: Route) {
        self.exchange?.requestStage = .waiting
        self.exchange?.server = .upstream
        self.tunnelRoute = route
        self.tunnel = .connecting
        self.chores.insert(.connectUpstream)
    }

    /// The laptop has not seen a byte of the request: the original answers, or a 503 if the route wants that.
    mutating func fallBack(_ reason: Fallback) {
        self.exchange?.fallback = reason
        self.exchange?.server = .original
        self.exchange?.requestStage = .head
        if self.wantsUnavailable {
            self.answer(503, reason)
        } else if self.originalHasEnded {
            self.reopenOriginal(.head)
        }
    }

    /// Connects to the original anew.
    ///
    /// Diverted requests keep the client's connection alive, but not the original's: servers end what is idle for a few
    /// seconds. Where the client had asked the original, its own connection ends after this exchange, as it would have with
    /// the original's: something may have been bound to that.
    mutating func reopenOriginal(_ next: Reopening) {
        self.exchange?.requestStage = .waiting
        if self.hasAskedOriginal { self.exchange?.closesAfter = true }
        self.hasAskedOriginal = false
        self.reopening = next
        self.originalHasEnded = false
        self.originalHasClientEnd = false
        self.chores.insert(.reconnectOriginal)
    }

    /// Sends a request that fell back once more, on a new connection; false when it must not be.
    ///
    /// The original may have ended its idle connection in the moment the request was sent on it. A client that talks to it
    /// directly expects that and tries again, but this one has no reason to think that its connection was idle.
    mutating func repeatFallback() -> Bool {
        guard let exchange = self.exchange, exchange.fallback != nil, exchange.server == .original,
            exchange.isReplayable,
            exchange.requestStage == .done, !exchange.isRepeated, !self.responseScanner.hasStarted
        else { return false }
        self.exchange?.isRepeated = true
        self.reopenOriginal(.replay)
        return true
    }

    /// The tunnel ended after its acknowledgement and before the response did.
    mutating func upstreamBroke() {
        guard var exchange = self.exchange, exchange.server == .upstream else {
            if self.stage == .raw, self.rawPeer == .upstream {
                self.end(reset: true)
            } else {
                self.dropTunnel()
            }
            return
        }
        exchange.flags.insert(.upstreamClosed)
        self.exchange = exchange
        if exchange.hasBegun {
            // The client must see that its response is cut short.
            self.end(reset: true)
            return
        }
        self.responseScanner = HeadScanner(limit: self.headLimit)
        self.dropTunnel()
        if exchange.requestStage == .head {
            self.fallBack(.tunnelReset)
            return
        }
        guard exchange.isReplayable, !self.wantsUnavailable else {
            self.answer(self.wantsUnavailable ? 503 : 502, .tunnelReset)
            return
        }
        self.exchange?.server = .original
        self.exchange?.fallback = .tunnelReset
        guard !self.originalHasEnded else {
            self.reopenOriginal(.replay)
            return
        }
        self.hasAskedOriginal = true
        self.chores.insert(.replay)
    }

    /// What the tunnel sent is no response to the request; the client has seen nothing of it.
    mutating func badUpstreamResponse() {
        self.exchange?.flags.insert(.upstreamProtocol)
        if self.exchange?.hasBegun == true {
            self.end(reset: true)
        } else {
            self.answer(502, .badResponse)
        }
    }

    /// Answers in the server's place; ends the connection unless the whole request has been read, or can be dropped.
    mutating func answer(_ status: Int, _ reason: Fallback) {
        guard var exchange = self.exchange else {
            return
        }
        let isHeld = exchange.requestStage == .head || exchange.requestStage == .waiting
        let isRead = exchange.requestStage == .done || (isHeld && exchange.head.framing.isComplete)
        exchange.fallback = reason
        exchange.isSynthetic = true
        exchange.status = status
        exchange.hasBegun = true
        exchange.responseStage = .done
        exchange.closesAfter = exchange.closesAfter || !isRead || !exchange.head.keepsAlive
        let synthetic = Synthetic(
            status: status,
            reason: reason,
            closes: exchange.closesAfter,
            omitsBody: exchange.head.method == .head
        )
        exchange.bytesOut += synthetic.text.utf8.count
        self.synthetic = synthetic
        self.dropTunnel()
        self.chores.insert(.respond)
        if isHeld, isRead {
            self.dropped = exchange.head.length
        }
        self.finishExchange(exchange)
    }

    private var wantsUnavailable: Bool {
        self.route?.onUnreachable == .unavailable
    }
}
