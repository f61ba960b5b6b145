import HTTP2Wire
import NIOCore

/// One end's connection: frames in, frames out, and what both have agreed on.
struct Link: Sendable {
    /// A field block whose end has not come.
    struct Block: Sendable {
        let stream: UInt32
        let endsStream: Bool
        var fragments = 1
        var bytes: [UInt8]
    }

    /// What `nextFrame()` found.
    enum Reading {
        case more
        case frame(FrameHeader, ByteBuffer)
        case tooLong
    }

    var inbox = ByteBuffer()
    var outbox = ByteBuffer()
    var decoder = HPACKDecoder()
    var encoder = HPACKEncoder()
    var block: Block?

    /// What may still be sent of bodies, by what the other end said.
    var sendWindow = 65_535
    /// How much of each new body may be sent.
    var initialSendWindow = 65_535
    /// How many streams the other end takes.
    var maximumStreams = Int.max
    /// What the other end may still send of bodies, and what it has sent that it has not been told of yet.
    var receiveWindow = Bounds.connectionWindow
    var credit = 0
    /// How much of each new body the other end may send before it hears more, as far as it has been told.
    var initialReceiveWindow = Bounds.streamWindow
    /// How many SETTINGS have been sent to it, how many of them it has acknowledged, and the latest that took room from it.
    var sentSettings = 0
    var acknowledgedSettings = 0
    var pressingSettings = 0
    /// How much of what came over this connection is still held here.
    var held = 0

    /// Streams of the client's that have something to send here, in turn.
    var ready = CircularBuffer<UInt32>()
    /// Those of them whose bodies wait for the connection's window; what is no body does not wait behind them.
    var blocked = CircularBuffer<UInt32>()
    /// Those whose bodies wait for their own windows, by how these differ from the initial one: they go on when that is larger than
    /// minus this number.
    var starved = Ranking()
    /// Streams whose windows were larger than the initial one, by how much that was at most.
    var widest = Ranking()
    /// Streams whose senders are to hear of room, under pressure, once the initial window is larger than minus this number.
    var roomless = Ranking()
    /// The next stream this side opens, and the client's stream for each open one. Unused at the client's link.
    var nextStream: UInt32 = 1
    var streams: [UInt32: UInt32] = [:]
    /// The last stream the other end looks at, once it has said that it takes no more.
    var lastAccepted: UInt32?
    /// Whether this end has been told that no more streams are taken, and which was the last.
    var hasGoAway = false

    var hasEnded = false
    var isWritable = true
    private var blockedBytes = 0

    /// Whether the other end reads so little that it must be given nothing more to answer.
    var isCongested: Bool {
        !self.isWritable && self.blockedBytes > Bounds.blockedControl
    }

    /// Whether frames are read that may become something to send here.
    var hasRoom: Bool {
        !self.isCongested && self.outbox.readableBytes < Bounds.expansion
    }

    /// Whether the other end reads nothing at all, and so much waits for it that what it says is not read either.
    var isFlooded: Bool {
        !self.isWritable && self.blockedBytes > Bounds.blockedControl + 2 * Bounds.expansion
    }

    /// Whether a body's bytes would leave at once.
    var takesData: Bool {
        self.isWritable && self.outbox.readableBytes < Bounds.outbox
    }

    /// The stream whose turn it is.
    mutating func nextReady() -> UInt32? {
        if self.sendWindow > 0 {
            // Only streams that will send something: whoever opens and shuts all windows gets no work for it but bytes.
            if let stream = self.starved.pop(above: -self.initialSendWindow) { return stream }
            if let stream = self.blocked.popFirst() { return stream }
        }
        return self.ready.popFirst()
    }

    mutating func setWritable(_ isWritable: Bool) {
        self.isWritable = isWritable
        if isWritable { self.blockedBytes = 0 }
    }

    mutating func takeOutput() -> ByteBuffer? {
        guard self.outbox.readableBytes > 0 else {
            return nil
        }
        let output = self.outbox
        self.outbox = ByteBuffer()
        if !self.isWritable { self.blockedBytes += output.readableBytes }
        return output
    }

    mutating func receive(_ bytes: ByteBuffer) {
        if self.inbox.readableBytes == 0 {
            self.inbox = bytes
        } else {
            // Otherwise a buffer that is never quite empty keeps all it ever held.
            if self.inbox.readerIndex > 0 { self.inbox.discardReadBytes() }
            self.inbox.writeImmutableBuffer(bytes)
        }
    }

    /// The header of the next frame, whether or not all of it is here.
    var nextHeader: FrameHeader? {
        self.inbox.withUnsafeReadableBytes { FrameHeader($0) }
    }

    mutating func nextFrame() -> Reading {
        guard let header = self.nextHeader else {
            // An idle connection keeps nothing of what its last bytes came in.
            if self.inbox.readableBytes == 0 { self.inbox = ByteBuffer() }
            return .more
        }
        guard header.length <= FrameHeader.smallestMaximum else {
            return .tooLong
        }
        guard self.inbox.readableBytes >= FrameHeader.length + header.length else {
            return .more
        }
        self.inbox.moveReaderIndex(forwardBy: FrameHeader.length)
        return .frame(header, self.inbox.readSlice(length: header.length) ?? ByteBuffer())
    }
}
