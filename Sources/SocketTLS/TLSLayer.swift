public import HandshakeFault
public import NIOCore
import NIOSSL
import NIOTLS

/// TLS of one connection (RFC 8446, RFC 5246) as a value turns into another: what comes over the wire in, what was said out, and
/// back. Whoever has the socket feeds it and sends what it gives. It belongs to one event loop.
public final class TLSLayer {
    /// How far it has come.
    public enum Stage: Hashable, Sendable {
        /// The two ends do not agree on keys yet.
        case handshake
        /// Bytes pass.
        case open
        /// There was no agreement; the other end has been told why, where it can be.
        case failed(HandshakeFault)
        /// What came is not what the other end has sent, or it broke the rules.
        case broken
    }

    /// How far it has come.
    public private(set) var stage = Stage.handshake
    /// Whether the other end has said that nothing follows (`close_notify`, RFC 8446 section 6.1).
    public private(set) var hasEnded = false
    /// What was agreed on by ALPN (RFC 7301).
    public private(set) var applicationProtocol: String?
    /// What has come and has not been taken.
    private var received = ByteBuffer()
    private(set) var channel: TLSChannel?
    private let send: (ByteBuffer) -> Void

    /// The server's side, which waits for the client's first message.
    ///
    /// - Parameter send: sends bytes to the other end, in their order.
    public init(_ context: TLSServerContext, on loop: any EventLoop, send: @escaping (ByteBuffer) -> Void) throws {
        self.send = send
        let channel = TLSChannel(on: loop, owner: self)
        self.channel = channel
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(Tail(self))
        // Now it begins.
        try pipeline.addHandler(NIOSSLServerHandler(context: context.context), position: .first)
    }

    /// Bytes have come over the wire.
    public func take(_ bytes: ByteBuffer) {
        guard let pipeline = self.channel?.pipeline.syncOperations else { return }
        pipeline.fireChannelRead(NIOAny(bytes))
        pipeline.fireChannelReadComplete()
    }

    /// What the other end has said since this was asked last; nil for nothing.
    public func said() -> ByteBuffer? {
        guard self.received.readableBytes > 0 else { return nil }
        defer { self.received = ByteBuffer() }
        return self.received
    }

    /// Says something, once there are keys.
    public func say(_ bytes: UnsafeRawBufferPointer) {
        guard let channel = self.channel else { return }
        var buffer = channel.allocator.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        channel.pipeline.syncOperations.writeAndFlush(NIOAny(buffer), promise: nil)
    }

    /// Says that nothing follows.
    public func finish() { self.channel?.pipeline.syncOperations.close(mode: .output, promise: nil) }

    /// The connection is gone: nothing more is sent, and all memory given back.
    public func end() {
        self.channel?.end()
        self.channel = nil
    }

    /// The last in the pipeline: what the handler before it has decrypted, and what it has to tell.
    private final class Tail: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private weak var layer: TLSLayer?

        init(_ layer: TLSLayer) { self.layer = layer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let layer = self.layer else { return }
            var bytes = self.unwrapInboundIn(data)
            if layer.received.readableBytes == 0 {
                layer.received = bytes
            } else {
                layer.received.writeBuffer(&bytes)
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted(let name) = event as? TLSUserEvent {
                self.layer?.stage = .open
                self.layer?.applicationProtocol = name
            } else if let event = event as? ChannelEvent, event == .inputClosed {
                self.layer?.hasEnded = true
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { self.layer?.fail(error) }
    }

    private func fail(_ error: any Error) {
        switch self.stage {
        case .handshake: self.stage = .failed(HandshakeFault(error) ?? .refused(nil))
        case .open: self.stage = .broken
        case .failed, .broken: break
        }
    }
}

extension TLSLayer: TLSChannelOwner {
    func emit(_ bytes: ByteBuffer) { if bytes.readableBytes > 0 { self.send(bytes) } }

    func handlerClosed(_ mode: CloseMode) {}
}
