import NIOCore
import Tunnel

/// The first handler of a connection on a route's Unix socket: reads the PROXY header and opens the stream.
///
/// Until the laptop acknowledges, nothing but the header flows. Then one byte tells the relay that its request may come,
/// and this handler leaves the pipeline. Whatever goes wrong before that closes the connection: the relay then lets the
/// original answer.
final class UnixEntrance: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What the relay waits for.
    static let acknowledgement: UInt8 = 0x06

    private let timing: TunnelTiming
    private var received = ByteBuffer()
    private var deadline: Scheduled<Void>?
    private var isWaiting = false
    private var leg: LocalLeg?

    init(timing: TunnelTiming) {
        self.timing = timing
    }

    /// Puts this handler and the leg behind it into the pipeline of an accepted connection.
    static func install(on channel: any Channel, tunnel: YamuxHandler, timing: TunnelTiming) throws {
        let entrance = UnixEntrance(timing: timing)
        let leg = LocalLeg(tunnel: tunnel, timing: timing) { [unowned entrance] in entrance.acknowledged(channel) }
        entrance.leg = leg
        try channel.pipeline.syncOperations.addHandlers([entrance, leg])
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.startDeadline(context, self.timing.preamble)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isWaiting else { return context.fireChannelRead(data) }
        self.received.writeImmutableBuffer(self.unwrapInboundIn(data))
        let whole = self.received
        do {
            guard try ProxyHeader.parse(&self.received) != nil else { return }
            let length = whole.readableBytes - self.received.readableBytes
            let preamble = whole.getSlice(at: whole.readerIndex, length: length) ?? ByteBuffer()
            self.isWaiting = true
            self.startDeadline(context, self.timing.acknowledgement)
            try self.leg?.openStream(preamble: preamble, rest: self.received)
            self.received = ByteBuffer()
        } catch {
            self.deadline?.cancel()
            context.close(promise: nil)
        }
    }

    private func startDeadline(_ context: ChannelHandlerContext, _ time: Duration) {
        self.deadline?.cancel()
        let channel = context.channel
        self.deadline = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: TimeAmount(time)) {
            if self.isWaiting { self.leg?.abort() }
            channel.close(promise: nil)
        }
    }

    private func acknowledged(_ channel: any Channel) {
        self.deadline?.cancel()
        self.deadline = nil
        self.leg = nil
        channel.writeAndFlush(ByteBuffer(bytes: [Self.acknowledgement]), promise: nil)
        channel.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.deadline = nil
        self.leg = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.fireErrorCaught(error)
    }
}
