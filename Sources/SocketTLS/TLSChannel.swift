import NIOCore

/// Whom a ``TLSChannel`` tells what its handlers do. Each is called on the channel's loop.
protocol TLSChannelOwner: AnyObject {
    /// Bytes for the other end, as they go over the wire.
    func emit(_ bytes: ByteBuffer)
    /// The handler has done what there is to do, or cannot go on.
    func handlerClosed(_ mode: CloseMode)
}

/// What a TLS handler takes for its channel: there is no socket behind it, and what is written goes to an owner at once.
///
/// So the library does what it knows, and the socket stays with the loop that has it.
// Safety: `pipelineMade`, `owner` and `isActive` are touched by methods of `Channel` and `ChannelCore` that NIO calls on the event
// loop only, and by `TLSLayer`, which is confined to it; the rest is never changed.
final class TLSChannel: Channel, ChannelCore, @unchecked Sendable {
    let eventLoop: any EventLoop
    let closeFuture: EventLoopFuture<Void>
    private let closePromise: EventLoopPromise<Void>
    private var pipelineMade: ChannelPipeline?
    private weak var owner: (any TLSChannelOwner)?
    private(set) var isActive = true

    init(on loop: any EventLoop, owner: any TLSChannelOwner) {
        self.eventLoop = loop
        self.closePromise = loop.makePromise()
        self.closeFuture = self.closePromise.futureResult
        self.owner = owner
    }

    /// Ends it, and whatever its handlers hold on to.
    func end() {
        guard self.isActive else { return }
        self.isActive = false
        self.owner = nil
        self.pipeline.syncOperations.fireChannelInactive()
        self.removeHandlers(pipeline: self.pipeline)
        self.pipelineMade = nil
        self.closePromise.succeed(())
    }

    var pipeline: ChannelPipeline {
        if let pipelineMade { return pipelineMade }
        let pipeline = ChannelPipeline(channel: self)
        self.pipelineMade = pipeline
        return pipeline
    }

    var _channelCore: any ChannelCore { self }
    var syncOptions: (any NIOSynchronousChannelOptions)? { Options() }
    var allocator: ByteBufferAllocator { ByteBufferAllocator() }
    var parent: (any Channel)? { nil }
    var localAddress: SocketAddress? { nil }
    var remoteAddress: SocketAddress? { nil }
    var isWritable: Bool { true }

    /// What handlers ask for: each end has its own end, and bytes come without being asked for.
    private struct Options: NIOSynchronousChannelOptions {
        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
            throw ChannelError.operationUnsupported
        }

        func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            guard
                option is ChannelOptions.Types.AllowRemoteHalfClosureOption
                    || option is ChannelOptions.Types.AutoReadOption,
                let value = true as? Option.Value
            else { throw ChannelError.operationUnsupported }
            return value
        }
    }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        self.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        self.eventLoop.makeCompletedFuture { try Options().getOption(option) }
    }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.owner?.emit(self.unwrapData(data))
        promise?.succeed(())
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        self.owner?.handlerClosed(mode)
        promise?.succeed(())
    }

    // What is written is gone at once, and what comes is never asked for.
    func flush0() {}
    func read0() {}
    // The last handler keeps what reaches it.
    func channelRead0(_ data: NIOAny) {}
    func errorCaught0(error: any Error) {}

    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func register0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func bind0(to address: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func connect0(to address: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
}
