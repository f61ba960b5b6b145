import NIOCore
import Tunnel

/// Receives the copy of one exchange on the laptop: says that it takes it, gathers its records, says that it has them, and
/// ends the stream when whoever compares is through.
///
/// At most one exchange's bytes are gathered; a sender of more is cut off.
final class MirrorReceiver: YamuxConsumer {
    /// Says that every record has come.
    private static let received: UInt8 = 0x06
    /// The most bytes of one stream: a request, a response, and what tells of others.
    private static let longest = 2 * MirroredExchange.longest + 64 * 1024

    private let tunnel: YamuxHandler
    private let stream: UInt32
    private let eventLoop: any EventLoop
    private let taker: any MirrorTaker
    private var held = ByteBuffer()
    private var length = 0
    private var exchange: MirroredExchange
    private var isOver = false

    init(
        tunnel: YamuxHandler,
        stream: UInt32,
        eventLoop: any EventLoop,
        applicationProtocol: String?,
        taker: any MirrorTaker
    ) {
        self.exchange = MirroredExchange(applicationProtocol: applicationProtocol)
        self.tunnel = tunnel
        self.stream = stream
        self.eventLoop = eventLoop
        self.taker = taker
    }

    func streamReceived(_ bytes: ByteBuffer) {
        self.tunnel.consumed(self.stream, bytes.readableBytes)
        guard !self.isOver, !self.exchange.isWhole else { return }
        self.length += bytes.readableBytes
        guard self.length <= Self.longest else { return self.giveUp() }
        self.held.writeImmutableBuffer(bytes)
        do throws(TunnelError) {
            try self.exchange.add(from: &self.held)
        } catch {
            return self.giveUp()
        }
        guard self.exchange.isWhole else { return }
        self.held = ByteBuffer()
        var answer = ByteBuffer(bytes: [Self.received])
        self.tunnel.send(self.stream, &answer)
        let receiver = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        self.taker.take(self.exchange) { eventLoop.execute { receiver.value.finish() } }
    }

    private func finish() {
        guard !self.isOver else { return }
        self.isOver = true
        self.tunnel.finish(self.stream)
    }

    private func giveUp() {
        self.isOver = true
        self.tunnel.reset(self.stream)
        self.taker.abandoned()
    }

    func streamFinished() {
        if !self.isOver, !self.exchange.isWhole { self.giveUp() }
    }

    func streamReset(_ reason: TunnelError) {
        guard !self.isOver else { return }
        self.isOver = true
        if !self.exchange.isWhole { self.taker.abandoned() }
    }

    func streamAcknowledged() {}
    func streamMaySend() {}
    func streamCycleEnded() {}
}
