import HTTPWire

/// The client's side of an exchange: detect, route, and the request's bytes.
extension RelayMachine {
    mutating func stepClient(_ view: ByteView) -> Action {
        if self.dropped > 0 {
            let count = self.dropped
            self.dropped = 0
            return .discard(count)
        }
        guard let stage = self.exchange?.requestStage else {
            return self.detect(view)
        }
        switch stage {
        case .routing, .waiting: return view.count > 0 ? .blocked : .wait
        case .head: return self.sendHead(view)
        case .body: return self.sendBody(view)
        case .done: return view.count > 0 ? .blocked : self.passClientEnd()
        }
    }

    /// Looks for the next request, and says as early as possible that there is none.
    private mutating func detect(_ view: ByteView) -> Action {
        guard view.count > 0 else {
            if self.clientHasEnded {
                self.enterRaw(nil)
                return self.step(.client, view)
            }
            if self.isDraining {
                self.beginClosing()
                return self.nextChore()
            }
            return .wait
        }
        switch self.requestScanner.scanRequest(view) {
        case .complete(let head):
            self.exchange = Exchange(head)
            return .route
        case .incomplete:
            guard self.clientHasEnded else {
                return .wait
            }
            self.enterRaw(.headTruncated)
        case .notHTTP(let foreign):
            switch foreign {
            case .tls: self.enterRaw(.tls)
            case .http2 where self.exchanges == 0: return .takeOver
            case .http2: self.enterRaw(.http2)
            case .unknown, .version: self.enterRaw(.notHTTP)
            }
        case .ambiguous: self.enterRaw(.ambiguous)
        case .tooLong: self.enterRaw(.headTooLong)
        }
        return self.step(.client, view)
    }

    /// Sends the head and as much of the body as came with it.
    private mutating func sendHead(_ view: ByteView) -> Action {
        guard var exchange = self.exchange else {
            return .wait
        }
        var count = exchange.head.length
        if !exchange.requestBody.isComplete {
            guard let taken = exchange.requestBody.take(view, from: count) else {
                return self.badRequestBody(view)
            }
            count += taken
        }
        exchange.requestStage = exchange.requestBody.isComplete ? .done : .body
        exchange.bytesIn += count
        if exchange.server == .original { self.hasAskedOriginal = true }
        let keep = exchange.isReplayable && (exchange.server == .upstream || exchange.fallback != nil)
        self.exchange = exchange
        if exchange.server == .upstream, exchange.head.flags.contains(.upgradeToHTTP2) {
            return .forwardWithoutUpgrade(head: exchange.head.length, total: count, keep: keep)
        }
        return .forward(count, to: exchange.server, keep: keep)
    }

    private mutating func sendBody(_ view: ByteView) -> Action {
        guard var exchange = self.exchange else {
            return .wait
        }
        guard view.count > 0 else {
            guard self.clientHasEnded else {
                return .wait
            }
            // The request stays short. Its server learns that from the end, and may still say something.
            exchange.requestStage = .done
            exchange.flags.insert(.clientClosed)
            exchange.closesAfter = exchange.server == .upstream
            self.exchange = exchange
            return self.passClientEnd()
        }
        guard let taken = exchange.requestBody.take(view) else {
            return self.badRequestBody(view)
        }
        if exchange.requestBody.isComplete { exchange.requestStage = .done }
        exchange.bytesIn += taken
        self.exchange = exchange
        if exchange.isComplete {
            self.finishExchange(exchange)
        }
        return .forward(taken, to: exchange.server, keep: false)
    }

    /// A body that breaks the chunk grammar: the original may read it as it likes, the laptop never sees the rest.
    private mutating func badRequestBody(_ view: ByteView) -> Action {
        self.exchange?.flags.insert(.clientProtocol)
        guard self.exchange?.server == .upstream else {
            self.enterRaw(.badRequestBody)
            return self.step(.client, view)
        }
        self.answer(400, .badRequest)
        return self.nextChore()
    }

    /// Passes the client's end on as soon as all of its bytes have gone before it.
    private mutating func passClientEnd() -> Action {
        guard self.clientHasEnded, let exchange = self.exchange else {
            return .wait
        }
        switch exchange.server {
        case .upstream where self.tunnel == .open && !self.upstreamHasClientEnd:
            self.upstreamHasClientEnd = true
            return .finishWrites(.upstream)
        case .original where !self.originalHasClientEnd:
            self.originalHasClientEnd = true
            return .finishWrites(.original)
        default: return .wait
        }
    }
}
