public import NIOCore

/// What received bytes mean, one thing at a time and in order.
public enum YamuxEvent: Sendable, Hashable {
    /// The peer opened a stream; `accept(_:)` acknowledges it, `reset(_:)` refuses it.
    case opened(UInt32)
    /// The peer acknowledged a stream opened here.
    case acknowledged(UInt32)
    /// More may be sent on a stream.
    case credited(UInt32)
    /// Bytes of a stream; tell `consumed(_:_:)` when they are out of the way.
    case data(UInt32, ByteBuffer)
    /// The peer sends no more on a stream.
    case finished(UInt32)
    /// The peer ended a stream at once.
    case reset(UInt32)
    /// A frame to write back.
    case reply(YamuxHeader)
    /// The peer answered the ping of this number.
    case pong(UInt32)
    /// The peer accepts no more streams; those that live go on.
    case refusesStreams
}

/// Where the reader is between two calls.
struct YamuxInbox: Sendable {
    /// Bytes of a header that came in pieces.
    var header = ByteBuffer()
    /// The stream whose payload or flags are being told.
    var stream: UInt32 = 0
    /// Payload bytes of the current frame still to come.
    var remaining = 0
    /// The payload belongs to nobody.
    var discards = false
    /// What the current frame's header still has to tell before its payload.
    var before: Notices = []
    /// What it has to tell after its payload.
    var after: Notices = []

    struct Notices: OptionSet, Sendable {
        let rawValue: UInt8
        static let opened = Self(rawValue: 1)
        static let acknowledged = Self(rawValue: 2)
        static let credited = Self(rawValue: 4)
        static let finished = Self(rawValue: 8)
        static let reset = Self(rawValue: 16)
    }
}

extension YamuxSession {
    /// The next event in `buffer`, taking the bytes it needs; nil when more bytes are needed.
    ///
    /// Call until nil. After a throw the session is over: write `protocolErrorFarewell`, close, feed it nothing more.
    public mutating func receive(_ buffer: inout ByteBuffer) throws(TunnelError) -> YamuxEvent? {
        while true {
            if !self.inbox.before.isEmpty {
                if let event = self.tellBefore() { return event }
                continue
            }
            if self.inbox.remaining > 0 {
                guard buffer.readableBytes > 0 else { return nil }
                if let event = self.takePayload(&buffer) { return event }
                continue
            }
            if !self.inbox.after.isEmpty {
                if let event = self.tellAfter() { return event }
                continue
            }
            guard let header = try self.takeHeader(&buffer) else { return nil }
            switch header.kind {
            case .data, .windowUpdate: try self.begin(header)
            case .ping: return try Self.pinged(header)
            case .goAway: return try self.goneAway(header)
            }
        }
    }

    private mutating func takeHeader(_ buffer: inout ByteBuffer) throws(TunnelError) -> YamuxHeader? {
        if self.inbox.header.readableBytes == 0,
            let (word, length) = buffer.readMultipleIntegers(as: (UInt64, UInt32).self)
        {
            return try YamuxHeader(leadingWord: word, length: length)
        }
        let missing = YamuxHeader.size - self.inbox.header.readableBytes
        if var piece = buffer.readSlice(length: min(missing, buffer.readableBytes)) {
            self.inbox.header.writeBuffer(&piece)
        }
        guard let (word, length) = self.inbox.header.readMultipleIntegers(as: (UInt64, UInt32).self) else { return nil }
        self.inbox.header.clear()
        return try YamuxHeader(leadingWord: word, length: length)
    }

    private mutating func takePayload(_ buffer: inout ByteBuffer) -> YamuxEvent? {
        let count = min(self.inbox.remaining, buffer.readableBytes)
        guard let payload = buffer.readSlice(length: count) else { return nil }
        self.inbox.remaining -= count
        // A stream may have been reset here in the middle of a frame.
        guard !self.inbox.discards, self.streams.index(forKey: self.inbox.stream) != nil else { return nil }
        return .data(self.inbox.stream, payload)
    }

    private mutating func begin(_ header: YamuxHeader) throws(TunnelError) {
        let number = header.stream
        if header.flags.contains(.syn) {
            try self.offer(number, flags: header.flags)
        } else {
            try self.checkKnown(number)
        }
        self.inbox.stream = number
        self.inbox.remaining = header.kind == .data ? Int(header.length) : 0
        guard let index = self.streams.index(forKey: number) else {
            guard self.inbox.remaining <= self.limits.window else {
                throw .violation(
                    "a frame of \(header.length) bytes for stream \(number), which is over, exceeds any window"
                )
            }
            self.inbox.discards = true
            return
        }
        self.inbox.discards = false
        if header.flags.contains(.ack), self.streams.values[index].opening == .requested {
            self.streams.values[index].opening = .established
            self.requested -= 1
            self.inbox.before.insert(.acknowledged)
        }
        if header.kind == .data {
            try self.charge(index, header)
        } else if header.length > 0 {
            self.streams.values[index].sendWindow += Int(header.length)
            guard self.streams.values[index].sendWindow <= Int(UInt32.max) else {
                throw .violation("the window of stream \(number) grew beyond 4 GiB")
            }
            self.inbox.before.insert(.credited)
        }
        if header.flags.contains(.rst) {
            self.inbox.after = .reset
        } else if header.flags.contains(.fin) {
            guard !self.streams.values[index].remoteFinished else {
                throw .violation("the peer finished stream \(number) twice")
            }
            self.inbox.after = .finished
        }
    }

    /// Registers a stream the peer opens, or leaves it unregistered (and answers with a reset) when there is no room.
    private mutating func offer(_ number: UInt32, flags: YamuxFlags) throws(TunnelError) {
        guard number & 1 == (self.role == .client ? 0 : 1), number != 0 else {
            throw .violation("the peer opened stream \(number), a number that is this end's to give")
        }
        try self.claim(number)
        guard !flags.contains(.ack) else {
            throw .violation("the peer opened and acknowledged stream \(number) in one frame")
        }
        guard self.streams.count < self.limits.streams else {
            throw .violation("the peer opened more than \(self.limits.streams) streams")
        }
        self.streams[number] = YamuxStream(opening: .offered)
        self.offered += 1
        self.inbox.before.insert(.opened)
    }

    /// Makes sure that a number was never used.
    ///
    /// A peer with threads may give out numbers in one order and send them in another, so gaps are remembered, up to a
    /// bound.
    private mutating func claim(_ number: UInt32) throws(TunnelError) {
        if number < self.highestPeerStream, self.skippedPeerStreams.remove(number) != nil { return }
        guard number > self.highestPeerStream else {
            throw .violation("the peer opened stream \(number) for the second time")
        }
        let first = self.highestPeerStream == 0 ? (self.role == .client ? 2 : 1) : self.highestPeerStream + 2
        guard Int(number - first) / 2 + self.skippedPeerStreams.count <= self.limits.backlog else {
            throw .violation("the peer opened stream \(number) after stream \(self.highestPeerStream)")
        }
        for skipped in stride(from: first, to: number, by: 2) { self.skippedPeerStreams.insert(skipped) }
        self.highestPeerStream = number
    }

    private func checkKnown(_ number: UInt32) throws(TunnelError) {
        let isOurs = number & 1 == (self.role == .client ? 1 : 0)
        let isKnown =
            isOurs
            ? number < self.nextStream
            : number <= self.highestPeerStream && !self.skippedPeerStreams.contains(number)
        guard number != 0, isKnown else {
            throw .violation("the peer sent a frame for stream \(number), which was never opened")
        }
    }

    private mutating func charge(
        _ index: Dictionary<UInt32, YamuxStream>.Index,
        _ header: YamuxHeader
    ) throws(TunnelError) {
        let length = Int(header.length)
        guard !self.streams.values[index].remoteFinished || length == 0 else {
            throw .violation("the peer sent data on stream \(header.stream) after finishing it")
        }
        let window = self.streams.values[index].receiveWindow
        guard length <= window else {
            throw .violation("\(length) bytes on stream \(header.stream), whose window has \(window) left")
        }
        self.streams.values[index].receiveWindow = window - length
    }

    private mutating func tellBefore() -> YamuxEvent? {
        let number = self.inbox.stream
        if self.inbox.before.remove(.opened) != nil {
            if self.refusesStreams || self.offered > self.limits.backlog {
                self.inbox.before = []
                self.inbox.after = []
                return self.reset(number).map { .reply($0) }
            }
            return .opened(number)
        }
        if self.inbox.before.remove(.acknowledged) != nil { return .acknowledged(number) }
        self.inbox.before = []
        return .credited(number)
    }

    private mutating func tellAfter() -> YamuxEvent? {
        let number = self.inbox.stream
        let notice = self.inbox.after
        self.inbox.after = []
        guard let index = self.streams.index(forKey: number) else { return nil }
        if notice == .reset {
            self.remove(number)
            return .reset(number)
        }
        self.streams.values[index].remoteFinished = true
        if self.streams.values[index].isOver { self.remove(number) }
        return .finished(number)
    }

    private static func pinged(_ header: YamuxHeader) throws(TunnelError) -> YamuxEvent {
        guard header.stream == 0, header.flags == .syn || header.flags == .ack else {
            throw .violation("the peer sent a ping with flags \(header.flags.rawValue) for stream \(header.stream)")
        }
        guard header.flags == .syn else { return .pong(header.length) }
        return .reply(YamuxHeader(.ping, flags: .ack, length: header.length))
    }

    private mutating func goneAway(_ header: YamuxHeader) throws(TunnelError) -> YamuxEvent {
        guard header.stream == 0 else { throw .violation("the peer sent a go-away for stream \(header.stream)") }
        switch header.length {
        case 0:
            self.peerRefusesStreams = true
            return .refusesStreams
        case 1: throw TunnelError(.closedByPeer, "the peer ended the tunnel: it saw a protocol error of this end")
        default: throw TunnelError(.closedByPeer, "the peer ended the tunnel: internal error (\(header.length))")
        }
    }
}
