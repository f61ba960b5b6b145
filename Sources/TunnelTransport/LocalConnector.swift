import NIOCore
import NIOPosix
import Tunnel

/// Takes a diverted connection on the laptop: reads its header, connects to the local service, and only then acknowledges.
enum LocalConnector {
    static func start(
        stream: UInt32,
        tunnel: YamuxHandler,
        timing: TunnelTiming,
        eventLoop: any EventLoop,
        destination: any LocalDestination
    ) -> any YamuxConsumer {
        let box = PreambleBox()
        let preamble = StreamPreamble(
            tunnel: tunnel,
            stream: stream,
            deadline: TimeAmount(timing.preamble),
            eventLoop: eventLoop
        ) { header in
            guard let preamble = box.preamble else { return }
            let addresses = destination.addresses(for: header)
            guard !addresses.isEmpty else {
                tunnel.countRefusedConnect()
                return preamble.refuse()
            }
            Attempt(
                stream: stream,
                preamble: preamble,
                tunnel: tunnel,
                timing: timing,
                eventLoop: eventLoop,
                addresses: addresses,
                tell: { destination.became($0, header) }
            ).next()
        }
        box.preamble = preamble
        return preamble
    }

    /// Lets the closure of a preamble name the preamble without keeping it alive.
    private final class PreambleBox {
        weak var preamble: StreamPreamble?
    }

    /// The connects to one stream's local addresses: the next begins when one fails, or has not answered for a moment.
    private final class Attempt {
        private let stream: UInt32
        private let preamble: StreamPreamble
        private let tunnel: YamuxHandler
        private let timing: TunnelTiming
        private let eventLoop: any EventLoop
        private var addresses: ArraySlice<SocketAddress>
        private let tell: (LocalOutcome) -> Void
        private var pending = 0
        private var isOver = false
        private var headStart: Scheduled<Void>?

        init(
            stream: UInt32,
            preamble: StreamPreamble,
            tunnel: YamuxHandler,
            timing: TunnelTiming,
            eventLoop: any EventLoop,
            addresses: [SocketAddress],
            tell: @escaping (LocalOutcome) -> Void
        ) {
            self.stream = stream
            self.preamble = preamble
            self.tunnel = tunnel
            self.timing = timing
            self.eventLoop = eventLoop
            self.addresses = addresses[...]
            self.tell = tell
        }

        func next() {
            guard !self.isOver else { return }
            self.headStart?.cancel()
            guard let address = self.addresses.popFirst() else {
                if self.pending == 0 { self.refuse() }
                return
            }
            self.pending += 1
            // In the pipeline from the start, so that a service which speaks first and closes loses no byte.
            let leg = NIOLoopBound(
                LocalLeg(
                    tunnel: self.tunnel,
                    timing: self.timing,
                    stream: self.stream,
                    onEnd: { [tell = self.tell] in tell(.ended) }
                ),
                eventLoop: self.eventLoop
            )
            ClientBootstrap(group: self.eventLoop)
                .connectTimeout(TimeAmount(self.timing.acknowledgement))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelOption(.recvAllocator, value: HeadroomAllocator())
                .channelOption(.maxMessagesPerRead, value: TunnelSocket.readsPerTurn)
                .channelOption(.writeBufferWaterMark, value: TunnelSocket.localWriteMarks)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(leg.value) }
                }
                .connect(to: address)
                .assumeIsolated().whenComplete { result in
                    self.pending -= 1
                    switch result {
                    case .success(let channel): self.connected(channel, leg.value, address)
                    case .failure: self.next()
                    }
                }
            guard !self.addresses.isEmpty else { return }
            self.headStart = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.timing.headStart)) {
                self.next()
            }
        }

        private func connected(_ channel: any Channel, _ leg: LocalLeg, _ address: SocketAddress) {
            guard !self.isOver, !self.preamble.isOver else {
                leg.withdraw()
                channel.close(promise: nil)
                return self.abandon()
            }
            self.isOver = true
            self.headStart?.cancel()
            self.preamble.handOver(to: leg)
            leg.acceptStream()
            self.tell(.accepted(address))
        }

        private func refuse() {
            guard !self.preamble.isOver else { return self.abandon() }
            self.isOver = true
            self.tunnel.countRefusedConnect()
            self.preamble.refuse()
            self.tell(.refused)
        }

        private func abandon() {
            guard !self.isOver else { return }
            self.isOver = true
            self.headStart?.cancel()
            self.tell(.abandoned)
        }
    }
}
