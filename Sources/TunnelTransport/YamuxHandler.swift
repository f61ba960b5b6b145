import NIOCore
import NIOTLS
import Tunnel

/// Drives a `YamuxSession` over the channel it stands in: the whole multiplexer in one handler.
///
/// What keeps it fast: a frame's header goes into the headroom before its payload, small payloads are gathered into one
/// buffer, everything written during a turn of the event loop is flushed once at its end, and a stream's consumer gets the
/// decrypted bytes as they are, without a copy.
final class YamuxHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Payloads up to this size are copied behind their header instead of being written on their own.
    static let gatherLimit = 4 * 1024
    private static let gatherCapacity = 16 * 1024
    /// Bytes that are written before they are flushed, even in the middle of a turn: many streams that have data at once
    /// learn from it that the tunnel is full.
    private static let mostUnflushed = 256 * 1024
    /// Answers a peer may cause while it does not read.
    private static let unreadReplies = 10_000

    private(set) var session: YamuxSession
    private var counters = TunnelCounters()
    /// Whether the tunnel takes more data now; consumers that find it false are told with `streamMaySend`.
    private(set) var isWritable = true

    private unowned let delegate: any YamuxHandlerDelegate
    private let pingInterval: TimeAmount
    private var liveness: Liveness
    private var context: ChannelHandlerContext?
    private var consumers: [UInt32: any YamuxConsumer] = [:]
    private var unfinishedCycles: [any YamuxConsumer] = []
    private var waiting: [any YamuxConsumer] = []
    private var gathered = ByteBuffer()
    private var unflushed = 0
    private var isReading = false
    private var flushIsDue = false
    private var repliesWhileBlocked = 0
    private var pingTimer: Scheduled<Void>?
    private var isReady = false
    private var hasEnded = false

    init(role: YamuxSession.Role, limits: YamuxLimits, timing: TunnelTiming, delegate: any YamuxHandlerDelegate) {
        self.session = YamuxSession(role: role, limits: limits)
        self.liveness = Liveness(allowedMisses: timing.missedPings)
        self.pingInterval = TimeAmount(timing.pingInterval)
        self.delegate = delegate
    }

    /// The counters, with the streams that live now.
    var currentCounters: TunnelCounters {
        var counters = self.counters
        // The control stream is the tunnel's own.
        counters.openStreams = UInt64(max(0, self.session.liveStreams - 1))
        counters.streams -= min(1, counters.streams)
        return counters
    }

    // MARK: For consumers

    /// Starts the session: the connection under it is secure.
    func begin() {
        guard let context = self.context, !self.isReady, !self.hasEnded else { return }
        self.isReady = true
        self.schedulePing(context)
        self.delegate.tunnelReady()
    }

    /// Opens a stream for `consumer`.
    func open(_ consumer: any YamuxConsumer) throws(TunnelError) -> UInt32 {
        guard self.isReady, !self.hasEnded else { throw TunnelError(.closed, "the tunnel is not up") }
        let header = try self.session.open()
        self.consumers[header.stream] = consumer
        self.counters.streams += 1
        self.write(header)
        return header.stream
    }

    /// Hands a stream over to another consumer.
    func attach(_ consumer: any YamuxConsumer, to number: UInt32) {
        guard self.consumers[number] != nil else { return }
        self.consumers[number] = consumer
    }

    /// Acknowledges a stream the peer opened.
    func accept(_ number: UInt32) {
        if let header = self.session.accept(number) { self.write(header) }
    }

    /// Sends as much of `bytes` as the stream's credit allows and leaves the rest.
    func send(_ number: UInt32, _ bytes: inout ByteBuffer) {
        while let header = self.session.send(number, available: bytes.readableBytes) {
            let length = Int(header.length)
            self.counters.bytesOut += UInt64(length)
            self.unflushed += length
            if length <= Self.gatherLimit {
                self.gather(header, &bytes, length)
            } else if length == bytes.readableBytes, bytes.readerIndex >= YamuxHeader.size {
                self.spill()
                var frame = bytes
                bytes = ByteBuffer()
                _ = header.prepend(to: &frame)
                self.context?.write(self.wrapOutboundOut(frame), promise: nil)
            } else if let payload = bytes.readSlice(length: length) {
                self.append(header)
                self.spill()
                self.context?.write(self.wrapOutboundOut(payload), promise: nil)
            }
        }
        if self.unflushed >= Self.mostUnflushed { return self.flushNow() }
        self.flushSoon()
    }

    /// Ends this end's direction of a stream.
    func finish(_ number: UInt32) {
        if let header = self.session.finish(number) { self.write(header) }
        self.forgetIfOver(number)
    }

    /// Ends a stream at once; its consumer hears no more of it.
    func reset(_ number: UInt32) {
        if let header = self.session.reset(number) { self.write(header) }
        self.forgetIfOver(number)
    }

    /// Notes that `count` bytes of a stream are out of the way.
    func consumed(_ number: UInt32, _ count: Int) {
        if let header = self.session.consumed(number, count) { self.write(header) }
    }

    /// Counts a stream that found nobody at its local target.
    func countRefusedConnect() {
        self.counters.refusedConnects += 1
    }

    /// Asks for `streamCycleEnded` when the current read is over.
    func needsCycleEnd(_ consumer: any YamuxConsumer) {
        self.unfinishedCycles.append(consumer)
    }

    /// Asks for `streamMaySend` when the tunnel takes data again.
    func waitUntilWritable(_ consumer: any YamuxConsumer) {
        self.waiting.append(consumer)
    }

    /// Ends the tunnel: streams are reset, the delegate is told, the channel closes.
    func end(_ reason: TunnelError) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.pingTimer?.cancel()
        if reason.code == .protocolViolation, self.isReady {
            self.append(YamuxSession.protocolErrorFarewell)
        }
        self.flushNow()
        let consumers = self.consumers.values
        self.consumers = [:]
        self.waiting = []
        for consumer in consumers { consumer.streamReset(reason) }
        self.delegate.tunnelEnded(reason)
        self.context?.close(promise: nil)
    }
}

// MARK: - Writing

extension YamuxHandler {
    private func write(_ header: YamuxHeader) {
        self.append(header)
        self.flushSoon()
    }

    private func append(_ header: YamuxHeader) {
        if self.gathered.capacity == 0 { self.startGathering() }
        header.write(into: &self.gathered)
    }

    private func gather(_ header: YamuxHeader, _ bytes: inout ByteBuffer, _ length: Int) {
        if self.gathered.readableBytes + length + YamuxHeader.size > Self.gatherCapacity { self.spill() }
        self.append(header)
        self.gathered.writeImmutableBuffer(bytes.readSlice(length: length) ?? ByteBuffer())
    }

    private func startGathering() {
        self.gathered = self.context?.channel.allocator.buffer(capacity: Self.gatherCapacity) ?? ByteBuffer()
    }

    /// Hands what was gathered to the channel, so that what is written next comes after it.
    private func spill() {
        guard self.gathered.readableBytes > 0 else { return }
        let bytes = self.gathered
        self.gathered = ByteBuffer()
        self.context?.write(self.wrapOutboundOut(bytes), promise: nil)
    }

    private func flushSoon() {
        guard !self.flushIsDue, let context = self.context else { return }
        self.flushIsDue = true
        // During a read the end of the read flushes.
        guard !self.isReading else { return }
        context.eventLoop.assumeIsolatedUnsafeUnchecked().execute { self.flushNow() }
    }

    private func flushNow() {
        self.flushIsDue = false
        self.unflushed = 0
        self.spill()
        self.context?.flush()
    }
}

// MARK: - Channel events

extension YamuxHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end(TunnelError(.closed, "the tunnel's channel was taken apart"))
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { self.begin() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.hasEnded else { return }
        var bytes = self.unwrapInboundIn(data)
        self.liveness.heard()
        self.isReading = true
        do throws(TunnelError) {
            while let event = try self.session.receive(&bytes) {
                try self.handle(event)
                if self.hasEnded { return }
            }
        } catch {
            self.end(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        var index = 0
        while index < self.unfinishedCycles.count {
            self.unfinishedCycles[index].streamCycleEnded()
            index += 1
        }
        self.unfinishedCycles.removeAll(keepingCapacity: true)
        self.isReading = false
        if self.flushIsDue { self.flushNow() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if self.isWritable {
            self.repliesWhileBlocked = 0
            let waiting = self.waiting
            self.waiting.removeAll(keepingCapacity: true)
            for consumer in waiting { consumer.streamMaySend() }
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end(TunnelError(.lost, "the connection under the tunnel closed"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let code: TunnelError.Code = self.isReady ? .lost : .handshakeFailed
        let message = self.isReady ? "the connection under the tunnel broke" : "the tunnel's TLS handshake failed"
        self.end(TunnelError(code, message, cause: String(describing: error)))
    }
}

// MARK: - Session events

extension YamuxHandler {
    private func handle(_ event: YamuxEvent) throws(TunnelError) {
        switch event {
        case .data(let number, let bytes):
            self.counters.bytesIn += UInt64(bytes.readableBytes)
            self.consumers[number]?.streamReceived(bytes)
        case .credited(let number):
            self.consumers[number]?.streamMaySend()
        case .opened(let number):
            self.counters.streams += 1
            if let consumer = try self.delegate.streamOpened(number) {
                self.consumers[number] = consumer
            } else {
                self.reset(number)
            }
        case .acknowledged(let number):
            self.consumers[number]?.streamAcknowledged()
        case .finished(let number):
            let consumer = self.consumers[number]
            self.forgetIfOver(number)
            consumer?.streamFinished()
        case .reset(let number):
            let consumer = self.consumers.removeValue(forKey: number)
            consumer?.streamReset(TunnelError(.closedByPeer, "the peer reset the stream"))
        case .reply(let header):
            if !self.isWritable {
                self.repliesWhileBlocked += 1
                guard self.repliesWhileBlocked <= Self.unreadReplies else {
                    throw TunnelError(.protocolViolation, "the peer asks for answers and does not read them")
                }
            }
            self.write(header)
        case .pong(let number):
            self.liveness.pong(number)
        case .refusesStreams:
            break
        }
    }

    private func forgetIfOver(_ number: UInt32) {
        if !self.session.isLive(number) { self.consumers.removeValue(forKey: number) }
    }

    private func schedulePing(_ context: ChannelHandlerContext) {
        self.pingTimer = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: self.pingInterval) {
            guard !self.hasEnded, let context = self.context else { return }
            switch self.liveness.tick() {
            case .ping(let number):
                self.write(self.session.ping(number))
                self.schedulePing(context)
            case .lost(let reason):
                self.end(TunnelError(.lost, reason))
            }
        }
    }
}
