import HTTP2Relay
import HTTPWire
import NIOCore
import ProxyCore
import Telemetry

/// One client connection with everything that belongs to it, on one event loop: it runs the machine's actions.
final class Connection {
    let id: Int
    let state: LoopState
    var machine: RelayMachine
    private(set) var client: SideHandler?
    var original: SideHandler?
    var upstream: SideHandler?
    /// The relay by streams, once the client has said that it speaks HTTP/2.
    var http2: HTTP2Session?
    /// How far TLS has got on a port that speaks it; nil on others.
    var entry: TLSEntry?
    /// A diverted request that may be sent to the original instead.
    var kept = ByteBuffer()
    var request = RequestNote()
    /// The route that took the latest request, with its counters.
    var chosen: LoopRoute?
    /// The copy of the exchange that is under way, where a mirror wants one.
    var copy: ExchangeCopy?
    /// Whether it was the lot of this connection, which a route would have taken as a whole, to go to the original.
    var isOutsideSample = false
    let acceptedAt = NIODeadline.now()
    var startedAt = NIODeadline.now()
    var upstreamStartedAt = NIODeadline.now()
    private var isPumping = false
    private var isBusy = false
    private var armed: Deadline?
    private var timer: Scheduled<Void>?
    private var isOver = false

    init(_ state: LoopState) {
        self.state = state
        state.shared.nextID.add()
        self.id = state.shared.nextID.value
        self.machine = RelayMachine(headLimit: state.configuration.headLimit)
    }

    /// Begins with the side that was accepted.
    func attach<Client: SideHandler>(_ client: Client) -> Client {
        self.client = client
        return client
    }

    func handler(_ side: Side) -> SideHandler? {
        switch side {
        case .client: self.client
        case .original: self.original
        case .upstream: self.upstream
        }
    }

    /// Asks every side in turn, until none of them has anything to do.
    func pump() {
        guard self.http2 == nil else {
            self.http2?.run()
            return
        }
        guard !self.isPumping else {
            return
        }
        self.isPumping = true
        var moved = true
        while moved, self.http2 == nil {
            moved = false
            if let client = self.client, self.drain(client) { moved = true }
            if let original = self.original, self.drain(original) { moved = true }
            if let upstream = self.upstream, self.drain(upstream) { moved = true }
        }
        self.isPumping = false
        if let http2 = self.http2 {
            http2.begin()
        } else {
            self.settle()
        }
    }

    /// What depends on where the machine now stands: reading, the timer, the count of busy connections.
    func settle() {
        let isBusy = (self.http2?.relay.isBusy ?? self.machine.isBusy) && !self.isOver
        if isBusy != self.isBusy {
            self.isBusy = isBusy
            self.state.shared.busy.add(isBusy ? 1 : -1)
        }
        self.arm()
        self.resumeReading()
    }

    func resumeReading() {
        self.client?.resumeReading()
        self.original?.resumeReading()
        self.upstream?.resumeReading()
        self.http2?.resumeReading()
    }

    func writabilityChanged() {
        if let http2 = self.http2 {
            http2.run()
            http2.flushWhenIdle()
        } else {
            self.resumeReading()
        }
    }

    /// Bytes are wanted while the machine can use them and the side they go to takes them.
    func wantsBytes(_ handler: SideHandler) -> Bool {
        if let http2 = self.http2 {
            return http2.wantsBytes(handler)
        }
        if let entry = self.entry, entry.isEntering {
            return entry.wantsBytes(handler.side)
        }
        return !handler.isBlocked && self.hasRoom(for: handler)
    }

    /// Whether the side that a side's bytes go to takes them.
    func hasRoom(for handler: SideHandler) -> Bool {
        if handler.side == .client {
            return (self.original?.isWritable ?? true) && (self.upstream?.isWritable ?? true)
        }
        return self.client?.isWritable ?? true
    }

    func flush() {
        self.client?.flush()
        self.original?.flush()
        self.upstream?.flush()
        self.http2?.flushLaptops()
    }

    private func arm() {
        var wanted = self.isOver ? nil : (self.http2 == nil ? self.machine.deadline : self.http2?.relay.deadline)
        if !self.isOver, let entry = self.entry, entry.isEntering {
            wanted = entry.deadline(hasBegun: (self.client?.held.readableBytes ?? 0) > 0)
        }
        if wanted == .linger, self.client?.hasFinished != true {
            // The client's time to read its last answer starts when it has all been sent.
            wanted = nil
        }
        guard wanted != self.armed else { return }
        self.armed = wanted
        self.timer?.cancel()
        self.timer = nil
        guard let deadline = wanted else {
            return
        }
        let configuration = self.state.configuration
        let delay =
            switch deadline {
            case .head: configuration.headTimeout
            case .acknowledgement: configuration.acknowledgementTimeout
            case .linger: configuration.lingerTimeout
            }
        self.timer = self.state.loop.assumeIsolated().scheduleTask(in: delay) {
            self.armed = nil
            self.timer = nil
            if let http2 = self.http2 {
                http2.relay.deadlinePassed(deadline)
            } else if self.isEntering {
                self.enter { $0.deadlinePassed() }
            } else {
                self.machine.deadlinePassed(deadline)
            }
            self.pump()
            self.flush()
        }
    }
}

/// What the sides report.
extension Connection {
    func becameActive(_ handler: SideHandler) {
        switch handler.side {
        case .client:
            self.state.add(self)
            self.begin()
        case .original where self.isOver:
            handler.connection = nil
            handler.reset()
        case .original:
            self.original = handler
            if self.entry == nil { self.originalIsReady() } else { self.originalConnectedEntering() }
        case .upstream:
            self.greet(handler)
        }
    }

    func received(_ handler: SideHandler) {
        if let http2 = self.http2 {
            http2.received(handler)
            return
        }
        if handler.side == .upstream, !self.acknowledge(handler) {
            return
        }
        if self.isEntering {
            self.receivedEntering(handler)
            return
        }
        self.pump()
    }

    func ended(_ handler: SideHandler) {
        switch handler.side {
        case _ where self.http2 != nil: self.http2?.ended(handler)
        case _ where self.isEntering: self.endedEntering(handler)
        case .client: self.machine.clientEnded()
        case .original: self.machine.originalEnded()
        case .upstream: self.machine.upstreamEnded()
        }
        self.pump()
        self.flush()
    }

    func wasReset(_ handler: SideHandler) {
        self.state.metrics.resets[Int(handler.side.rawValue)].add()
        if let http2 = self.http2 {
            http2.wasReset(handler)
        } else if handler.side == .original, self.entry?.awaitsOriginal == true {
            self.enter { $0.originalFailed() }
        } else {
            self.report(resetOf: handler.side)
        }
        self.pump()
        self.flush()
    }

    func report(resetOf side: Side) {
        switch side {
        case .client: self.machine.clientReset()
        case .original: self.machine.originalReset()
        case .upstream: self.machine.upstreamReset()
        }
    }

    /// Everything queued for a side has been sent, and its sending half has ended.
    func finished(_ handler: SideHandler) {
        self.settle()
    }

    /// The side's socket is gone. The connection is over with its client's.
    func becameInactive(_ handler: SideHandler) {
        switch handler.side {
        case .original where self.original === handler:
            self.original = nil
            self.resumeReading()
        case .original: break
        case .upstream where self.upstream === handler: self.upstream = nil
        case .upstream where self.http2 != nil: self.http2?.becameInactive(handler)
        case .upstream: break
        case .client:
            self.client = nil
            self.finishOff()
        }
    }

    /// Lets go of everything; an exchange that is still open here has lost its client.
    private func finishOff() {
        guard !self.isOver else {
            return
        }
        self.loseClient()
        self.isOver = true
        self.settle()
        self.abandonCopy()
        self.original?.close()
        self.upstream?.close()
        self.state.remove(self)
    }

    private func loseClient() {
        if let http2 = self.http2 {
            http2.relay.wasReset(.client)
        } else {
            self.machine.clientReset()
        }
        self.pump()
    }

    /// Lets the next response tell the client that the connection ends; an HTTP/2 client is told at once.
    func announceClose() {
        guard let http2 = self.http2 else {
            self.machine.announceClose()
            return
        }
        http2.relay.announceClose()
        self.pump()
        self.flush()
    }

    /// Ends the connection when nothing is lost by it.
    func closeWhenIdle() {
        if let http2 = self.http2 {
            http2.relay.drain()
        } else if self.isEntering {
            // The machine has not begun; nothing is lost where no byte of the client waits.
            if self.client?.held.readableBytes ?? 0 == 0 { self.closeNow() }
        } else {
            self.machine.drain()
        }
        self.pump()
        self.flush()
    }

    /// Ends the connection whatever it does.
    func closeNow() {
        self.loseClient()
    }

    func originalFailed() {
        self.state.metrics.originalFailures.add()
        self.machine.originalFailed()
        self.pump()
        self.flush()
    }
}
