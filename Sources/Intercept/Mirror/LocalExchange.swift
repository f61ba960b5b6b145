import NIOCore
import NIOPosix
import ResponseDiff

/// Sends one request to the local process, on a connection of its own, and reads the answer.
enum LocalExchange {
    enum Outcome: Sendable {
        /// No address accepted.
        case refused
        /// An address accepted, and answered that.
        case answered(SocketAddress, ResponseReader.Outcome)
    }

    /// Asks the first address that accepts.
    ///
    /// - Parameter patience: how long the answer may take, from when the address has accepted.
    static func ask(
        _ addresses: [SocketAddress],
        _ dialogue: LocalDialogue,
        patience: TimeAmount
    ) async -> Outcome {
        for address in addresses {
            let answer = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: ResponseReader.Outcome.self)
            let connected = try? await ClientBootstrap(group: answer.futureResult.eventLoop)
                .connectTimeout(.seconds(1))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AnswerHandler(dialogue, answer, patience))
                    }
                }
                .connect(to: address)
                .get()
            guard let channel = connected else {
                answer.fail(ChannelError.ioOnClosedChannel)
                continue
            }
            return await withTaskCancellationHandler {
                let outcome = try? await answer.futureResult.get()
                channel.close(promise: nil)
                return .answered(address, outcome ?? .unreadable("the connection ended without an answer"))
            } onCancel: {
                channel.close(promise: nil)
            }
        }
        return .refused
    }
}

/// Reads until there is a whole answer, or there will be none.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var dialogue: LocalDialogue
    private let answer: EventLoopPromise<ResponseReader.Outcome>
    private let patience: TimeAmount
    private var isOver = false
    private var timer: Scheduled<Void>?

    init(_ dialogue: LocalDialogue, _ answer: EventLoopPromise<ResponseReader.Outcome>, _ patience: TimeAmount) {
        self.dialogue = dialogue
        self.answer = answer
        self.patience = patience
    }

    func channelActive(context: ChannelHandlerContext) {
        let seconds = self.patience.nanoseconds / 1_000_000_000
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.patience) {
            self.end(.unreadable("none within \(seconds) s"))
        }
        self.send(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.note(self.dialogue.receive(self.unwrapInboundIn(data), isEnd: false))
        self.send(context)
    }

    /// A failed write closes the connection, which is an answer too.
    private func send(_ context: ChannelHandlerContext) {
        guard !self.isOver, let bytes = self.dialogue.takeOutput() else { return }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { self.noteEnd() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.noteEnd()
    }

    private func noteEnd() {
        guard !self.isOver else { return }
        self.note(self.dialogue.receive(ByteBuffer(), isEnd: true))
    }

    private func note(_ outcome: ResponseReader.Outcome) {
        if outcome != .more { self.end(outcome) }
    }

    private func end(_ outcome: ResponseReader.Outcome) {
        guard !self.isOver else { return }
        self.isOver = true
        self.timer?.cancel()
        self.answer.succeed(outcome)
    }
}
