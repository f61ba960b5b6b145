import HTTPWire
import ProxyCore

/// The client's side of an exchange: detect, route, and the request's bytes.
extension ForwardMachine {
    mutating func stepClient(_ view: ByteView) -> ForwardAction {
        if self.refused > 0 {
            defer { self.refused = 0 }
            return .discard(self.refused)
        }
        guard let stage = self.exchange?.requestStage else { return self.detect(view) }
        switch stage {
        case .routing, .acquiring: return .blocked
        case .head: return self.sendHead(view)
        case .body: return self.sendBody(view)
        case .done: return .blocked
        }
    }

    private mutating func detect(_ view: ByteView) -> ForwardAction {
        guard view.count > 0 else {
            return self.clientHasEnded ? self.close() : .wait
        }
        // An empty line before a request, which some clients send behind a body (RFC 9112 2.2); one.
        if !self.hasSkippedLine, view.beginsWithLineEnd {
            self.hasSkippedLine = view.count > 1
            return view.count > 1 ? .discard(2) : (self.clientHasEnded ? self.close() : .wait)
        }
        switch self.requestScanner.scanRequest(view) {
        case .complete(let head): return self.begin(head)
        case .incomplete:
            // A head that its sender has not ended never ends.
            return self.clientHasEnded ? self.refuse(.headTruncated) : .wait
        case .notHTTP(let foreign): return self.refuse(.notHTTP(foreign))
        case .ambiguous(let reason): return self.refuse(.ambiguous(reason))
        case .tooLong: return self.refuse(.headTooLong)
        }
    }

    private mutating func begin(_ head: RequestHead) -> ForwardAction {
        self.exchange = ForwardExchange(head, isLast: self.isDraining)
        self.turn &+= 1
        let reason: Refusal.Reason? =
            if head.method == .connect, !self.isProxy {
                .connect
            } else if head.flags.contains(.strangeOption) {
                .connectionOption
            } else if head.method == .connect, head.flags.contains(.chunked) || head.contentLength > 0 {
                .connectBody
            } else {
                nil
            }
        guard let reason else { return .route }
        self.unroutedHead = head
        return self.refuse(reason)
    }

    /// There is a connection for a `CONNECT`.
    private mutating func establish(_ head: RequestHead) -> ForwardAction {
        self.stage = .tunnel
        self.exchange?.requestStage = .done
        self.exchange?.hasBegun = true
        self.exchange?.note.status = 200
        self.exchange?.note.bytesIn += head.length
        self.exchange?.note.bytesOut += Self.established.utf8.count
        return .establish(head.length)
    }

    /// Sends the head and as much of the body as came with it.
    private mutating func sendHead(_ view: ByteView) -> ForwardAction {
        guard let exchange = self.exchange else { return .wait }
        if exchange.head.method == .connect { return self.establish(exchange.head) }
        if exchange.isRepeated {
            self.exchange?.requestStage = .done
            return .replay
        }
        var count = exchange.head.length
        if !exchange.requestBody.isComplete {
            guard let taken = self.exchange?.requestBody.take(view, from: count) else {
                return self.refuse(.badBody)
            }
            count += taken
        }
        self.noteSent(count)
        let keep = exchange.isReplayable && (exchange.isReused || self.retry != nil)
        self.exchange?.isKept = keep
        return .sendRequest(head: exchange.head.length, total: count, keep: keep)
    }

    private mutating func sendBody(_ view: ByteView) -> ForwardAction {
        guard view.count > 0 else {
            // The server must not take what has come for all of it.
            return self.clientHasEnded ? self.breakOff(.clientClosed) : .wait
        }
        guard let taken = self.exchange?.requestBody.take(view) else { return self.refuse(.badBody) }
        self.noteSent(taken)
        return .forward(taken)
    }

    private mutating func noteSent(_ count: Int) {
        let isComplete = self.exchange?.requestBody.isComplete ?? true
        self.exchange?.requestStage = isComplete ? .done : .body
        self.exchange?.note.bytesIn += count
    }
}

extension ByteView {
    /// Whether the first bytes are a line's end, as far as they have come.
    fileprivate var beginsWithLineEnd: Bool {
        self[0] == 0x0d && (self.count == 1 || self[1] == 0x0a)
    }
}
