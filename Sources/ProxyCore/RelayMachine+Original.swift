import HTTP2Wire
import HTTPWire

/// The original's side of an exchange.
extension RelayMachine {
    mutating func stepOriginal(_ view: ByteView) -> Action {
        guard let exchange = self.exchange else {
            return self.unasked(view)
        }
        guard exchange.server == .original, exchange.requestStage == .body || exchange.requestStage == .done else {
            // A diverted exchange goes first: what the original says, or that it ends, waits until that is over.
            return view.count > 0 ? .blocked : .wait
        }
        switch exchange.responseStage {
        case .head: return self.originalHead(view, exchange)
        case .body: return self.originalBody(view, exchange)
        case .done: return self.unasked(view)
        }
    }

    /// Bytes, or an end, that answer no request: from here on the two sides speak without us.
    private mutating func unasked(_ view: ByteView) -> Action {
        if self.isUntouched {
            guard view.count > 0 else { return .wait }
            // A server's goodbye, such as a 408, to a client that to its knowledge never asked.
            self.originalHasEnded = true
            self.chores.insert(.closeOriginal)
            return .discard(view.count)
        }
        if view.count > 0 {
            if self.isGreeting(view) {
                return view.count < FrameHeader.length ? .wait : .blocked
            }
            self.enterRaw(self.exchanges == 0 && self.exchange == nil ? .serverFirst : .unaskedResponse)
        } else if self.originalHasEnded {
            self.enterRaw(nil)
        } else {
            return .wait
        }
        return self.step(.original, view)
    }

    /// Whether all requests so far went into a tunnel: the connection to the original is then of no meaning to the client.
    ///
    /// Servers end connections that ask nothing for some seconds. A client that asks all the time has no reason to expect that:
    /// its next request may be on its way already. Where one is for the original, that is connected to anew.
    var isUntouched: Bool {
        self.stage == .http && !self.hasAskedOriginal && (self.exchanges > 0 || self.exchange?.server == .upstream)
    }

    /// Whether the bytes begin as an HTTP/2 server's first frame does, which may come before the client's preface.
    private mutating func isGreeting(_ view: ByteView) -> Bool {
        guard self.readsHTTP2, self.exchanges == 0, !self.clientHasEnded else {
            return false
        }
        self.holdsGreeting = FrameHeader(view.raw)?.beginsConnection ?? (view[0] == 0)
        return self.holdsGreeting
    }

    private mutating func originalHead(_ view: ByteView, _ exchange: Exchange) -> Action {
        guard view.count > 0 || self.originalHasEnded else {
            return .wait
        }
        guard view.count > 0 else {
            if self.repeatFallback() { return self.nextChore() }
            self.exchange?.flags.insert(.upstreamClosed)
            self.enterRaw(nil)
            return self.step(.original, view)
        }
        switch self.responseScanner.scanResponse(view) {
        case .complete(let head):
            return self.originalAnswered(head, view)
        case .incomplete where !self.originalHasEnded:
            return .wait
        case .incomplete:
            self.exchange?.flags.insert(.upstreamClosed)
            self.enterRaw(nil)
        case .notHTTP, .ambiguous, .tooLong:
            self.exchange?.flags.insert(.upstreamProtocol)
            self.enterRaw(.badResponse)
        }
        return self.step(.original, view)
    }

    private mutating func originalAnswered(_ head: ResponseHead, _ view: ByteView) -> Action {
        guard var exchange = self.exchange else {
            return .wait
        }
        self.responseScanner = HeadScanner(limit: self.headLimit)
        exchange.hasBegun = true
        exchange.bytesOut += head.length
        if head.status < 200 {
            return self.originalInterim(head, view, exchange)
        }
        exchange.status = head.status
        exchange.responseBody = head.framing(answering: exchange.head.method)
        if exchange.head.method == .connect, head.status < 300 {
            exchange.requestStage = .done
            self.exchange = exchange
            self.enterRaw(.connect)
            return .forward(head.length, to: .client, keep: false)
        }
        var count = head.length
        if exchange.responseBody.isComplete {
            exchange.responseStage = .done
        } else if let taken = exchange.responseBody.take(view, from: count) {
            count += taken
            exchange.bytesOut += taken
            exchange.responseStage = exchange.responseBody.isComplete ? .done : .body
        } else {
            // The head is sound: it goes as it should, and what follows it is met in the next step.
            exchange.responseBody = head.framing(answering: exchange.head.method)
            exchange.responseStage = .body
        }
        // A request whose body is still coming keeps the connection: the next response says it then.
        let isLast =
            self.announcesClose && exchange.fallback == nil && exchange.requestStage == .done && head.keepsAlive
            && exchange.head.keepsAlive && !exchange.responseBody.endsWithConnection
        if isLast { exchange.closesAfter = true }
        self.exchange = exchange
        if exchange.isComplete {
            self.finishExchange(exchange)
        }
        guard let reason = exchange.fallback else {
            return isLast
                ? .forwardLast(head: head.length, total: count) : .forward(count, to: .client, keep: false)
        }
        let saysClose =
            exchange.closesAfter && head.keepsAlive && exchange.head.keepsAlive
            && !exchange.responseBody.endsWithConnection
        return .forwardExplained(head: head.length, total: count, reason, isLast: saysClose)
    }

    /// 1xx: passed on, and the final response is still to come; 101 ends HTTP on this connection, if it was asked for.
    private mutating func originalInterim(_ head: ResponseHead, _ view: ByteView, _ exchange: Exchange) -> Action {
        var exchange = exchange
        guard head.status == 101 else {
            self.exchange = exchange
            return .forward(head.length, to: .client, keep: false)
        }
        exchange.status = 101
        if !exchange.head.flags.contains(.upgrade) { exchange.flags.insert(.upstreamProtocol) }
        self.exchange = exchange
        self.enterRaw(exchange.head.flags.contains(.upgrade) ? .upgrade : .badResponse)
        guard let reason = exchange.fallback else {
            return .forward(head.length, to: .client, keep: false)
        }
        return .forwardExplained(head: head.length, total: head.length, reason, isLast: false)
    }

    private mutating func originalBody(_ view: ByteView, _ exchange: Exchange) -> Action {
        var exchange = exchange
        guard view.count > 0 else {
            guard self.originalHasEnded else {
                return .wait
            }
            if exchange.responseBody.endsWithConnection {
                exchange.responseStage = .done
            } else {
                exchange.flags.insert(.upstreamClosed)
            }
            self.exchange = exchange
            self.enterRaw(nil)
            return self.step(.original, view)
        }
        guard let taken = exchange.responseBody.take(view) else {
            self.exchange?.flags.insert(.upstreamProtocol)
            self.enterRaw(.badResponse)
            return self.step(.original, view)
        }
        exchange.bytesOut += taken
        if exchange.responseBody.isComplete { exchange.responseStage = .done }
        self.exchange = exchange
        if exchange.isComplete {
            self.finishExchange(exchange)
        }
        return .forward(taken, to: .client, keep: false)
    }
}
