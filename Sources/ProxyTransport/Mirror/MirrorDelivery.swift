import NIOCore
import NIOPosix
import ProxyCore
import Telemetry
import Tunnel

/// Brings one copy into the tunnel of a mirror, on a connection of its own. Whatever goes wrong is counted and no more.
///
/// After the PROXY header the tunnel says that the laptop takes the stream (one byte), then the records go, then the laptop
/// says that it has them all (one byte) and ends the stream when it is through with them. Only then the copy counts as over:
/// so the limits hold for what laptops keep, too.
final class MirrorDelivery: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Stage {
        case asking
        case sent
        case received
        case over
    }

    /// How long a laptop may keep a copy.
    static let patience = TimeAmount.seconds(60)

    private let copy: ExchangeCopy
    private let preamble: ByteBuffer
    private let entry: RouteEntry
    /// Where the stream was counted.
    private let slot: Allowance
    private let metrics: PortMetrics
    private let acknowledgement: TimeAmount
    private var stage = Stage.asking
    private var told: [(MirrorMiss, Int)] = []
    private var deadline: Scheduled<Void>?

    init(
        _ copy: ExchangeCopy,
        preamble: ByteBuffer,
        entry: RouteEntry,
        slot: Allowance,
        metrics: PortMetrics,
        acknowledgement: TimeAmount
    ) {
        self.copy = copy
        self.preamble = preamble
        self.entry = entry
        self.slot = slot
        self.metrics = metrics
        self.acknowledgement = acknowledgement
    }

    /// Begins with all deliveries of one copy, behind what the caller still has to write in this turn of its loop.
    static func start(_ deliveries: [MirrorDelivery], on loop: any EventLoop) {
        // Proof that `unsafe` is safe here: this is called in two places, `Connection.finish` and `Connection.miss`, with deliveries
        // that are made for this call and kept by nobody. What they share is their copy. `miss` makes that for the call too;
        // `finish` forgets it where the connection has it, and HTTP2Session takes it out of `copies` before it calls `finish`.
        // Nobody touches a copy after that, so from here on it is used on `loop` alone. All else in a delivery is Sendable.
        nonisolated(unsafe) let handover = deliveries
        loop.execute { for delivery in handover { delivery.start(on: loop) } }
    }

    private func start(on loop: any EventLoop) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connectTimeout(self.acknowledgement)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(unixDomainSocketPath: self.entry.route.upstreamPath)
            .assumeIsolated()
            .whenFailure { _ in self.end() }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.wait(self.acknowledgement, context)
        context.writeAndFlush(self.wrapOutboundOut(self.preamble), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        for _ in 0..<bytes.readableBytes {
            switch self.stage {
            case .asking: self.send(context)
            case .sent:
                self.stage = .received
                if self.copy.miss == nil {
                    self.entry.counters.diverted.add()
                    self.metrics.mirrored.add()
                }
            case .received, .over: return
            }
        }
    }

    private func send(_ context: ChannelHandlerContext) {
        self.stage = .sent
        self.wait(Self.patience, context)
        var records: [MirrorRecord] = []
        for reason in MirrorMiss.allCases {
            let count = self.entry.counters.untold[reason.index].takeAll()
            guard count > 0 else { continue }
            self.told.append((reason, count))
            records.append(.missed(reason, count: UInt32(clamping: count)))
        }
        if self.copy.miss == nil { records += [.request(self.copy.request), .response(self.copy.response)] }
        for piece in (records + [.end]).flatMap(\.pieces) { context.write(self.wrapOutboundOut(piece), promise: nil) }
        context.flush()
    }

    private func wait(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
    }

    /// Gives back what was taken; what the laptop did not get, it is told of next time.
    private func end() {
        guard self.stage != .over else { return }
        if self.stage != .received {
            for (reason, count) in self.told { self.entry.counters.untold[reason.index].add(count) }
            if self.copy.miss == nil {
                self.metrics.missed(.unreachable).add()
                self.entry.counters.untold[MirrorMiss.unreachable.index].add()
            }
        }
        self.stage = .over
        self.deadline?.cancel()
        self.deadline = nil
        self.copy.release()
        self.slot.giveBack(1)
    }
}
