import HTTPWire
import ProxyCore

/// The server's side of an exchange: the response's bytes.
extension ForwardMachine {
    mutating func stepUpstream(_ view: ByteView) -> ForwardAction {
        guard let exchange = self.exchange, self.hasUpstream else {
            return view.count > 0 ? .discard(view.count) : .wait
        }
        switch exchange.responseStage {
        case .head: return self.readHead(view, of: exchange)
        case .body: return self.passBody(view)
        case .done: return .wait
        }
    }

    private mutating func readHead(_ view: ByteView, of exchange: ForwardExchange) -> ForwardAction {
        guard view.count > 0 else { return self.upstreamHasEnded ? self.loseUpstream() : .wait }
        self.exchange?.hasHeard = true
        // Whoever answers before the question answers somebody else's.
        guard exchange.requestStage == .body || exchange.requestStage == .done else {
            return self.refuse(.badResponse)
        }
        switch self.responseScanner.scanResponse(view) {
        case .complete(let head): return self.passHead(head, view, of: exchange)
        case .incomplete: return self.upstreamHasEnded ? self.loseUpstream() : .wait
        case .notHTTP, .ambiguous, .tooLong: return self.refuse(.badResponse)
        }
    }

    private mutating func passHead(
        _ head: ResponseHead,
        _ view: ByteView,
        of exchange: ForwardExchange
    ) -> ForwardAction {
        self.responseHead = head
        self.responseScanner = HeadScanner()
        // A body where there can be none: a lax client would take it for the next response (RFC 9112 6.3).
        if head.status < 200 || head.status == 204, head.flags.contains(.chunked) || head.contentLength > 0 {
            return self.refuse(.badResponse)
        }
        if head.status < 200 { return self.passInterim(head, of: exchange) }
        self.verdict = .answered(head.status)
        if let retry = self.retry, retry.statuses.contains(head.status), self.mayRepeat(exchange) {
            return self.dropAnswer(head, view, of: exchange)
        }
        var body = head.framing(answering: exchange.head.method)
        let endsWithConnection = body.endsWithConnection
        var count = head.length
        if !body.isComplete {
            guard let taken = body.take(view, from: count) else { return self.refuse(.badResponse) }
            count += taken
        }
        let isLast = exchange.isLast || endsWithConnection || exchange.requestStage != .done
        self.exchange?.isLast = isLast
        self.exchange?.hasBegun = true
        self.exchange?.note.status = head.status
        self.exchange?.responseBody = body
        self.exchange?.responseStage = .body
        self.exchange?.keepsUpstream = head.keepsAlive && !endsWithConnection
        self.noteReceived(count, of: view)
        let speaksHTTP10 = exchange.head.version == .http10 || head.version == .http10
        let goesOn: Persistence = speaksHTTP10 ? .goesOnInHTTP10 : .goesOn
        return .sendResponse(head: head.length, total: count, isLast ? .ends : goesOn)
    }

    /// 1xx: passed on to those who know them (RFC 9110 15.2). They do not put off the time that the response has.
    private mutating func passInterim(_ head: ResponseHead, of exchange: ForwardExchange) -> ForwardAction {
        guard head.status == 101 else {
            guard exchange.head.version == .http11 else { return .discard(head.length) }
            self.exchange?.note.bytesOut += head.length
            return .sendResponse(head: head.length, total: head.length, .goesOn)
        }
        guard exchange.asksForUpgrade, exchange.requestStage == .done,
            head.flags.isSuperset(of: [.upgrade, .upgradeOption])
        else {
            return self.refuse(.badResponse)
        }
        self.stage = .tunnel
        self.exchange?.hasBegun = true
        self.exchange?.note.status = 101
        self.exchange?.note.bytesOut += head.length
        return .sendResponse(head: head.length, total: head.length, .upgrades)
    }

    private mutating func passBody(_ view: ByteView) -> ForwardAction {
        guard view.count > 0 else {
            guard self.upstreamHasEnded else { return .wait }
            guard self.exchange?.responseBody.endsWithConnection == true, !self.upstreamIsBroken else {
                return self.breakOff(.upstreamClosed)
            }
            self.finishExchange()
            return self.nextChore()
        }
        guard let taken = self.exchange?.responseBody.take(view) else { return self.breakOff(.upstreamProtocol) }
        self.noteReceived(taken, of: view)
        return .forward(taken)
    }

    private mutating func noteReceived(_ count: Int, of view: ByteView) {
        self.exchange?.note.bytesOut += count
        guard self.exchange?.responseBody.isComplete == true else { return }
        // A server that says more than it was asked for is not asked again.
        if view.count > count { self.exchange?.keepsUpstream = false }
        self.finishExchange()
    }

    /// The server's connection has ended before the head of a response has.
    private mutating func loseUpstream() -> ForwardAction {
        guard let exchange = self.exchange else { return .wait }
        let isUnsent = exchange.requestStage == .head
        guard !isUnsent || exchange.isReused else {
            self.verdict = .failed
            self.letGo(keep: false)
            self.tryAnother(.refused)
            return self.nextChore()
        }
        if !isUnsent, !exchange.isStale {
            guard self.retry?.isForResets == true, self.mayRepeat(exchange) else { return self.refuse(.upstreamClosed) }
            self.verdict = .failed
            self.exchange?.failures += 1
        }
        self.letGo(keep: false)
        return self.repeatRequest(isSent: !isUnsent || exchange.isRepeated)
    }

    /// Whether the request is held and has tries left.
    private func mayRepeat(_ exchange: ForwardExchange) -> Bool {
        exchange.isKept && exchange.requestStage == .done && exchange.failures + 1 < self.attempts
    }

    /// Lets go of an answer that another server may better.
    private mutating func dropAnswer(
        _ head: ResponseHead,
        _ view: ByteView,
        of exchange: ForwardExchange
    ) -> ForwardAction {
        var body = head.framing(answering: exchange.head.method)
        var count = head.length
        if !body.isComplete { count += body.take(view, from: count) ?? 0 }
        self.exchange?.failures += 1
        let isWhole = body.isComplete && count == view.count && !self.upstreamHasEnded
        self.letGo(keep: isWhole && head.keepsAlive && !body.endsWithConnection)
        return self.repeatRequest(isSent: true)
    }

    /// Gets another connection for the request.
    private mutating func repeatRequest(isSent: Bool) -> ForwardAction {
        self.responseScanner = HeadScanner()
        self.exchange?.isRepeated = isSent
        self.exchange?.note.retries += 1
        self.exchange?.requestStage = .acquiring
        self.chores.insert(.acquire)
        return self.nextChore()
    }
}
