/// One end of a yamux session: which streams live, who may send how much, and what every frame means.
///
/// A value without I/O: verbs go in, frames to write (headers) or events come out. The shell around it writes what it is
/// given, in the order it is given, and hands every received byte to `receive(_:)`.
///
/// - A stream opened here gets an odd number at a client and an even one at a server, and is usable at once; the peer's
///   acknowledgement comes as `acknowledged`, whenever the peer's own work (such as a connect) has succeeded.
/// - Credit goes back to the peer in quarters of the stream's window, and only for bytes the shell says its consumer took.
/// - A peer that breaks the rules ends the whole session (`receive` throws); nothing it did reaches another session.
/// - Frames for a stream that is over are dropped in silence: the peer may have sent them before it knew.
public struct YamuxSession: Sendable {
    /// Which end of the connection this is.
    public enum Role: Sendable, Hashable {
        /// The end that opens odd streams.
        case client
        /// The end that opens even streams.
        case server
    }

    /// Which end this is.
    public let role: Role
    /// What this end lets happen.
    public let limits: YamuxLimits

    var streams: [UInt32: YamuxStream] = [:]
    var nextStream: UInt32
    var highestPeerStream: UInt32 = 0
    /// Numbers below the peer's highest that it has not used yet.
    var skippedPeerStreams: Set<UInt32> = []
    var requested = 0
    var offered = 0
    var peerRefusesStreams = false
    var refusesStreams = false
    var inbox = YamuxInbox()

    /// A session in which nothing has happened yet.
    public init(role: Role, limits: YamuxLimits = .init()) {
        var limits = limits
        limits.window = min(max(limits.window, YamuxLimits.initialWindow), Int(Int32.max))
        limits.frame = max(1, limits.frame)
        self.role = role
        self.limits = limits
        self.nextStream = role == .client ? 1 : 2
    }

    /// Streams that are not over.
    public var liveStreams: Int { self.streams.count }

    /// Whether a stream is open in at least one direction.
    public func isLive(_ number: UInt32) -> Bool {
        self.streams.index(forKey: number) != nil
    }

    // MARK: Opening and accepting

    /// Opens a stream; the frame to write carries its number.
    public mutating func open() throws(TunnelError) -> YamuxHeader {
        guard !self.peerRefusesStreams else {
            throw TunnelError(.closedByPeer, "the peer accepts no more streams on this tunnel")
        }
        guard self.streams.count < self.limits.streams else {
            throw TunnelError(.tooManyStreams, "\(self.limits.streams) streams are open on this tunnel, its limit")
        }
        guard self.requested < self.limits.backlog else {
            throw TunnelError(
                .tooManyStreams,
                "\(self.requested) streams wait for the peer's acknowledgement, the limit"
            )
        }
        let number = self.nextStream
        guard number < UInt32.max - 2 else {
            throw TunnelError(.tooManyStreams, "this tunnel has used up its stream numbers; a new tunnel has new ones")
        }
        self.nextStream = number + 2
        self.requested += 1
        self.streams[number] = YamuxStream(opening: .requested)
        return YamuxHeader(.windowUpdate, flags: .syn, stream: number)
    }

    /// Acknowledges a stream the peer opened; nil when it is over or acknowledged already.
    public mutating func accept(_ number: UInt32) -> YamuxHeader? {
        guard let index = self.streams.index(forKey: number) else { return nil }
        guard self.streams.values[index].opening == .offered else { return nil }
        self.offered -= 1
        let credit = self.streams.values[index].unreturned
        self.streams.values[index].opening = .established
        self.streams.values[index].receiveWindow += credit
        self.streams.values[index].unreturned = 0
        return YamuxHeader(.windowUpdate, flags: .ack, stream: number, length: UInt32(credit))
    }

    // MARK: Sending

    /// Bytes that may be sent on a stream now; 0 when it is over or finished.
    public func sendWindow(_ number: UInt32) -> Int {
        guard let stream = self.streams[number], !stream.localFinished else { return 0 }
        return stream.sendWindow
    }

    /// Takes credit for the next data frame: the header, whose length says how many of the `available` bytes follow it.
    ///
    /// Nil when the stream has no credit, is finished or is over.
    public mutating func send(_ number: UInt32, available: Int) -> YamuxHeader? {
        guard available > 0, let index = self.streams.index(forKey: number) else { return nil }
        guard !self.streams.values[index].localFinished else { return nil }
        let length = min(available, self.streams.values[index].sendWindow, self.limits.frame)
        guard length > 0 else { return nil }
        self.streams.values[index].sendWindow -= length
        return YamuxHeader(.data, stream: number, length: UInt32(length))
    }

    /// Ends our direction of a stream; nil when it is ended or over already.
    public mutating func finish(_ number: UInt32) -> YamuxHeader? {
        guard let index = self.streams.index(forKey: number) else { return nil }
        guard !self.streams.values[index].localFinished else { return nil }
        var flags: YamuxFlags = .fin
        if self.streams.values[index].opening == .offered {
            self.offered -= 1
            self.streams.values[index].opening = .established
            flags.insert(.ack)
        }
        self.streams.values[index].localFinished = true
        if self.streams.values[index].isOver { self.remove(number) }
        return YamuxHeader(.windowUpdate, flags: flags, stream: number)
    }

    /// Ends a stream at once in both directions; nil when it is over already.
    public mutating func reset(_ number: UInt32) -> YamuxHeader? {
        guard self.remove(number) else { return nil }
        return YamuxHeader(.windowUpdate, flags: .rst, stream: number)
    }

    /// Notes that the consumer took `count` received bytes; the credit to give back, once it is worth a frame.
    ///
    /// A stream whose consumer takes what comes gets its share of `limits.memory`; one that has more than its share, because
    /// there are more streams now, gets back less than was taken.
    public mutating func consumed(_ number: UInt32, _ count: Int) -> YamuxHeader? {
        guard let index = self.streams.index(forKey: number) else { return nil }
        let unreturned = self.streams.values[index].unreturned + count
        self.streams.values[index].unreturned = unreturned
        let window = self.streams.values[index].window
        // Before the acknowledgement the window is the initial one, and `accept` returns what was taken until then.
        guard self.streams.values[index].opening != .offered, unreturned >= window / 4 else { return nil }
        guard !self.streams.values[index].remoteFinished else { return nil }
        let credit = max(0, unreturned + self.share - window)
        self.streams.values[index].unreturned = 0
        self.streams.values[index].window = window + credit - unreturned
        self.streams.values[index].receiveWindow += credit
        return credit > 0 ? YamuxHeader(.windowUpdate, stream: number, length: UInt32(credit)) : nil
    }

    /// The window a stream should have while there are as many as now.
    private var share: Int {
        max(YamuxLimits.initialWindow, min(self.limits.window, self.limits.memory / max(1, self.streams.count)))
    }

    // MARK: The session

    /// A ping that carries `number`.
    public func ping(_ number: UInt32) -> YamuxHeader {
        YamuxHeader(.ping, flags: .syn, length: number)
    }

    /// Tells the peer to open no more streams; those it opens all the same are reset.
    public mutating func refuseStreams() -> YamuxHeader {
        self.refusesStreams = true
        return YamuxHeader(.goAway)
    }

    /// The last frame to a peer that broke the protocol.
    public static let protocolErrorFarewell = YamuxHeader(.goAway, length: 1)

    @discardableResult
    mutating func remove(_ number: UInt32) -> Bool {
        guard let stream = self.streams.removeValue(forKey: number) else { return false }
        switch stream.opening {
        case .requested: self.requested -= 1
        case .offered: self.offered -= 1
        case .established: break
        }
        return true
    }
}
