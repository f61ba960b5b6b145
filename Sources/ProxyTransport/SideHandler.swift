import HTTPWire
import NIOCore
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

/// One side of a client connection: the only handler in its channel. It keeps the side's bytes and passes events on; the machine
/// in `Connection` decides.
final class SideHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let side: Side
    /// The connection this side belongs to; `nil` once the side is of no more interest.
    var connection: Connection?
    private(set) var context: ChannelHandlerContext?
    /// Bytes that came in and have not been used.
    var held = ByteBuffer()
    /// Whether the machine wants no more bytes of this side for now.
    var isBlocked: Bool
    /// Whether bytes that go out wait for a flush.
    var needsFlush = false
    /// Whether the sending half has been ended, or is about to be.
    var isFinishing = false
    /// Whether the sending half has been ended, all bytes before it included.
    var hasFinished = false
    /// Whether the other end has ended its sending half.
    var hasEnded = false
    /// Whether this side is being closed by us.
    var isClosing = false
    /// Whether the tunnel's first byte is still to come.
    var awaitsAcknowledgement = false
    /// TLS between this side and its socket; nil where there is none.
    var tls: NIOSSLHandler?
    /// Whether TLS's handshake is done.
    private var isSecured = false
    /// Whether the other end ended its connection without the goodbye of TLS (RFC 8446 section 6.1).
    private(set) var hasEndedSilently = false
    /// Whether our end was shown without it.
    private var hasFinishedSilently = false
    /// Which of an HTTP/2 client's connections into tunnels this is.
    var laptop = 0
    /// Whether bytes sent to this side leave at once; the channel's own answer costs more than its news of a change.
    private(set) var isWritable = true
    private var isActive = false
    private var hasFailed = false
    private var withheldRead = false

    init(_ side: Side, _ connection: Connection) {
        self.side = side
        self.connection = connection
        self.isBlocked = side == .client
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.isActive = true
        if let connection = self.connection {
            connection.becameActive(self)
        } else {
            // Given up while it was being opened.
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let connection = self.connection else {
            return
        }
        var bytes = self.unwrapInboundIn(data)
        if self.held.readableBytes == 0 {
            self.held = bytes
        } else {
            self.held.writeBuffer(&bytes)
        }
        connection.received(self)
        if self.connection == nil {
            // Let go of meanwhile: the end of this read will not reach the connection.
            connection.flush()
        }
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

    /// Reads on if something that stood in the way is gone.
    func resumeReading() {
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

    /// An end may have been seen before, and after our own end it comes as this event only; anything else was a reset.
    func channelInactive(context: ChannelHandlerContext) {
        self.isActive = false
        guard let connection = self.connection else {
            return
        }
        if !self.isClosing {
            if self.hasFailed || (self.hasEnded ? !self.isFinishing && self.side != .upstream : !self.isFinishing) {
                connection.wasReset(self)
            } else if !self.hasEnded {
                self.end()
            }
        }
        connection.becameInactive(self)
        self.connection = nil
    }

    private func end() {
        guard !self.hasEnded else {
            return
        }
        self.hasEnded = true
        self.connection?.ended(self)
    }
}

extension SideHandler {
    /// The first `count` bytes held; all of them without a copy.
    @inline(__always)
    func take(_ count: Int) -> ByteBuffer {
        if count == self.held.readableBytes {
            let all = self.held
            self.held = ByteBuffer()
            return all
        }
        return self.held.readSlice(length: count) ?? ByteBuffer()
    }

    /// Queues bytes for this side; `false` when there is nobody to send them to.
    func send(_ bytes: ByteBuffer) -> Bool {
        guard self.isActive, !self.isFinishing, let context = self.context else {
            return false
        }
        self.needsFlush = true
        context.write(self.wrapOutboundOut(bytes), promise: nil)
        return true
    }

    func flush() {
        if self.needsFlush {
            self.needsFlush = false
            self.context?.flush()
        }
    }

    /// Ends the sending half behind the last byte.
    ///
    /// After the other end's end, ending ours closes the channel and drops what is queued; so the queue is waited for.
    ///
    /// - Parameter silently: without the goodbye of TLS.
    func finish(silently: Bool = false) {
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

    /// Closes the channel behind the last byte.
    func close() {
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

    /// Closes the channel so that the other end sees a reset.
    func reset() {
        guard let context = self.context else {
            return
        }
        self.isClosing = true
        if self.side != .upstream {
            _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        (self.socket ?? context).close(promise: nil)
    }
}
