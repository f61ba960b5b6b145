import HandshakeFault
import NIOCore
import NIOPosix
import NIOSSL
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
            guard !header.isMirror else {
                guard let taker = destination.taker(for: header) else { return preamble.refuse() }
                let receiver = MirrorReceiver(
                    tunnel: tunnel,
                    stream: stream,
                    eventLoop: eventLoop,
                    applicationProtocol: header.applicationProtocol,
                    taker: taker
                )
                tunnel.accept(stream)
                return preamble.handOver(to: receiver)
            }
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
                scheme: destination.scheme(for: header),
                applicationProtocol: header.applicationProtocol,
                tell: { destination.became($0, header) }
            ).begin()
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
        private let scheme: LocalScheme
        private let applicationProtocol: String?
        private let tell: (LocalOutcome) -> Void
        /// Why an address that accepted was of no use.
        private var unfit: String?
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
            scheme: LocalScheme,
            applicationProtocol: String?,
            tell: @escaping (LocalOutcome) -> Void
        ) {
            self.stream = stream
            self.preamble = preamble
            self.tunnel = tunnel
            self.timing = timing
            self.eventLoop = eventLoop
            self.addresses = addresses[...]
            self.scheme = scheme
            self.applicationProtocol = applicationProtocol
            self.tell = tell
        }

        func begin() {
            if case .h2c = self.scheme, self.applicationProtocol == "http/1.1" {
                self.addresses = []
                self.unfit = "what came is HTTP/1.1, and the local process was said to take HTTP/2 only"
            }
            self.next()
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
            self.connect(to: address, leg)
            guard !self.addresses.isEmpty else { return }
            self.headStart = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.timing.headStart)) {
                self.next()
            }
        }

        private func connect(to address: SocketAddress, _ leg: NIOLoopBound<LocalLeg>) {
            do {
                var secured: (tls: NIOSSLClientHandler, handshake: LocalHandshake)?
                if case .tls(let tls) = self.scheme {
                    secured = try tls.handlers(
                        applicationProtocol: self.applicationProtocol,
                        eventLoop: self.eventLoop
                    )
                }
                let handlers = NIOLoopBound(secured, eventLoop: self.eventLoop)
                ClientBootstrap(group: self.eventLoop)
                    .connectTimeout(TimeAmount(self.timing.acknowledgement))
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .channelOption(.allowRemoteHalfClosure, value: true)
                    .channelOption(.recvAllocator, value: HeadroomAllocator())
                    .channelOption(.maxMessagesPerRead, value: TunnelSocket.readsPerTurn)
                    .channelOption(.writeBufferWaterMark, value: TunnelSocket.localWriteMarks)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let pipeline = channel.pipeline.syncOperations
                            if let secured = handlers.value {
                                try pipeline.addHandler(secured.tls)
                                try pipeline.addHandler(secured.handshake)
                            } else {
                                try pipeline.addHandler(leg.value)
                            }
                        }
                    }
                    .connect(to: address)
                    .assumeIsolated().whenComplete { result in
                        switch result {
                        case .success(let channel): self.connected(channel, secured?.handshake, leg.value, address)
                        case .failure: self.failed()
                        }
                    }
            } catch {
                self.unfit = "\(error)"
                self.failed()
            }
        }

        private func failed() {
            self.pending -= 1
            self.next()
        }

        /// Waits for the handshake, where there is one: what cannot be spoken to has not accepted.
        ///
        /// The leg comes into the pipeline within the very event that ends the handshake, before the first byte behind it:
        /// it would not let the handshake read.
        private func connected(
            _ channel: any Channel,
            _ handshake: LocalHandshake?,
            _ leg: LocalLeg,
            _ address: SocketAddress
        ) {
            guard let handshake else { return self.ready(channel, leg, address) }
            let timeout = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.timing.acknowledgement)) {
                self.unfit = "it does not answer to TLS"
                channel.close(promise: nil)
            }
            handshake.outcome.assumeIsolated().whenComplete { result in
                timeout.cancel()
                do {
                    try result.get()
                    try channel.pipeline.syncOperations.addHandler(leg)
                    self.ready(channel, leg, address)
                } catch {
                    self.unfit = self.unfit ?? HandshakeFault(error).map { "\($0)" } ?? "TLS with it failed: \(error)"
                    channel.close(promise: nil)
                    self.failed()
                }
            }
        }

        private func ready(_ channel: any Channel, _ leg: LocalLeg, _ address: SocketAddress) {
            self.pending -= 1
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
            self.tell(self.unfit.map { .unfit($0) } ?? .refused)
        }

        private func abandon() {
            guard !self.isOver else { return }
            self.isOver = true
            self.headStart?.cancel()
            self.tell(.abandoned)
        }
    }
}
