import HTTPWire
import ProxyCore

/// What is to be done one after the other, in this order.
struct ForwardChores: OptionSet, Sendable {
    let rawValue: UInt16

    static let keepUpstream = ForwardChores(rawValue: 1)
    static let closeUpstream = ForwardChores(rawValue: 2)
    static let respond = ForwardChores(rawValue: 4)
    static let log = ForwardChores(rawValue: 8)
    static let finishClient = ForwardChores(rawValue: 16)
    static let acquire = ForwardChores(rawValue: 32)
    static let resetAll = ForwardChores(rawValue: 64)
    static let closeAll = ForwardChores(rawValue: 128)
}

extension ForwardMachine {
    mutating func nextChore() -> ForwardAction {
        if self.chores.remove(.keepUpstream) != nil { return .release(keep: true) }
        if self.chores.remove(.closeUpstream) != nil { return .release(keep: false) }
        if self.chores.remove(.respond) != nil { return .respond }
        if self.chores.remove(.log) != nil { return .log }
        if self.chores.remove(.finishClient) != nil { return .finish(.client) }
        if self.chores.remove(.acquire) != nil { return .acquire(fresh: (self.exchange?.note.retries ?? 0) > 0) }
        if self.chores.remove(.resetAll) != nil { return .resetAll }
        return self.chores.remove(.closeAll) != nil ? .closeAll : .wait
    }

    /// Answers in the server's place.
    mutating func refuse(_ reason: Refusal.Reason) -> ForwardAction {
        self.giveUp(reason)
        return self.nextChore()
    }

    mutating func giveUp(_ reason: Refusal.Reason) {
        guard self.exchange?.hasBegun != true else { return self.end() }
        let exchange = self.exchange
        let hasBody = exchange?.requestBody.isComplete == false
        // What comes behind a CONNECT is for its server, and no request.
        let isReadable = exchange != nil && !hasBody && !reason.isLast && exchange?.head.method != .connect
        let isLast = !isReadable || exchange?.isLast == true || exchange?.head.version == .http10
        let refusal = Refusal(reason: reason, isLast: isLast, isBare: exchange?.head.method == .head)
        self.refusal = refusal
        var note = exchange?.note ?? ForwardNote(method: nil)
        note.status = refusal.status
        note.reason = refusal.token
        note.bytesOut = refusal.text.utf8.count
        // What was read of it and not sent came from the client all the same.
        if note.bytesIn == 0 { note.bytesIn = exchange?.head.length ?? 0 }
        note.flags.formUnion(Self.flags(reason))
        if let exchange, exchange.requestStage != .done, !exchange.isRepeated, !isLast {
            self.refused = exchange.head.length
        }
        if reason.isServerFault { self.verdict = .failed }
        self.letGo(keep: false)
        self.chores.insert(.respond)
        self.endExchange(note)
        if isLast { self.beginLingering() }
    }

    private static func flags(_ reason: Refusal.Reason) -> ResponseFlags {
        switch reason {
        case .notHTTP, .ambiguous, .headTooLong, .headTruncated, .headTimeout, .badBody, .connectionOption, .path,
            .connect, .connectBody, .originForm, .httpsTarget:
            .clientProtocol
        case .bodyTimeout: .clientClosed
        case .noRoute, .forbiddenClient, .forbiddenPort, .forbiddenAddress, .ownAddress: []
        case .unreachable, .serverUnreachable, .nameUnknown: .upstreamFailure
        case .unreachableInTime, .nameTimeout: [.upstreamFailure, .upstreamTimeout]
        case .clusterFull: .upstreamOverflow
        case .upstreamClosed: .upstreamClosed
        case .badResponse: .upstreamProtocol
        case .responseTimeout: .upstreamTimeout
        }
    }

    /// The next server, as long as there are tries left.
    mutating func tryAnother(_ failure: AcquireFailure) {
        let failures = (self.exchange?.failures ?? 0) + 1
        self.exchange?.failures = failures
        guard failures < self.attempts else {
            let reason: Refusal.Reason = self.isProxy ? .serverUnreachable : .unreachable
            return self.giveUp(failure == .late ? .unreachableInTime : reason)
        }
        self.exchange?.note.retries += 1
        self.exchange?.requestStage = .acquiring
        self.chores.insert(.acquire)
    }

    /// Request and response have passed, as far as they go.
    mutating func finishExchange() {
        guard let exchange = self.exchange else { return }
        let isWhole = exchange.requestStage == .done
        self.letGo(keep: exchange.keepsUpstream && isWhole && !self.upstreamHasEnded)
        self.endExchange(exchange.note)
        if exchange.isLast || !isWhole { self.beginLingering() }
    }

    /// The exchange cannot go on, and its client has to see that from the connection.
    mutating func breakOff(_ flags: ResponseFlags) -> ForwardAction {
        self.exchange?.note.flags.formUnion(flags)
        if !flags.isDisjoint(with: [.upstreamClosed, .upstreamProtocol]), self.stage == .http {
            self.verdict = .failed
        }
        self.end()
        return self.nextChore()
    }

    /// Ends the connection now. An end would look like the end of a body that has no other; so does an end of a tunnel.
    mutating func end() {
        let isMarkedByEnd = self.exchange?.responseBody.endsWithConnection == true || self.stage == .tunnel
        if let exchange = self.exchange { self.endExchange(exchange.note) }
        self.hasUpstream = false
        self.stage = .closed
        self.chores.insert(isMarkedByEnd ? .resetAll : .closeAll)
    }

    mutating func close() -> ForwardAction {
        self.end()
        return self.nextChore()
    }

    mutating func endExchange(_ note: ForwardNote) {
        self.note = note
        self.chores.insert(.log)
        self.exchange = nil
        self.turn &+= 1
        self.hasSkippedLine = false
        self.requestScanner = HeadScanner(limit: self.headLimit, targetWins: self.isProxy)
        self.responseScanner = HeadScanner()
    }

    mutating func letGo(keep: Bool) {
        guard self.hasUpstream else { return }
        self.hasUpstream = false
        self.chores.insert(keep ? .keepUpstream : .closeUpstream)
    }

    mutating func beginLingering() {
        self.stage = .lingering
        self.chores.insert(.finishClient)
    }
}
