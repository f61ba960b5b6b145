import NIOCore
import Tunnel

@testable import TunnelTransport

/// A stream that sends what it is given as credit comes, and finishes when asked.
class QueuedStream: YamuxConsumer {
    let mux: YamuxHandler
    var number: UInt32 = 0
    var unsent = ByteBuffer()
    var received = ByteBuffer()
    var wasAcknowledged = false
    private var finishes = false
    private var hasFinished = false

    init(_ mux: YamuxHandler) { self.mux = mux }

    func send(_ bytes: ByteBuffer, andFinish: Bool) {
        self.unsent.writeImmutableBuffer(bytes)
        self.finishes = andFinish
        self.streamMaySend()
    }

    func streamAcknowledged() { self.wasAcknowledged = true }

    func streamMaySend() {
        self.mux.send(self.number, &self.unsent)
        guard self.finishes, !self.hasFinished, self.unsent.readableBytes == 0 else { return }
        self.hasFinished = true
        self.mux.finish(self.number)
    }

    func streamReceived(_ bytes: ByteBuffer) {
        self.received.writeImmutableBuffer(bytes)
        self.mux.consumed(self.number, bytes.readableBytes)
    }

    func streamCycleEnded() {}
    func streamFinished() {}
    func streamReset(_ reason: TunnelError) {}
}

/// Answers a stream with the checksum of its content, then the content, then the end.
final class ChecksumEcho: QueuedStream {
    override func streamReceived(_ bytes: ByteBuffer) {
        super.streamReceived(bytes)
        guard let size: UInt32 = self.received.getInteger(at: self.received.readerIndex + 4),
            self.received.readableBytes == Int(size) + 8
        else { return }
        self.received.moveReaderIndex(forwardBy: 8)
        var answer = ByteBuffer(integer: Self.checksum(self.received.readableBytesView))
        answer.writeBuffer(&self.received)
        self.send(answer, andFinish: true)
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    }

    private static func checksum(_ bytes: ByteBufferView) -> UInt32 {
        ~bytes.withUnsafeBytes { bytes in
            bytes.reduce(0xffff_ffff) { $0 >> 8 ^ Self.table[Int(($0 ^ UInt32($1)) & 255)] }
        }
    }
}

/// Sends content, finishes as soon as it is acknowledged, and expects the same back.
final class EchoClient: QueuedStream {
    private let content: ByteBuffer
    private let onEnd: (Bool) -> Void

    init(_ mux: YamuxHandler, _ content: ByteBuffer, onEnd: @escaping (Bool) -> Void) {
        self.content = content
        self.onEnd = onEnd
        super.init(mux)
    }

    /// HashiCorp's yamux forgets to acknowledge a stream whose finish it has seen before accepting it.
    override func streamAcknowledged() {
        super.streamAcknowledged()
        self.send(ByteBuffer(), andFinish: true)
    }

    override func streamFinished() {
        self.onEnd(self.wasAcknowledged && self.received == self.content)
    }

    override func streamReset(_ reason: TunnelError) {
        self.onEnd(false)
    }
}

/// Joins a handler to a test.
final class InteropEnd: YamuxHandlerDelegate {
    private(set) var mux: YamuxHandler?
    private let onEnd: (TunnelError) -> Void
    var opened = 0

    init(role: YamuxSession.Role, timing: TunnelTiming, onEnd: @escaping (TunnelError) -> Void) {
        self.onEnd = onEnd
        var limits = YamuxLimits()
        limits.backlog = 256
        self.mux = YamuxHandler(role: role, limits: limits, timing: timing, delegate: self)
    }

    func tunnelReady() {}

    func streamOpened(_ number: UInt32) throws(TunnelError) -> (any YamuxConsumer)? {
        guard let mux = self.mux else { return nil }
        self.opened += 1
        let stream = ChecksumEcho(mux)
        stream.number = number
        mux.accept(number)
        return stream
    }

    func tunnelEnded(_ reason: TunnelError) {
        self.mux = nil
        self.onEnd(reason)
    }
}
