import NIOCore
import NIOSSL
import ProxyCore

/// One side of a client connection. It keeps the side's bytes and passes events on; the machine in `Connection` decides.
///
/// How the bytes come and go is a subclass's: over a channel (`ChannelSide`) or a bare socket (`SocketSide`). Everything
/// happens on the connection's loop.
class SideHandler {
    let side: Side
    /// The connection this side belongs to; `nil` once the side is of no more interest.
    var connection: Connection?
    /// Bytes that came in and have not been used.
    var held = ByteBuffer()
    /// Whether the machine wants no more bytes of this side for now.
    var isBlocked: Bool
    /// Whether bytes that go out wait for a flush.
    var needsFlush = false
    /// Whether bytes sent to this side leave at once.
    var isWritable = true
    /// Whether the connection to the other end is open.
    var isActive = false
    /// Whether the sending half has been ended, or is about to be.
    var isFinishing = false
    /// Whether the sending half has been ended, all bytes before it included.
    var hasFinished = false
    /// Whether the other end has ended its sending half.
    private(set) var hasEnded = false
    /// Whether this side is being closed by us.
    var isClosing = false
    /// Whether the connection broke.
    var hasFailed = false
    /// Whether the other end ended its connection without the goodbye of TLS (RFC 8446 section 6.1).
    var hasEndedSilently = false
    /// Whether the tunnel's first byte is still to come.
    var awaitsAcknowledgement = false
    /// Which of an HTTP/2 client's connections into tunnels this is.
    var laptop = 0

    init(_ side: Side, _ connection: Connection) {
        self.side = side
        self.connection = connection
        self.isBlocked = side == .client
    }

    /// The addresses of the two ends, as far as they are known.
    var addresses: (remote: SocketAddress?, local: SocketAddress?) { (nil, nil) }

    /// Opens the connection this side is of; `failed` is called when that does not work, and nothing else then.
    func connect(to address: SocketAddress, within timeout: TimeAmount, orElse failed: @escaping () -> Void) {}

    /// Puts TLS between this side and its socket, and gives it the bytes that came before.
    func secure(with handler: NIOSSLHandler, beginningWith bytes: ByteBuffer) throws {
        throw ChannelError.operationUnsupported
    }

    /// All bytes held.
    func takeAll() -> ByteBuffer { self.take(self.held.readableBytes) }

    /// Reads on if something that stood in the way is gone.
    func resumeReading() {}

    /// Queues bytes for this side; `false` when there is nobody to send them to.
    func send(_ bytes: ByteBuffer) -> Bool { false }

    /// Lets go what was queued.
    func flush() {}

    /// Ends the sending half behind the last byte.
    ///
    /// - Parameter silently: without the goodbye of TLS.
    func finish(silently: Bool) {}

    /// Closes the connection behind the last byte.
    func close() {}

    /// Closes the connection so that the other end sees a reset.
    func reset() {}
}

extension SideHandler {
    /// The first `count` bytes held; all of them without a copy.
    @inline(__always)
    final func take(_ count: Int) -> ByteBuffer {
        if count == self.held.readableBytes {
            let all = self.held
            self.held = ByteBuffer()
            return all
        }
        return self.held.readSlice(length: count) ?? ByteBuffer()
    }

    /// The connection to the other end is open.
    final func becomeActive() {
        self.isActive = true
        self.connection?.becameActive(self)
    }

    /// Bytes have come.
    @inline(__always)
    final func receive(_ bytes: ByteBuffer) {
        guard let connection = self.connection else {
            return
        }
        if self.held.readableBytes == 0 {
            self.held = bytes
        } else {
            // Otherwise a buffer that is never quite empty keeps all it ever held.
            if self.held.readerIndex > 0 { self.held.discardReadBytes() }
            self.held.writeImmutableBuffer(bytes)
        }
        connection.received(self)
        if self.connection == nil {
            // Let go of meanwhile: the end of this read will not reach the connection.
            connection.flush()
        }
    }

    /// The other end has sent its last byte.
    final func end() {
        guard !self.hasEnded else {
            return
        }
        self.hasEnded = true
        self.connection?.ended(self)
    }

    /// The connection to the other end is gone. An end may have been seen before, and after our own end it may come as this
    /// only; anything else was a reset.
    final func becomeInactive() {
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
}
