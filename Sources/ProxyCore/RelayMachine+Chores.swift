import HTTPWire

extension RelayMachine {
    /// Things that are to be done before any more bytes are looked at, in the order of the bits.
    struct Chores: OptionSet, Sendable {
        let rawValue: UInt16

        static let disconnectUpstream = Chores(rawValue: 1)
        static let replay = Chores(rawValue: 2)
        static let respond = Chores(rawValue: 4)
        static let log = Chores(rawValue: 8)
        static let connectUpstream = Chores(rawValue: 16)
        static let finishClient = Chores(rawValue: 32)
        static let closeOriginal = Chores(rawValue: 64)
        static let closeAll = Chores(rawValue: 128)
        static let resetAll = Chores(rawValue: 256)
        static let reconnectOriginal = Chores(rawValue: 512)
    }

    mutating func nextChore() -> Action {
        let first = Chores(rawValue: self.chores.rawValue & (~self.chores.rawValue &+ 1))
        self.chores.remove(first)
        switch first {
        case .disconnectUpstream: return .disconnectUpstream
        case .replay: return .replay
        case .respond: return .respond
        case .log: return .log
        case .connectUpstream: return .connectUpstream
        case .finishClient: return .finishWrites(.client)
        case .closeOriginal: return .closeOriginal
        case .closeAll: return .closeAll
        case .reconnectOriginal: return .reconnectOriginal
        default: return .resetAll
        }
    }

    /// Gives the tunnel's connection back, whatever its state.
    mutating func dropTunnel() {
        if self.tunnel != .none {
            self.tunnel = .none
            self.chores.insert(.disconnectUpstream)
        }
        self.tunnelRoute = nil
        self.upstreamHasEnded = false
        self.upstreamHasClientEnd = false
    }

    /// Makes the exchange's log line, and forgets the exchange.
    private mutating func note(_ exchange: Exchange) {
        self.record = exchange.record(route: exchange.matched ? self.route?.id : nil)
        self.chores.insert(.log)
        self.exchange = nil
    }

    /// Ends the exchange with its log line; the connection is ready for the next one.
    mutating func finishExchange(_ exchange: Exchange) {
        self.note(exchange)
        self.exchanges += 1
        self.requestScanner = HeadScanner(limit: self.headLimit)
        self.responseScanner = HeadScanner(limit: self.headLimit)
        if exchange.closesAfter {
            self.beginClosing()
        } else if exchange.server == .upstream,
            self.upstreamHasEnded || self.upstreamHasClientEnd || self.tunnelRoute?.isBounded == true
        {
            self.dropTunnel()
        }
    }

    /// Shows the client an end after its last answer, and waits for its own before everything is closed.
    ///
    /// Closing at once could reset the connection while the client still reads: its unread bytes would do that.
    mutating func beginClosing() {
        self.stage = .closing
        self.dropTunnel()
        self.chores.formUnion([.finishClient, .closeOriginal])
        self.clientHasEnd = true
    }

    /// Passes everything unread from now on. A reason makes the connection count as raw; without one it is only ending.
    mutating func enterRaw(_ reason: RawReason?, peer: Side = .original) {
        if let exchange = self.exchange {
            self.note(exchange)
        }
        self.requestScanner = HeadScanner(limit: self.headLimit)
        self.stage = .raw
        self.rawReason = reason
        self.rawPeer = peer
        switch peer {
        case .upstream: self.chores.insert(.closeOriginal)
        default: self.dropTunnel()
        }
    }

    /// Closes everything, by a reset or in order, with the last log line.
    mutating func end(reset: Bool) {
        guard self.stage != .closed else {
            return
        }
        if let exchange = self.exchange {
            self.note(exchange)
        } else if self.stage == .raw, let reason = self.rawReason {
            self.record = Record(
                kind: .raw,
                server: self.rawPeer == .upstream ? .laptop : .original,
                status: 0,
                bytesIn: self.rawBytesIn,
                bytesOut: self.rawBytesOut,
                fallback: nil,
                raw: reason,
                matched: false,
                route: self.rawPeer == .upstream ? self.route?.id : nil,
                flags: []
            )
            self.chores.insert(.log)
        }
        self.stage = .closed
        self.reopening = nil
        self.tunnel = .none
        self.tunnelRoute = nil
        self.chores.formIntersection(.log)
        self.chores.insert(reset ? .resetAll : .closeAll)
    }
}
