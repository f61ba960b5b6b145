import HTTPWire
import ProxyCore

/// What the shell tells the machine.
extension ForwardMachine {
    /// The answer to `ForwardAction.route`: whether there is a cluster that takes the request.
    public mutating func routed(isTaken: Bool) {
        guard isTaken else { return self.giveUp(.noRoute) }
        self.exchange?.note.isRouted = true
        self.exchange?.requestStage = .acquiring
        self.chores.insert(.acquire)
    }

    /// The answer to `ForwardAction.route`, or to `ForwardAction.acquire`, for a request that goes nowhere.
    public mutating func refused(_ reason: Refusal.Reason) {
        guard let stage = self.exchange?.requestStage, stage == .routing || stage == .acquiring else { return }
        self.giveUp(reason)
    }

    /// There is a connection to a server.
    public mutating func acquired(isReused: Bool) {
        guard self.exchange?.requestStage == .acquiring else { return }
        self.hasUpstream = true
        self.upstreamHasEnded = false
        self.upstreamIsBroken = false
        self.exchange?.isReused = isReused
        self.verdict = .none
        self.exchange?.requestStage = .head
    }

    /// A server cannot be reached.
    public mutating func acquireFailed(_ failure: AcquireFailure) {
        guard self.exchange?.requestStage == .acquiring else { return }
        guard failure != .full else { return self.giveUp(.clusterFull) }
        self.tryAnother(failure)
    }

    /// So many bytes of a tunnel have been passed on without being shown.
    public mutating func passed(_ count: Int, from side: ForwardSide) {
        if side == .client { self.exchange?.note.bytesIn += count } else { self.exchange?.note.bytesOut += count }
    }

    /// The client has sent its last byte.
    public mutating func clientEnded() {
        self.clientHasEnded = true
    }

    /// The client is gone.
    public mutating func clientReset() {
        guard self.stage != .closed else { return }
        self.exchange?.note.flags.insert(.clientClosed)
        self.end()
    }

    /// The server has sent its last byte.
    public mutating func upstreamEnded() {
        self.upstreamHasEnded = true
    }

    /// The server's connection is broken.
    public mutating func upstreamReset() {
        self.upstreamHasEnded = true
        self.upstreamIsBroken = true
    }

    /// What `deadline` said to wait for has not come.
    ///
    /// - Parameter isServerFull: whether the server takes no more bytes for now.
    public mutating func deadlinePassed(_ deadline: ForwardDeadline, isServerFull: Bool = false) {
        switch deadline {
        case .head: self.giveUp(.headTimeout)
        case .response: self.giveUp(.responseTimeout)
        case .stall, .tunnel: self.stalled(isServerFull: isServerFull)
        // A request that is on its way meets no reset.
        case .idle: self.beginLingering()
        case .linger: self.end()
        }
    }

    private mutating func stalled(isServerFull: Bool) {
        guard let exchange = self.exchange, !exchange.hasBegun else {
            self.exchange?.note.flags.insert(isServerFull ? .upstreamTimeout : .clientClosed)
            return self.end()
        }
        self.giveUp(isServerFull || exchange.awaitsContinue ? .responseTimeout : .bodyTimeout)
    }

    /// Lets the next response tell the client that the connection ends, where it can still be told.
    public mutating func drain() {
        self.isDraining = true
        if self.exchange?.hasBegun == false { self.exchange?.isLast = true }
    }
}
