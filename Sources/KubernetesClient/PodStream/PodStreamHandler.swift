import KubernetesModel
import NIOCore

/// Turns a WebSocket of subprotocol `v4.channel.k8s.io` with one forwarded port, or one command's output, into a plain stream of
/// bytes.
///
/// Inbound data is handed on in slices as it comes, so reading is gated by `read()` and nothing is stored here beyond an
/// incomplete frame header. Outbound data becomes messages of up to 64 KiB. The protocol has no half-close.
final class PodStreamHandler<Channels: PodStreamChannels>: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let what: String
    private var reader = WebSocketReader()
    private var writer = WebSocketWriter()
    private var channels = Channels()
    /// Bytes of a frame header that is not whole yet.
    private var rest: ByteBuffer?
    private var wantsRead = false
    private var hasDelivered = false
    private var isClosing = false

    /// - Parameter what: the pod's end, for messages.
    init(what: String) {
        self.what = what
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosing else { return }
        var buffer = Self.unwrapInboundIn(data)
        if var rest = self.rest.take() {
            rest.writeBuffer(&buffer)
            buffer = rest
        }
        do {
            while let piece = try self.reader.next(&buffer) {
                self.receive(piece, context)
                if self.isClosing { return }
            }
            if buffer.readableBytes > 0 { self.rest = buffer }
        } catch {
            self.fail(.protocolViolation, "breaks the WebSocket protocol: \(error.rawValue)", code: 1002, context)
        }
    }

    private func receive(_ piece: WebSocketReader.Piece, _ context: ChannelHandlerContext) {
        switch piece {
        case .payload(let bytes, let isFirst):
            self.act(on: self.channels.receive(bytes, isFirst: isFirst), context)
        case .endOfMessage:
            self.act(on: self.channels.endMessage(), context)
        case .ping(let bytes):
            let pong = self.writer.control(opcode: 0xa, bytes, allocator: context.channel.allocator)
            context.writeAndFlush(Self.wrapOutboundOut(pong), promise: nil)
        case .pong: break
        case .close(let code, let reason):
            if let code, code != 1000, code != 1001 {
                let text = reason.isEmpty ? "closed with code \(code)" : "\(reason) (close code \(code))"
                self.fail(.unreachable, text, code: 1000, context)
            } else {
                self.shut(context, code: 1000, promise: nil)
            }
        }
    }

    private func act(on output: PodStreamOutput?, _ context: ChannelHandlerContext) {
        switch output {
        case nil: break
        case .data(let bytes):
            self.hasDelivered = true
            context.fireChannelRead(Self.wrapInboundOut(bytes))
        case .failure(let text):
            self.fail(.unreachable, text, code: 1000, context)
        case .ended(let status):
            context.fireUserInboundEventTriggered(status)
        case .violation(let text):
            self.fail(.protocolViolation, text, code: 1002, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // A read that brought only frames without data has not been answered yet.
        if self.wantsRead, !self.hasDelivered { context.read() }
        if self.hasDelivered {
            self.wantsRead = false
            self.hasDelivered = false
        }
    }

    private func fail(
        _ code: KubernetesError.Code,
        _ message: String,
        code closeCode: UInt16,
        _ context: ChannelHandlerContext
    ) {
        context.fireErrorCaught(KubernetesError(code, "\(Channels.verb) \(self.what): \(message)"))
        self.shut(context, code: closeCode, promise: nil)
    }

    // MARK: Out

    func read(context: ChannelHandlerContext) {
        self.wantsRead = true
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.isClosing else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        var buffer = Self.unwrapOutboundIn(data)
        let longest = WebSocketWriter.longestPayload - 1
        while buffer.readableBytes > longest, let part = buffer.readSlice(length: longest) {
            let frame = self.writer.message(part, channel: 0, allocator: context.channel.allocator)
            context.write(Self.wrapOutboundOut(frame), promise: nil)
        }
        guard buffer.readableBytes > 0 else {
            // An empty message says nothing; the promise waits for what was written before it.
            context.write(Self.wrapOutboundOut(buffer), promise: promise)
            return
        }
        let frame = self.writer.message(buffer, channel: 0, allocator: context.channel.allocator)
        context.write(Self.wrapOutboundOut(frame), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .all: self.shut(context, code: 1000, promise: promise)
        case .input, .output: promise?.fail(ChannelError.operationUnsupported)
        }
    }

    /// Says goodbye once, then closes what is below.
    private func shut(_ context: ChannelHandlerContext, code: UInt16, promise: EventLoopPromise<Void>?) {
        if !self.isClosing {
            self.isClosing = true
            var payload = context.channel.allocator.buffer(capacity: 2)
            payload.writeInteger(code)
            let frame = self.writer.control(opcode: 0x8, payload, allocator: context.channel.allocator)
            context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
        }
        context.close(mode: .all, promise: promise)
    }
}

/// One forwarded port.
typealias PortForwardHandler = PodStreamHandler<PortForwardDemultiplexer>
/// One command's output.
typealias ExecHandler = PodStreamHandler<ExecDemultiplexer>
