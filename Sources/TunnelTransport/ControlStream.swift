import NIOCore
import Tunnel

/// The stream of lines that a tunnel begins with, at either end.
final class ControlStream: YamuxConsumer {
    /// Bytes of lines that may wait for a peer that does not read them.
    private static let mostUnsent = 1024 * 1024

    private let tunnel: YamuxHandler
    private let onLine: (String) -> Void
    private var stream: UInt32 = 0
    private var received = ByteBuffer()
    private var unsent = ByteBuffer()
    private var isOver = false

    init(tunnel: YamuxHandler, onLine: @escaping (String) -> Void) {
        self.tunnel = tunnel
        self.onLine = onLine
    }

    /// Takes a stream that exists.
    func attach(_ stream: UInt32) {
        self.stream = stream
    }

    /// Opens the stream.
    func open() throws(TunnelError) {
        self.stream = try self.tunnel.open(self)
    }

    /// Sends a line; false when it was dropped because the peer reads none, or because it is too long.
    @discardableResult
    func send(_ line: String) -> Bool {
        guard !self.isOver, line.utf8.count < ControlMessage.longest, !line.utf8.contains(UInt8(ascii: "\n")),
            self.unsent.readableBytes + line.utf8.count < Self.mostUnsent
        else { return false }
        self.unsent.writeString(line)
        self.unsent.writeInteger(UInt8(ascii: "\n"))
        self.streamMaySend()
        return true
    }

    func streamAcknowledged() {}

    func streamMaySend() {
        guard self.unsent.readableBytes > 0 else { return }
        self.tunnel.send(self.stream, &self.unsent)
        if self.unsent.readableBytes == 0 { self.unsent = ByteBuffer() }
    }

    func streamReceived(_ bytes: ByteBuffer) {
        self.received.writeImmutableBuffer(bytes)
        self.tunnel.consumed(self.stream, bytes.readableBytes)
        while !self.isOver, let end = self.received.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let length = end - self.received.readerIndex
            guard length < ControlMessage.longest else { return self.refuse("a control line of \(length) bytes") }
            let bytes = self.received.readBytes(length: length) ?? []
            self.received.moveReaderIndex(forwardBy: 1)
            guard let line = String(validating: bytes, as: UTF8.self) else {
                return self.refuse("a control line that is not UTF-8")
            }
            self.onLine(line)
        }
        guard self.received.readableBytes < ControlMessage.longest else {
            return self.refuse("a control line without an end")
        }
        self.received.discardReadBytes()
    }

    private func refuse(_ what: String) {
        self.isOver = true
        self.tunnel.end(TunnelError(.protocolViolation, "the peer sent \(what)"))
    }

    func streamCycleEnded() {}

    func streamFinished() {
        guard !self.isOver else { return }
        self.isOver = true
        self.tunnel.end(TunnelError(.closedByPeer, "the peer closed the control stream"))
    }

    func streamReset(_ reason: TunnelError) {
        guard !self.isOver else { return }
        self.isOver = true
        self.tunnel.end(TunnelError(.closedByPeer, "the peer reset the control stream"))
    }
}
