import HTTPWire

/// Bytes that nobody reads, and connections that are ending.
extension RelayMachine {
    mutating func stepRaw(_ side: Side, _ view: ByteView) -> Action {
        if view.count > 0 {
            return self.passRaw(side, view.count)
        }
        switch side {
        case .client where self.clientHasEnded && !self.hasPassedClientEnd:
            if self.rawPeer == .upstream { self.upstreamHasClientEnd = true } else { self.originalHasClientEnd = true }
            return .finishWrites(self.rawPeer)
        case self.rawPeer where self.peerHasEnded && !self.clientHasEnd:
            self.clientHasEnd = true
            return .finishWrites(.client)
        default: break
        }
        if self.hasPassedClientEnd, self.clientHasEnd {
            self.end(reset: false)
            return self.nextChore()
        }
        return .wait
    }

    private mutating func passRaw(_ side: Side, _ count: Int) -> Action {
        if side == .client {
            self.rawBytesIn += count
            return .forward(count, to: self.rawPeer, keep: false)
        }
        guard side == self.rawPeer else {
            return .discard(count)
        }
        self.rawBytesOut += count
        return .forward(count, to: .client, keep: false)
    }

    private var hasPassedClientEnd: Bool {
        self.rawPeer == .upstream ? self.upstreamHasClientEnd : self.originalHasClientEnd
    }

    private var peerHasEnded: Bool {
        self.rawPeer == .upstream ? self.upstreamHasEnded : self.originalHasEnded
    }

    /// The client reads its last answer; what it still sends is dropped until it ends, or the deadline comes.
    mutating func stepClosing(_ side: Side, _ view: ByteView) -> Action {
        if view.count > 0 {
            return .discard(view.count)
        }
        if self.clientHasEnded {
            self.end(reset: false)
            return self.nextChore()
        }
        return .wait
    }
}
