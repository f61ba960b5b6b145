import NIOCore
import NIOSSL
import Tunnel

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Glues a local connection to a stream: bytes, half-closes, resets and back-pressure, in both directions.
///
/// Reads of the local connection stop while the stream has no credit or the tunnel is full; credit goes back to the peer
/// only while the local connection takes what it is given. So one stalled reader holds at most one window of memory.
///
/// A local connection that goes away without an error after all was said is a finish, not a reset: the peer may still be
/// reading. What arrives for it afterwards resets the stream, as a TCP stack would.
final class LocalLeg: ChannelDuplexHandler, YamuxConsumer {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tunnel: YamuxHandler
    private let timing: TunnelTiming
    /// Called when the peer acknowledges, before anything else flows.
    private let onAcknowledged: (() -> Void)?
    /// Called once, when the stream is over in both directions.
    private var onEnd: (() -> Void)?
    private var context: ChannelHandlerContext?
    /// The stream; 0 while there is none yet.
    private(set) var stream: UInt32
    private var isOpen = false

    // From the local connection into the tunnel.
    private var unsent = CircularBuffer<ByteBuffer>()
    private var localEnded = false
    private var sawInputEnd = false
    private var readIsDue = false
    private var isWaiting = false

    // From the tunnel to the local connection.
    private var undelivered = ByteBuffer()
    private var uncredited = 0
    private var cycleIsOpen = false
    private var remoteEnded = false
    private var closedOutput = false

    private var isGone = false
    private var failed = false
    private var orphanTimer: Scheduled<Void>?

    /// The leg of a stream that the peer opened (`stream`), or of one that `openStream` opens later.
    init(
        tunnel: YamuxHandler,
        timing: TunnelTiming,
        stream: UInt32 = 0,
        onAcknowledged: (() -> Void)? = nil,
        onEnd: (() -> Void)? = nil
    ) {
        self.tunnel = tunnel
        self.timing = timing
        self.stream = stream
        self.onAcknowledged = onAcknowledged
        self.onEnd = onEnd
    }

    /// Opens the stream and sends `preamble`; everything else waits for the peer's acknowledgement.
    func openStream(preamble: ByteBuffer, rest: ByteBuffer) throws(TunnelError) {
        var preamble = preamble
        self.stream = try self.tunnel.open(self)
        self.tunnel.send(self.stream, &preamble)
        if rest.readableBytes > 0 { self.unsent.append(rest) }
    }

    /// Acknowledges the stream that the peer opened; bytes flow from here on.
    func acceptStream() {
        self.tunnel.accept(self.stream)
        self.isOpen = true
        self.pump()
    }

    /// Takes this leg out of the stream's life before it was handed over: another leg has the stream.
    func withdraw() {
        self.isGone = true
        self.onEnd = nil
    }

    private func end() {
        self.orphanTimer?.cancel()
        let onEnd = self.onEnd
        self.onEnd = nil
        onEnd?()
    }

    /// Ends the stream at once and the local connection with it.
    func abort() {
        self.tunnel.reset(self.stream)
        self.streamReset(TunnelError(.closed, "the stream was given up at this end"))
    }

    // MARK: Local connection → tunnel

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        if self.isOpen, self.unsent.isEmpty {
            self.tunnel.send(self.stream, &bytes)
        }
        if bytes.readableBytes > 0 { self.unsent.append(bytes) }
    }

    func read(context: ChannelHandlerContext) {
        if self.stream == 0 || self.mayRead { return context.read() }
        self.readIsDue = true
        if !self.tunnel.isWritable { self.waitForTunnel() }
    }

    private var mayRead: Bool { self.isOpen && self.unsent.isEmpty && self.tunnel.isWritable }

    private func waitForTunnel() {
        guard !self.isWaiting else { return }
        self.isWaiting = true
        self.tunnel.waitUntilWritable(self)
    }

    private func pump() {
        guard self.isOpen else { return }
        while var bytes = self.unsent.popFirst() {
            self.tunnel.send(self.stream, &bytes)
            if bytes.readableBytes > 0 {
                self.unsent.prepend(bytes)
                return
            }
        }
        if self.localEnded {
            self.localEnded = false
            self.tunnel.finish(self.stream)
            if self.isGone, self.remoteEnded { self.end() }
        } else if self.readIsDue {
            guard self.tunnel.isWritable else { return self.waitForTunnel() }
            self.readIsDue = false
            self.context?.read()
        }
    }

    func streamAcknowledged() {
        self.isOpen = true
        self.onAcknowledged?()
        self.pump()
    }

    func streamMaySend() {
        self.isWaiting = false
        self.pump()
    }

    // MARK: Tunnel → local connection

    func streamReceived(_ bytes: ByteBuffer) {
        guard let context = self.context, !self.isGone else {
            // Nobody is left to read this.
            self.orphanTimer?.cancel()
            self.tunnel.reset(self.stream)
            return self.end()
        }
        if self.undelivered.readableBytes == 0, !context.channel.isWritable, self.cycleIsOpen { context.flush() }
        if self.undelivered.readableBytes == 0, context.channel.isWritable {
            self.uncredited += bytes.readableBytes
            context.write(self.wrapOutboundOut(self.compacted(bytes, context)), promise: nil)
        } else {
            // Copied, so that a small piece does not keep the large buffer it came in.
            self.undelivered.writeImmutableBuffer(bytes)
        }
        if !self.cycleIsOpen {
            self.cycleIsOpen = true
            self.tunnel.needsCycleEnd(self)
        }
    }

    /// The same bytes, copied where they would keep a buffer of many times their size while the local connection is slow.
    private func compacted(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) -> ByteBuffer {
        guard bytes.readableBytes * 4 < bytes.storageCapacity else { return bytes }
        return context.channel.allocator.buffer(buffer: bytes)
    }

    func streamCycleEnded() {
        self.cycleIsOpen = false
        guard let context = self.context, !self.isGone else { return }
        context.flush()
        self.deliver(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, !self.cycleIsOpen { self.deliver(context) }
        context.fireChannelWritabilityChanged()
    }

    private func deliver(_ context: ChannelHandlerContext) {
        if self.undelivered.readableBytes > 0, context.channel.isWritable {
            let bytes = self.undelivered
            self.undelivered = ByteBuffer()
            self.uncredited += bytes.readableBytes
            context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
            if self.remoteEnded { self.closeOutput(context) }
        }
        if self.uncredited > 0, context.channel.isWritable {
            let count = self.uncredited
            self.uncredited = 0
            self.tunnel.consumed(self.stream, count)
        }
    }

    func streamFinished() {
        self.remoteEnded = true
        if self.isGone {
            self.orphanTimer?.cancel()
            if self.unsent.isEmpty { self.end() }
        } else if let context = self.context, self.undelivered.readableBytes == 0 {
            self.closeOutput(context)
        }
    }

    /// Shuts the local connection's output after everything written before has left.
    private func closeOutput(_ context: ChannelHandlerContext) {
        let leg = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            guard let context = leg.value.context, !leg.value.isGone else { return }
            leg.value.closedOutput = true
            context.close(mode: .output, promise: nil)
            leg.value.awaitEnd(context)
        }
    }

    /// A local process that ignores the end of its input keeps its connection; nobody else waits for it for long.
    private func awaitEnd(_ context: ChannelHandlerContext) {
        guard self.onEnd != nil, self.remoteEnded else { return }
        self.orphanTimer = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(
            in: TimeAmount(self.timing.orphan)
        ) {
            self.end()
        }
    }

    func streamReset(_ reason: TunnelError) {
        self.orphanTimer?.cancel()
        self.unsent.removeAll()
        self.undelivered = ByteBuffer()
        self.remoteEnded = true
        self.localEnded = false
        self.isOpen = false
        self.end()
        guard let context = self.context, !self.isGone else { return }
        self.isGone = true
        // Without lingering a TCP connection is reset. A Unix socket has no reset; its peer sees a hang-up.
        if let socket = context.channel as? any SocketOptionProvider, context.channel.localAddress?.protocol != .unix {
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
        }
        // Below TLS, which would say goodbye first, as if all had been said.
        let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self)
        (tls ?? context).close(promise: nil)
    }

    // MARK: The local connection's life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, case .inputClosed = event {
            self.sawInputEnd = true
            self.endLocalInput()
        }
    }

    private func endLocalInput() {
        guard self.stream != 0 else { return }
        self.localEnded = true
        // Before the acknowledgement there is nobody to finish for.
        if self.isOpen { self.pump() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let wasGone = self.isGone
        self.isGone = true
        self.undelivered = ByteBuffer()
        guard self.stream != 0, !wasGone else { return }
        // A clean end is announced, unless this end shut its output first; a failed write closes without a word.
        if self.failed || !self.isOpen || !(self.sawInputEnd || self.closedOutput) {
            self.tunnel.reset(self.stream)
            return self.end()
        }
        self.endLocalInput()
        guard !self.remoteEnded else {
            // What waits for credit still goes, and then it is over.
            if self.unsent.isEmpty { self.end() }
            return
        }
        let stream = self.stream
        self.orphanTimer = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(
            in: TimeAmount(self.timing.orphan)
        ) {
            self.tunnel.reset(stream)
            self.end()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failed = true
        context.close(promise: nil)
    }
}
