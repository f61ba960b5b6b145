public import HTTP2Wire
public import NIOCore
public import ProxyCore

/// The relay of one client's HTTP/2 connection, as a value: bytes and events go in, bytes and actions come out.
///
/// The shell hands over what came with `receive(_:from:)`, tells what else happened with a verb, and then calls `step()` until it answers
/// `wait`; what is to be sent lies in `takeOutput(_:)`. There is no clock here, and no I/O.
///
/// What holds at every moment:
/// - A stream that no route takes is the original's: its fields go on byte for byte and in order, its body, its end and its reset
///   likewise, and PING, SETTINGS and GOAWAY of the two ends pass between them.
/// - Nothing of a request goes into a tunnel before the process behind it has said that it speaks HTTP/2.
/// - At most `Bounds.streamWindow` bytes of a body are held in each direction (twice that for a while, where room was taken from its
///   sender or given back), and `Bounds.heldBytes` and one `Bounds.connectionWindow` of all bodies of a connection. From half of that on their senders get to know the windows of
///   the receivers instead of ours, so that streams nobody reads do not fill it.
public struct HTTP2Relay: Sendable {
    /// What the shell does next.
    public enum Action: Hashable, Sendable {
        /// Nothing until something comes.
        case wait
        /// The client does not speak HTTP/2 after all: all it sent, in `takeInput(_:)`, and what the original sent, is for others.
        case raw
        /// Say which route takes the request that opens this stream; answered by `routed(_:_:)`.
        case route(UInt32, FieldList)
        /// Open the connection of this number into a tunnel; answered by `laptopAccepted(_:)` or `laptopFailed(_:_:)`.
        case connect(Int, Route)
        /// Let go of the connection of this number.
        case disconnect(Int)
        /// Keep these bytes as a copy of what the client, or the original, sent on this stream of the client's; see `CopiedMessage`.
        case copy(UInt32, Side, ByteBuffer)
        /// Write a log line for this stream of the client's; 0 stands for the connection.
        case log(UInt32, Record)
        /// End the sending half of the connection to this end, after its output.
        case finish(Peer)
        /// Close every connection, each after its output.
        case closeAll
        /// Reset every connection.
        case resetAll
    }

    enum Phase {
        /// The client's preface and its SETTINGS are still to come.
        case preface
        /// The original's SETTINGS are still to come.
        case greeting
        case relaying
        /// The original does not speak HTTP/2; the client gets to see what it says.
        case raw
        /// The client reads its last bytes.
        case closing
        case closed
    }

    var phase = Phase.preface
    var client = Link()
    var original = Link()
    var laptops: [Int: Laptop] = [:]
    var streams: [UInt32: RelayedStream] = [:]
    var actions = CircularBuffer<Action>()
    /// The newest stream of the client's that was looked at.
    var lastStream: UInt32 = 0
    /// The stream whose route has been asked for.
    var routing: UInt32?
    var nextLaptop = 0
    /// What the client's SETTINGS say that its servers are to know.
    var clientLimits: [Setting] = []
    var isDraining = false
    var announcesClose = false
    var hasPassedClientEnd = false
    var awaitsDrainPing = false
    var rawBytesOut = 0
    /// How much the fields of diverted requests take.
    var keptFields = 0
    /// How many streams have been looked at because they might send, or a window had changed; tests hold it against what came.
    var looks = 0

    /// A relay whose client has sent nothing that was read.
    public init() {}

    /// Takes bytes that came from an end.
    public mutating func receive(_ bytes: ByteBuffer, from peer: Peer) {
        guard self.has(peer) else {
            return
        }
        self[peer].receive(bytes)
    }

    /// What is to be sent to an end now; nil when there is nothing.
    public mutating func takeOutput(_ peer: Peer) -> ByteBuffer? {
        self.has(peer) ? self[peer].takeOutput() : nil
    }

    /// What came from an end and was not used, after `Action.raw`.
    public mutating func takeInput(_ peer: Peer) -> ByteBuffer {
        defer { self[peer].inbox = ByteBuffer() }
        return self[peer].inbox
    }

    /// Says whether bytes for an end would leave at once.
    public mutating func setWritable(_ peer: Peer, _ isWritable: Bool) {
        guard self.has(peer), self[peer].isWritable != isWritable else {
            return
        }
        self[peer].setWritable(isWritable)
        if isWritable, case .laptop(let number) = peer { self.serveWaiting(number) }
    }

    /// Whether more bytes of an end are wanted.
    public func wantsBytes(_ peer: Peer) -> Bool {
        switch peer {
        case .client:
            self.phase == .closing
                || !self.client.isCongested && !self.original.isCongested
                    && self.client.inbox.readableBytes < Bounds.connectionWindow
        case .original:
            // A server that writes before it reads on must be read, or both would wait for ever. After the client's end
            // there is no window left to hold it back with.
            !self.client.isCongested && !self.original.isFlooded
                && !(self.hasPassedClientEnd && self.original.held > Bounds.heldBytes)
        case .laptop(let number): !self.client.isCongested && self.laptops[number]?.link.isCongested != true
        }
    }

    /// Whether closing the connection now would cut something off.
    public var isBusy: Bool {
        switch self.phase {
        case .preface, .greeting, .raw: true
        case .relaying: !self.streams.isEmpty
        case .closing, .closed: false
        }
    }

    /// What the shell's timer should wait for; the time for a tunnel's answer is each connection's own.
    public var deadline: Deadline? {
        switch self.phase {
        case .preface: .head
        case .closing: .linger
        case .greeting, .relaying, .raw, .closed: nil
        }
    }

    /// The next thing to do.
    public mutating func step() -> Action {
        while true {
            if let action = self.actions.popFirst() {
                return action
            }
            if self.advance() { continue }
            self.flush()
            self.weighAll()
            if self.actions.isEmpty { self.checkEnd() }
            if self.actions.isEmpty {
                return .wait
            }
        }
    }

    private mutating func advance() -> Bool {
        switch self.phase {
        case .preface: return self.readPreface()
        case .greeting: return self.readGreeting()
        case .relaying:
            if self.reads(.client), self.readFrame(.client) { return true }
            if self.reads(.original), self.readFrame(.original) { return true }
            for number in self.laptops.keys where self.reads(.laptop(number)) && self.readFrame(.laptop(number)) {
                return true
            }
            return false
        case .raw: return self.passRaw()
        case .closing:
            self.client.inbox.clear()
            guard self.client.hasEnded else { return false }
            self.end(reset: false)
            return true
        case .closed: return false
        }
    }
}

extension HTTP2Relay {
    /// Whether frames of an end are looked at now: what they become must find room.
    func reads(_ peer: Peer) -> Bool {
        switch peer {
        case .client: self.routing == nil && self.original.hasRoom
        case .original, .laptop: self.client.hasRoom
        }
    }

    /// Whether there is such an end.
    func has(_ peer: Peer) -> Bool {
        guard case .laptop(let number) = peer else {
            return true
        }
        return self.laptops[number] != nil
    }

    /// The connection of an end that is there.
    subscript(peer: Peer) -> Link {
        _read {
            switch peer {
            case .client: yield self.client
            case .original: yield self.original
            case .laptop(let number): yield self.laptops[number, default: Laptop()].link
            }
        }
        _modify {
            switch peer {
            case .client: yield &self.client
            case .original: yield &self.original
            case .laptop(let number): yield &self.laptops[number, default: Laptop()].link
            }
        }
    }

    /// The client's stream that a frame of an end is about.
    func streamID(_ peer: Peer, _ stream: UInt32) -> UInt32? {
        peer == .client ? (self.streams[stream] == nil ? nil : stream) : self[peer].streams[stream]
    }
}
