import HTTPWire
import NIOCore
import ProxyCore
import Telemetry

/// The machine's actions, done.
extension Connection {
    /// Does what the machine says about one side until it says to wait; whether anything was done.
    func drain(_ handler: SideHandler) -> Bool {
        var moved = false
        while self.http2 == nil {
            let action = handler.held.withUnsafeReadableBytes { self.machine.step(handler.side, ByteView($0)) }
            switch action {
            case .wait:
                handler.isBlocked = false
                return moved
            case .blocked:
                handler.isBlocked = true
                return moved
            case .forward(let count, let target, let keep):
                self.forward(handler, count, to: target, keep: keep)
            default:
                self.perform(action, handler)
            }
            moved = true
        }
        return moved
    }

    @inline(__always)
    private func forward(_ handler: SideHandler, _ count: Int, to target: Side, keep: Bool) {
        let bytes = handler.take(count)
        if keep { self.kept = bytes }
        self.copy(bytes, from: handler.side)
        if self.handler(target)?.send(bytes) != true {
            self.undeliverable(target)
        }
    }

    /// Bytes for a side that is gone: the other end would have answered them with a reset.
    private func undeliverable(_ target: Side) {
        if target != .client {
            self.report(resetOf: target)
        }
    }

    private func perform(_ action: Action, _ handler: SideHandler) {
        switch action {
        case .wait, .blocked, .forward: break
        case .route: self.route(handler)
        case .takeOver: self.takeOver()
        case .log: self.log()
        case .forwardExplained(let head, let total, let reason, let isLast):
            self.forwardExplained(handler, head, total, reason, isLast)
        case .forwardLast(let head, let total):
            self.forwardEdited(handler, head, total, ["connection: close\r\n"])
        case .forwardWithoutUpgrade(let head, let total, let keep):
            self.forwardWithoutUpgrade(handler, head, total, keep)
        case .replay:
            if self.original?.send(self.kept) != true { self.undeliverable(.original) }
        case .discard(let count): _ = handler.take(count)
        case .respond:
            if let synthetic = self.machine.synthetic {
                _ = self.client?.send(ByteBuffer(string: synthetic.text))
            }
        case .connectUpstream: self.connectUpstream()
        case .disconnectUpstream: self.release(&self.upstream)
        case .finishWrites(let target): self.finish(target)
        case .closeOriginal: self.original?.close()
        case .reconnectOriginal:
            self.release(&self.original)
            self.connectOriginal()
        case .closeAll:
            self.client?.close()
            self.original?.close()
            self.release(&self.upstream)
        case .resetAll:
            self.flush()
            self.original?.reset()
            self.upstream?.reset()
            self.client?.reset()
        }
    }

    /// Ends the sending half of a side as the other one ended: with TLS's goodbye, or without.
    private func finish(_ target: Side) {
        let source = target == .client ? self.upstream ?? self.original : self.client
        self.handler(target)?.finish(silently: source?.hasEndedSilently == true)
    }

    /// Closes a side whose further events mean nothing any more.
    func release(_ handler: inout SideHandler?) {
        let released = handler
        handler = nil
        released?.connection = nil
        released?.close()
    }

    /// Chooses the route of the request at the start of the client's bytes.
    private func route(_ handler: SideHandler) {
        guard let head = self.machine.head else {
            return
        }
        if self.state.log != nil {
            self.startedAt = .now()
            handler.held.withUnsafeReadableBytes { self.request.take(head, ByteView($0)) }
        }
        let routes = self.state.routes
        if routes.isEmpty {
            self.chosen = nil
        } else {
            self.chosen = handler.held.withUnsafeReadableBytes { raw in
                routes.choose(
                    isOutsideSample: self.isOutsideSample,
                    isSatisfied: { $0.isSatisfied(by: head, in: ByteView(raw)) },
                    survey: { $0.note(head, in: ByteView(raw)) }
                )
            }
        }
        if self.chosen == nil, !self.state.mirrors.isEmpty { self.beginCopy(head, handler) }
        self.machine.routed(self.chosen.map { .divert($0.route) } ?? .original)
    }

    private func log() {
        guard let record = self.machine.takeRecord() else {
            return
        }
        self.state.metrics.note(record)
        if self.copy != nil { self.endCopy(record) }
        if record.server == .laptop, record.kind == .request || record.raw == .wholeConnection {
            self.chosen?.counters.diverted.add()
        }
        if let reason = record.raw { self.state.noteUnread(reason) }
        if record.matched {
            self.kept = ByteBuffer()
            let taken = NIODeadline.now() - self.startedAt
            self.chosen?.note(record, self.request, microseconds: Int(taken.nanoseconds / 1_000))
        }
        guard self.state.log != nil else {
            return
        }
        let started = record.kind == .raw ? self.acceptedAt : self.startedAt
        self.state.log(
            record,
            ConnectionNote(id: self.id, port: self.state.configuration.servicePort),
            self.request,
            microseconds: Int((NIODeadline.now() - started).nanoseconds / 1_000)
        )
    }

    /// Sends a request into the tunnel without the header lines that ask for HTTP/2.
    private func forwardWithoutUpgrade(_ handler: SideHandler, _ head: Int, _ total: Int, _ keep: Bool) {
        var edited = ByteBuffer()
        edited.reserveCapacity(total + 32)
        handler.held.withUnsafeReadableBytes { raw in
            guard let head = self.machine.head else { return }
            let view = ByteView(raw)
            let (kept, line) = UpgradeEdit.parts(of: head, in: view)
            for range in kept { edited.writeBytes(view.bytes(range)) }
            edited.writeStaticString(line)
            edited.writeStaticString("\r\n")
            edited.writeBytes(view.bytes(ByteRange(head.length, total)))
        }
        let bytes = handler.take(total)
        if keep { self.kept = bytes }
        if self.upstream?.send(edited) != true { self.undeliverable(.upstream) }
    }

    /// Sends a response with two header lines more: who answered, and why it was not the laptop.
    private func forwardExplained(_ handler: SideHandler, _ head: Int, _ total: Int, _ reason: Fallback, _ isLast: Bool)
    {
        self.forwardEdited(
            handler,
            head,
            total,
            ["x-detour-served-by: original\r\n", "x-detour-reason: ", reason.token, "\r\n"]
                + (isLast ? ["connection: close\r\n"] : [])
        )
    }

    /// Sends a response with lines added at the end of its head.
    private func forwardEdited(_ handler: SideHandler, _ head: Int, _ total: Int, _ lines: [StaticString]) {
        let response = handler.take(total)
        self.copy(response, from: handler.side)
        var edited = ByteBuffer()
        edited.reserveCapacity(total + 80)
        edited.writeImmutableBuffer(response.getSlice(at: response.readerIndex, length: head - 2) ?? ByteBuffer())
        for line in lines { edited.writeStaticString(line) }
        edited.writeStaticString("\r\n")
        let rest = total - head
        edited.writeImmutableBuffer(response.getSlice(at: response.readerIndex + head, length: rest) ?? ByteBuffer())
        _ = self.client?.send(edited)
    }
}
