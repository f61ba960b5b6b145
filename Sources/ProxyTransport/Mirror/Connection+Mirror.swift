import HTTP2Relay
import HTTP2Wire
import HTTPWire
import NIOCore
import NIOPosix
import ProxyCore
import Telemetry
import TrafficMatch
import Tunnel

/// Copies of exchanges with the original, for mirrors.
///
/// The relay does not know of them: they are made beside what it forwards, and leave after it.
extension Connection {
    /// Begins a copy of the exchange whose request's head is at the start of the client's bytes, where a mirror wants one.
    func beginCopy(_ head: RequestHead, _ handler: SideHandler) {
        let wanting = handler.held.withUnsafeReadableBytes { raw in
            self.wantingMirrors { $0.isSatisfied(by: head, in: ByteView(raw)) }
        }
        guard !wanting.isEmpty else { return }
        let changesProtocol = head.method == .connect || head.flags.contains(.upgrade)
        self.copy = ExchangeCopy(
            for: wanting,
            allowance: self.state.table.copiedBytes,
            miss: changesProtocol ? .upgrade : nil
        )
    }

    /// The mirrors that want a copy and may have one now, one copy taken of each.
    private func wantingMirrors(_ isSatisfied: (RequestMatch) -> Bool) -> [RouteEntry] {
        self.state.mirrors.filter { entry in
            entry.counters.seen.add()
            guard isSatisfied(entry.route.match), entry.route.isSampled else { return false }
            entry.counters.matched.add()
            if !entry.route.isUp {
                self.note(.unreachable, entry)
            } else if entry.counters.copies.take(1) {
                return true
            } else {
                self.note(.busy, entry)
            }
            return false
        }
    }

    /// Copies what a side sent, where there is a copy; one that is given up is over at once.
    @inline(__always)
    func copy(_ bytes: ByteBuffer, from side: Side) {
        guard let copy = self.copy else { return }
        copy.add(bytes, from: side)
        if copy.miss != nil { self.finish(copy) }
    }

    /// The exchange is over: the copy goes to its mirrors, or the news that there is none.
    func endCopy(_ record: Record) {
        guard let copy = self.copy else { return }
        if !record.isWhole { copy.drop(.cutShort) }
        self.finish(copy)
    }

    /// The connection is over, and nobody said so of the exchange.
    func abandonCopy() {
        guard let copy = self.copy else { return }
        copy.drop(.cutShort)
        self.finish(copy)
    }

    func finish(_ copy: ExchangeCopy) {
        if self.copy === copy { self.copy = nil }
        let deliveries = copy.entries.map { entry in
            if let miss = copy.miss { self.note(miss, entry) }
            return self.delivery(of: copy, to: entry, slot: entry.counters.copies)
        }
        MirrorDelivery.start(deliveries, on: self.state.deliveryLoop)
    }

    /// A copy of the exchange that an HTTP/2 request with these fields begins, where a mirror wants one and it can be made.
    func makeCopy(_ fields: FieldList) -> ExchangeCopy? {
        guard !self.state.mirrors.isEmpty else { return nil }
        let wanting = self.wantingMirrors { $0.isSatisfied(by: fields) }
        guard !wanting.isEmpty else { return nil }
        let copy = ExchangeCopy(
            for: wanting,
            allowance: self.state.table.copiedBytes,
            applicationProtocol: "h2"
        )
        guard !fields.isPlainRequest else { return copy }
        copy.drop(fields.first(":method") == Array("CONNECT".utf8) ? .upgrade : .cutShort)
        self.finish(copy)
        return nil
    }

    /// Tells a mirror's laptop that there was something to copy, and none was made.
    func miss(_ reason: MirrorMiss, _ entry: RouteEntry) {
        self.note(reason, entry)
        guard entry.route.isUp, entry.counters.telling.take(1) else { return }
        let copy = ExchangeCopy(for: [entry], allowance: self.state.table.copiedBytes, miss: reason)
        let delivery = self.delivery(of: copy, to: entry, slot: entry.counters.telling)
        MirrorDelivery.start([delivery], on: self.state.deliveryLoop)
    }

    private func note(_ reason: MirrorMiss, _ entry: RouteEntry) {
        self.state.metrics.missed(reason).add()
        entry.counters.untold[reason.index].add()
    }

    private func delivery(of copy: ExchangeCopy, to entry: RouteEntry, slot: Allowance) -> MirrorDelivery {
        let addresses = self.client?.addresses
        let preamble = proxyPreamble(
            source: addresses?.remote,
            destination: addresses?.local,
            route: entry.route.id,
            servicePort: self.state.configuration.servicePort,
            applicationProtocol: copy.applicationProtocol,
            isMirror: true
        )
        return MirrorDelivery(
            copy,
            preamble: preamble,
            entry: entry,
            slot: slot,
            metrics: self.state.metrics,
            acknowledgement: self.state.configuration.acknowledgementTimeout
        )
    }
}
