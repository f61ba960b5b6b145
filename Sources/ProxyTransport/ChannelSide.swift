import HTTPWire
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import ProxyCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One side of a client connection whose socket is a channel's: the only handler in it, but for TLS.
final class ChannelSide: SideHandler, ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private(set) var context: ChannelHandlerContext?
    /// TLS between this side and its socket; nil where there is none.
    private var tls: NIOSSLHandler?
    /// Whether TLS's handshake is done.
    private var isSecured = false
    /// Whether our end was shown without the goodbye of TLS.
    private var hasFinishedSilently = false
    private var withheldRead = false

    override var addresses: (remote: SocketAddress?, local: SocketAddress?) {
        (self.context?.channel.remoteAddress, self.context?.channel.localAddress)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.becomeActive()
        // Given up while it was being opened.
        if self.connection == nil { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.receive(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.connection?.flush()
    }

    /// Reading is gated here: switching autoRead off and on would cost a system call each time.
    func read(context: ChannelHandlerContext) {
        if self.connection?.wantsBytes(self) ?? true {
            context.read()
        } else {
            self.withheldRead = true
        }
    }

    override func resumeReading() {
        if self.withheldRead, self.connection?.wantsBytes(self) ?? true {
            self.withheldRead = false
            self.context?.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        self.connection?.writabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.end()
        } else if case .handshakeCompleted(let name) = event as? TLSUserEvent {
            self.isSecured = true
            self.connection?.secured(self, applicationProtocol: name)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.tls != nil, case .uncleanShutdown = error as? NIOSSLError {
            // An end or a reset of the connection below follows, and is what counts.
            self.hasEndedSilently = true
            return
        }
        self.hasFailed = true
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.becomeInactive()
    }

    override func connect(to address: SocketAddress, within timeout: TimeAmount, orElse failed: @escaping () -> Void) {
        guard let loop = self.connection?.state.loop else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        var bootstrap = ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
        if address.port != nil {
            bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
        }
        bootstrap.connect(to: address).assumeIsolated().whenFailure { _ in
            self.connection = nil
            failed()
        }
    }

    override func send(_ bytes: ByteBuffer) -> Bool {
        guard self.isActive, !self.isFinishing, let context = self.context else {
            return false
        }
        self.needsFlush = true
        context.write(self.wrapOutboundOut(bytes), promise: nil)
        return true
    }

    override func flush() {
        if self.needsFlush {
            self.needsFlush = false
            self.context?.flush()
        }
    }

    /// After the other end's end, ending ours closes the channel and drops what is queued; so the queue is waited for.
    override func finish(silently: Bool) {
        guard let context = self.context, !self.isFinishing else {
            return
        }
        self.isFinishing = true
        self.needsFlush = false
        self.hasFinishedSilently = silently
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            let end = silently ? self.socket ?? context : context
            end.close(mode: .output, promise: nil)
            self.hasFinished = true
            self.connection?.finished(self)
        }
    }

    override func close() {
        guard let context = self.context, !self.isClosing else {
            return
        }
        self.isClosing = true
        self.isFinishing = true
        self.needsFlush = false
        if self.tls != nil, !self.isSecured {
            // TLS holds everything back until a handshake that may never end.
            (self.socket ?? context).close(promise: nil)
            return
        }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            let end = self.hasFinishedSilently ? self.socket ?? context : context
            end.close(promise: nil)
        }
    }

    override func reset() {
        guard let context = self.context else {
            return
        }
        self.isClosing = true
        if self.side != .upstream {
            _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        (self.socket ?? context).close(promise: nil)
    }

    override func secure(with handler: NIOSSLHandler, beginningWith bytes: ByteBuffer) throws {
        guard let context = self.context else { throw ChannelError.alreadyClosed }
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(handler, position: .first)
        self.tls = handler
        guard bytes.readableBytes > 0 else { return }
        pipeline.fireChannelRead(NIOAny(bytes))
        pipeline.fireChannelReadComplete()
    }

    /// The pipeline's end at the socket: what is done there, TLS does not speak of.
    private var socket: ChannelHandlerContext? {
        guard let tls = self.tls, let context = self.context else { return self.context }
        return (try? context.pipeline.syncOperations.context(handler: tls)) ?? context
    }
}
