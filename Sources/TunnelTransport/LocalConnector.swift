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
        targets: @escaping @Sendable (ProxyHeader) -> [SocketAddress]
    ) -> any YamuxConsumer {
        let box = PreambleBox()
        let preamble = StreamPreamble(
            tunnel: tunnel,
            stream: stream,
            deadline: TimeAmount(timing.preamble),
            eventLoop: eventLoop
        ) { header in
            guard let preamble = box.preamble else { return }
            let attempt = Attempt(
                stream: stream,
                preamble: preamble,
                tunnel: tunnel,
                timing: timing,
                eventLoop: eventLoop
            )
            attempt.next(of: targets(header)[...])
        }
        box.preamble = preamble
        return preamble
    }

    /// Lets the closure of a preamble name the preamble without keeping it alive.
    private final class PreambleBox {
        weak var preamble: StreamPreamble?
    }

    /// The connects to one stream's local addresses, one after another.
    private struct Attempt {
        let stream: UInt32
        let preamble: StreamPreamble
        let tunnel: YamuxHandler
        let timing: TunnelTiming
        let eventLoop: any EventLoop

        func next(of targets: ArraySlice<SocketAddress>) {
            guard let target = targets.first else {
                self.tunnel.countRefusedConnect()
                return self.preamble.refuse()
            }
            // In the pipeline from the start, so that a service which speaks first and closes loses no byte.
            let leg = NIOLoopBound(
                LocalLeg(tunnel: self.tunnel, timing: self.timing, stream: self.stream),
                eventLoop: self.eventLoop
            )
            ClientBootstrap(group: self.eventLoop)
                .connectTimeout(TimeAmount(self.timing.acknowledgement))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelOption(.recvAllocator, value: HeadroomAllocator())
                .channelOption(.writeBufferWaterMark, value: .init(low: 128 * 1024, high: 256 * 1024))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(leg.value) }
                }
                .connect(to: target)
                .assumeIsolated().whenComplete { result in
                    switch result {
                    case .success(let channel): self.connected(channel, leg.value)
                    case .failure: self.next(of: targets.dropFirst())
                    }
                }
        }

        private func connected(_ channel: any Channel, _ leg: LocalLeg) {
            guard !self.preamble.isOver else { return channel.close(promise: nil) }
            self.preamble.handOver(to: leg)
            leg.acceptStream()
        }
    }
}
