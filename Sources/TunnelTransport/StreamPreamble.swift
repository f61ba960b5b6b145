import NIOCore
import Tunnel

/// Reads the PROXY header at the start of a stream the peer opened, then hands the stream on.
final class StreamPreamble: YamuxConsumer {
    private let tunnel: YamuxHandler
    private let stream: UInt32
    private let onHeader: (ProxyHeader) -> Void
    /// What followed the header before anybody took the stream over; within the stream's initial window.
    private(set) var rest = ByteBuffer()
    /// The peer finished already.
    private(set) var isFinished = false
    /// The stream is over; there is nothing to take.
    private(set) var isOver = false
    private var deadline: Scheduled<Void>?
    private var hasHeader = false

    init(
        tunnel: YamuxHandler,
        stream: UInt32,
        deadline: TimeAmount,
        eventLoop: any EventLoop,
        onHeader: @escaping (ProxyHeader) -> Void
    ) {
        self.tunnel = tunnel
        self.stream = stream
        self.onHeader = onHeader
        self.deadline = eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.refuse() }
    }

    /// Gives the stream, and what was read of it, to `consumer`.
    func handOver(to consumer: any YamuxConsumer) {
        self.tunnel.attach(consumer, to: self.stream)
        self.isOver = true
        if self.rest.readableBytes > 0 {
            consumer.streamReceived(self.rest)
            consumer.streamCycleEnded()
        }
        if self.isFinished { consumer.streamFinished() }
    }

    /// Resets the stream.
    func refuse() {
        guard !self.isOver else { return }
        self.isOver = true
        self.deadline?.cancel()
        self.tunnel.reset(self.stream)
    }

    func streamReceived(_ bytes: ByteBuffer) {
        guard !self.isOver else { return }
        self.rest.writeImmutableBuffer(bytes)
        guard !self.hasHeader else { return }
        let before = self.rest.readableBytes
        do {
            guard let header = try ProxyHeader.parse(&self.rest) else { return }
            self.hasHeader = true
            self.deadline?.cancel()
            self.tunnel.consumed(self.stream, before - self.rest.readableBytes)
            self.onHeader(header)
        } catch {
            self.refuse()
        }
    }

    func streamFinished() {
        self.isFinished = true
        if !self.hasHeader { self.refuse() }
    }

    func streamReset(_ reason: TunnelError) {
        self.isOver = true
        self.deadline?.cancel()
    }

    func streamAcknowledged() {}
    func streamMaySend() {}
    func streamCycleEnded() {}
}
