import HTTPWire

/// The tunnel's side of an exchange.
extension RelayMachine {
    mutating func stepUpstream(_ view: ByteView) -> Action {
        guard self.tunnel == .open else {
            return view.count > 0 ? .discard(view.count) : .wait
        }
        guard let exchange = self.exchange, exchange.server == .upstream, exchange.requestStage != .head else {
            return self.excess(view)
        }
        switch exchange.responseStage {
        case .head: return self.upstreamHead(view, exchange)
        case .body: return self.upstreamBody(view, exchange)
        case .done: return self.excess(view)
        }
    }

    /// Bytes after a response, or before a request: that process answers twice, and nobody must see the second answer.
    private mutating func excess(_ view: ByteView) -> Action {
        guard view.count > 0 || self.upstreamHasEnded else {
            return .wait
        }
        if let exchange = self.exchange, exchange.server == .upstream {
            if exchange.requestStage == .head {
                self.upstreamBroke()
            } else {
                // The answer is whole, the request is not, and nobody reads the rest of it.
                self.finishExchangeClosing(exchange)
            }
        } else {
            self.dropTunnel()
        }
        return view.count > 0 ? .discard(view.count) : self.step(.upstream, view)
    }

    private mutating func upstreamHead(_ view: ByteView, _ exchange: Exchange) -> Action {
        guard view.count > 0 else {
            guard self.upstreamHasEnded else {
                return .wait
            }
            self.upstreamBroke()
            return self.step(.upstream, view)
        }
        switch self.responseScanner.scanResponse(view) {
        case .complete(let head):
            return self.upstreamAnswered(head, view)
        case .incomplete where !self.upstreamHasEnded:
            return .wait
        case .incomplete:
            self.upstreamBroke()
        case .notHTTP, .ambiguous, .tooLong:
            self.badUpstreamResponse()
        }
        return .discard(view.count)
    }

    private mutating func upstreamAnswered(_ head: ResponseHead, _ view: ByteView) -> Action {
        guard var exchange = self.exchange else {
            return .wait
        }
        self.responseScanner = HeadScanner(limit: self.headLimit)
        if head.status < 200 {
            return self.upstreamInterim(head, view, exchange)
        }
        exchange.status = head.status
        exchange.responseBody = head.framing(answering: exchange.head.method)
        var count = head.length
        if !exchange.responseBody.isComplete {
            guard let taken = exchange.responseBody.take(view, from: count) else {
                self.badUpstreamResponse()
                return .discard(view.count)
            }
            count += taken
        }
        if !head.keepsAlive || !exchange.head.keepsAlive || exchange.responseBody.endsWithConnection {
            exchange.closesAfter = true
        }
        exchange.hasBegun = true
        exchange.bytesOut += count
        exchange.responseStage = exchange.responseBody.isComplete ? .done : .body
        self.exchange = exchange
        if exchange.isComplete {
            self.finishExchange(exchange)
        }
        return .forward(count, to: .client, keep: false)
    }

    private mutating func upstreamInterim(_ head: ResponseHead, _ view: ByteView, _ exchange: Exchange) -> Action {
        var exchange = exchange
        if head.status == 101 {
            guard exchange.head.flags.contains(.upgrade), !exchange.head.flags.contains(.upgradeToHTTP2) else {
                self.badUpstreamResponse()
                return .discard(view.count)
            }
            exchange.status = 101
            exchange.bytesOut += head.length
            self.exchange = exchange
            self.enterRaw(.upgrade, peer: .upstream)
            return .forward(head.length, to: .client, keep: false)
        }
        exchange.hasBegun = true
        exchange.bytesOut += head.length
        self.exchange = exchange
        return .forward(head.length, to: .client, keep: false)
    }

    private mutating func upstreamBody(_ view: ByteView, _ exchange: Exchange) -> Action {
        var exchange = exchange
        guard view.count > 0 else {
            guard self.upstreamHasEnded else {
                return .wait
            }
            guard exchange.responseBody.endsWithConnection else {
                self.upstreamBroke()
                return self.step(.upstream, view)
            }
            exchange.responseStage = .done
            self.exchange = exchange
            self.finishExchangeClosing(exchange)
            return self.nextChore()
        }
        guard let taken = exchange.responseBody.take(view) else {
            self.exchange?.flags.insert(.upstreamProtocol)
            self.end(reset: true)
            return .discard(view.count)
        }
        exchange.bytesOut += taken
        if exchange.responseBody.isComplete { exchange.responseStage = .done }
        self.exchange = exchange
        if exchange.isComplete {
            self.finishExchange(exchange)
        }
        return .forward(taken, to: .client, keep: false)
    }

    private mutating func finishExchangeClosing(_ exchange: Exchange) {
        var exchange = exchange
        exchange.closesAfter = true
        self.finishExchange(exchange)
    }
}
