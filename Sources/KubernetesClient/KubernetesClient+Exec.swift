import KubernetesModel
public import NIOCore

extension KubernetesClient {
    /// What a command wrote, and how it ended.
    public struct CommandOutput: Sendable, Hashable {
        /// Its standard output, whole.
        public var bytes: [UInt8]
        /// Why it failed, with what it wrote to standard error; nil when it did not.
        public var failure: String?

        /// An output by its parts.
        public init(bytes: [UInt8], failure: String? = nil) {
            self.bytes = bytes
            self.failure = failure
        }
    }

    /// Runs a command in a container and waits for its end. Needs the verbs `get` and `create` on `pods/exec`.
    ///
    /// - Parameters:
    ///   - command: the program and its arguments; no shell is involved.
    ///   - pod: the pod's name.
    ///   - container: the container's name.
    ///   - namespace: where; nil for the default namespace.
    ///   - limit: the most output that is taken, in bytes.
    ///   - wait: how long it may take.
    /// - Throws: ``KubernetesError``: what the API server refuses; `unreachable` when the connection ended before the
    ///   command did, was too slow, or wrote more than `limit`.
    public func output(
        of command: [String],
        pod: String,
        container: String,
        in namespace: String? = nil,
        limit: Int = 4 << 20,
        within wait: TimeAmount = .seconds(5)
    ) async throws -> CommandOutput {
        let (parts, continuation) = AsyncThrowingStream.makeStream(of: CommandCollector.Part.self)
        let channel = try await self.sender.transport.upgrade(
            .exec(command, pod: pod, container: container, in: namespace ?? self.namespace),
            subprotocol: "v4.channel.k8s.io",
            on: nil
        ) { channel in
            try channel.pipeline.syncOperations.addHandler(CommandCollector(continuation))
        }
        defer { channel.close(promise: nil) }
        let timeout = channel.eventLoop.scheduleTask(in: wait) { channel.close(promise: nil) }
        defer { timeout.cancel() }
        var bytes: [UInt8] = []
        for try await part in parts {
            switch part {
            case .output(let more):
                bytes += more.readableBytesView
                guard bytes.count <= limit else {
                    throw KubernetesError(.unreachable, "exec in pod \(pod): more than \(limit) bytes of output")
                }
            case .end(let status): return CommandOutput(bytes: bytes, failure: status.failure)
            }
        }
        throw KubernetesError(.unreachable, "exec in pod \(pod): the connection ended before the command did")
    }
}

/// Hands on what a command writes, and how it ended.
private final class CommandCollector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    enum Part: Sendable {
        case output(ByteBuffer)
        case end(CommandStatus)
    }

    private let parts: AsyncThrowingStream<Part, any Error>.Continuation

    init(_ parts: AsyncThrowingStream<Part, any Error>.Continuation) {
        self.parts = parts
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.parts.yield(.output(Self.unwrapInboundIn(data)))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let status = event as? CommandStatus { self.parts.yield(.end(status)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.parts.finish(throwing: error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.parts.finish()
    }
}
