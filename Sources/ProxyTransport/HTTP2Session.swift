import HTTP2Relay
import HTTP2Wire
import NIOCore
import ProxyCore
import Telemetry
import Tunnel

/// A client connection that speaks HTTP/2: runs the relay's actions on the sides of a `Connection`, which owns it.
final class HTTP2Session {
    /// A connection into a tunnel.
    private struct LaptopEnd {
        let handler: SideHandler
        let route: Route
        let startedAt: NIODeadline
        /// Ends the wait for the tunnel's answer, and then for the local process's.
        var timer: Scheduled<Void>?
    }

    /// What a stream's log line says besides the relay's record.
    private struct StreamNote {
        var request = RequestNote()
        let startedAt: NIODeadline
        let chosen: LoopRoute?
    }

    var relay = HTTP2Relay()
    private unowned let connection: Connection
    private var laptops: [Int: LaptopEnd] = [:]
    private var notes: [UInt32: StreamNote] = [:]
    /// The copies that are being made for mirrors, by stream.
    private var copies: [UInt32: ExchangeCopy] = [:]
    private var isRunning = false

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// Takes over what the sides hold.
    func begin() {
        if self.connection.state.announcesClose { self.relay.announceClose() }
        for handler in [self.connection.client, self.connection.original] {
            guard let handler else { continue }
            handler.isBlocked = false
            self.relay.receive(handler.takeAll(), from: self.peer(handler))
            if handler.hasEnded { self.relay.ended(self.peer(handler)) }
        }
        self.run()
        self.connection.flush()
    }

    /// Does what the relay says, and sends what it has to send, until there is nothing left of either.
    func run() {
        guard !self.isRunning else {
            return
        }
        self.isRunning = true
        repeat {
            self.noteWritability()
            act: while true {
                switch self.relay.step() {
                case .wait: break act
                case .raw:
                    self.isRunning = false
                    return self.giveBack()
                case let action: self.perform(action)
                }
            }
        } while self.send()
        self.isRunning = false
        self.connection.settle()
    }

    private func perform(_ action: HTTP2Relay.Action) {
        switch action {
        case .wait, .raw: break
        case .route(let stream, let fields): self.route(stream, fields)
        case .connect(let number, let route): self.connect(number, route)
        case .disconnect(let number): self.disconnect(number)
        case .copy(let stream, let side, let bytes): self.copy(stream, side, bytes)
        case .log(let stream, let record): self.log(stream, record)
        case .finish(let peer):
            _ = self.send()
            self.handler(peer)?.finish(silently: false)
        case .closeAll:
            _ = self.send()
            self.connection.client?.close()
            self.connection.original?.close()
            self.laptops.keys.forEach { self.disconnect($0) }
        case .resetAll:
            _ = self.send()
            self.connection.flush()
            self.laptops.keys.forEach { self.disconnect($0) }
            self.connection.original?.reset()
            self.connection.client?.reset()
        }
    }

    private var peers: [Peer] {
        [.client, .original] + self.laptops.keys.map { .laptop($0) }
    }

    private func noteWritability() {
        for peer in self.peers {
            if let handler = self.handler(peer) { self.relay.setWritable(peer, handler.isWritable) }
        }
    }

    /// Hands what is to be sent to the sockets; whether there was anything.
    private func send() -> Bool {
        var moved = false
        for peer in self.peers {
            guard let bytes = self.relay.takeOutput(peer) else { continue }
            moved = true
            _ = self.handler(peer)?.send(bytes)
        }
        return moved
    }

    private func route(_ stream: UInt32, _ fields: FieldList) {
        let chosen = self.connection.state.routes.choose(
            isOutsideSample: self.connection.isOutsideSample,
            isSatisfied: { $0.isSatisfied(by: fields) },
            survey: { $0.note(fields) }
        )
        if chosen == nil, let copy = self.connection.makeCopy(fields) { self.copies[stream] = copy }
        var note = StreamNote(startedAt: .now(), chosen: chosen)
        if self.connection.state.log != nil { note.request.take(fields) }
        self.notes[stream] = note
        self.relay.routed(
            stream,
            chosen.map { .divert($0.route) } ?? .original,
            isCopied: self.copies[stream] != nil
        )
    }

    private func copy(_ stream: UInt32, _ side: Side, _ bytes: ByteBuffer) {
        guard let copy = self.copies[stream] else { return }
        copy.add(bytes, from: side)
        if copy.miss != nil {
            self.relay.stopCopying(stream)
            self.copies[stream] = nil
            self.connection.finish(copy)
        }
    }

    private func log(_ stream: UInt32, _ record: Record) {
        let note = self.notes.removeValue(forKey: stream)
        if let copy = self.copies.removeValue(forKey: stream) {
            if !record.isWhole { copy.drop(.cutShort) }
            self.connection.finish(copy)
        }
        let state = self.connection.state
        state.metrics.note(record)
        if record.server == .laptop { note?.chosen?.counters.diverted.add() }
        let taken = NIODeadline.now() - (note?.startedAt ?? self.connection.acceptedAt)
        let microseconds = Int(taken.nanoseconds / 1_000)
        if record.matched, let note { note.chosen?.note(record, note.request, microseconds: microseconds) }
        guard state.log != nil else {
            return
        }
        state.log(
            record,
            ConnectionNote(id: self.connection.id, port: state.configuration.servicePort),
            note?.request ?? RequestNote(),
            microseconds: microseconds
        )
    }

    /// It was no HTTP/2: the bytes go the way of any other protocol's.
    private func giveBack() {
        self.connection.client?.held = self.relay.takeInput(.client)
        self.connection.original?.held = self.relay.takeInput(.original)
        self.connection.passUnread()
    }
}

/// The connections into tunnels.
extension HTTP2Session {
    private func connect(_ number: Int, _ route: Route) {
        let connection = self.connection
        let handler = connection.state.makeSide(.upstream, connection)
        handler.laptop = number
        self.laptops[number] = LaptopEnd(handler: handler, route: route, startedAt: .now())
        self.startTimer(number)
        connection.connect(handler, to: route) { self.fail(number, .localRefused) }
    }

    /// Each of the two answers has the whole time: a far laptop needs it twice.
    private func startTimer(_ number: Int) {
        let state = self.connection.state
        self.laptops[number]?.timer?.cancel()
        self.laptops[number]?.timer = state.loop.assumeIsolated()
            .scheduleTask(in: state.configuration.acknowledgementTimeout) {
                self.tell(number) { $0.laptopIsLate(number) }
            }
    }

    private func fail(_ number: Int, _ reason: Fallback) {
        self.tell(number) { $0.laptopFailed(number, reason) }
    }

    private func tell(_ number: Int, _ event: (inout HTTP2Relay) -> Void) {
        guard self.laptops[number] != nil else {
            return
        }
        event(&self.relay)
        self.run()
        self.connection.flush()
    }

    private func disconnect(_ number: Int) {
        guard let end = self.laptops.removeValue(forKey: number) else {
            return
        }
        end.timer?.cancel()
        end.handler.connection = nil
        end.handler.close()
    }

    func route(of handler: SideHandler) -> Route? {
        self.isCurrent(handler) ? self.laptops[handler.laptop]?.route : nil
    }

    private func isCurrent(_ handler: SideHandler) -> Bool {
        self.laptops[handler.laptop]?.handler === handler
    }

    /// The tunnel's first byte: whether the local process has been reached.
    private func acknowledge(_ handler: SideHandler) -> Bool {
        guard handler.awaitsAcknowledgement else {
            return true
        }
        let number = handler.laptop
        guard let startedAt = self.laptops[number]?.startedAt,
            let isAccepted = self.connection.takeAcknowledgement(handler, since: startedAt)
        else {
            return false
        }
        if isAccepted {
            self.startTimer(number)
            self.relay.laptopAccepted(number)
        } else {
            self.relay.laptopFailed(number, .localRefused)
        }
        return isAccepted
    }
}

/// What the sides report.
extension HTTP2Session {
    private func peer(_ handler: SideHandler) -> Peer {
        switch handler.side {
        case .client: .client
        case .original: .original
        case .upstream: .laptop(handler.laptop)
        }
    }

    private func handler(_ peer: Peer) -> SideHandler? {
        switch peer {
        case .client: self.connection.client
        case .original: self.connection.original
        case .laptop(let number): self.laptops[number]?.handler
        }
    }

    func received(_ handler: SideHandler) {
        if handler.side != .upstream || self.acknowledge(handler) {
            self.relay.receive(handler.takeAll(), from: self.peer(handler))
        }
        self.run()
    }

    func ended(_ handler: SideHandler) {
        self.relay.ended(self.peer(handler))
    }

    func wasReset(_ handler: SideHandler) {
        self.relay.wasReset(self.peer(handler))
    }

    func becameInactive(_ handler: SideHandler) {
        if self.isCurrent(handler) { self.fail(handler.laptop, .tunnelReset) }
    }

    func wantsBytes(_ handler: SideHandler) -> Bool {
        self.relay.wantsBytes(self.peer(handler))
    }

    func resumeReading() {
        for end in self.laptops.values { end.handler.resumeReading() }
    }

    func flushLaptops() {
        for end in self.laptops.values { end.handler.flush() }
    }

    /// Flushes what a change outside of a read has made; within a run its caller does that.
    func flushWhenIdle() {
        if !self.isRunning { self.connection.flush() }
    }
}

extension Connection {
    /// Relays an HTTP/2 connection by streams where a route could take or copy one; elsewhere nobody needs to read it.
    func takeOver() {
        if self.state.readsHTTP2 {
            self.http2 = HTTP2Session(self)
        } else {
            self.machine.passHTTP2()
        }
    }

    /// Lets the machine pass the bytes it is given back.
    func passUnread() {
        self.http2 = nil
        if self.client?.hasEnded == true { self.machine.clientEnded() }
        if self.original?.hasEnded == true { self.machine.originalEnded() }
        self.machine.passHTTP2()
        self.pump()
        self.flush()
    }
}
