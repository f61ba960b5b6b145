/// The relay of one connection whose bytes pass unread, as a value: events go in, one action at a time comes out.
///
/// The shell tells the machine what happened with a verb (`acquired()`, `moved(_:from:)`, `ended(_:)` …), and then asks each side
/// in turn, with `step(_:_:)`, what to do, until both answers are `wait`. The machine has no clock: the shell calls `idled()`
/// when nothing has moved for too long.
///
/// What holds at every moment:
/// - Nothing is read from a side before the other has taken all that was read before: no more than one read of each direction is
///   ever held.
/// - An end is passed on behind the last byte, and the other direction goes on. A reset is passed on as a reset.
/// - A server is connected to at once, whether the client has spoken or not: it may be the server that speaks first.
public struct PipeMachine: Sendable {
    /// A splice that moves fewer bytes than this is the end of the bulk: for so few, copying costs less.
    public static let fewBytes = 16 << 10

    private enum Stage: UInt8 {
        case acquiring
        case open
        case closed
    }

    /// What is to be done one after the other, in this order.
    private struct Chores: OptionSet {
        let rawValue: UInt8
        static let finishClient = Chores(rawValue: 1)
        static let finishUpstream = Chores(rawValue: 2)
        static let log = Chores(rawValue: 4)
        static let acquire = Chores(rawValue: 8)
        static let resetAll = Chores(rawValue: 16)
        static let closeAll = Chores(rawValue: 32)
    }

    /// What one side sends.
    private struct Flow {
        var hasEnded = false
        /// Whether it sends more than is read at once.
        var isBulk = false
        var maySplice = true
    }

    private var stage = Stage.acquiring
    private var chores: Chores = .acquire
    private var fromClient = Flow()
    private var fromUpstream = Flow()
    private var failures = 0
    private let attempts: Int
    private let readSize: Int
    /// What goes with `log`.
    public private(set) var note = PipeNote()

    /// A machine whose client has just been accepted.
    ///
    /// - Parameters:
    ///   - attempts: how many servers are tried until a connection opens.
    ///   - readSize: how many bytes one read gives at most; a read of so many is the beginning of bulk.
    public init(attempts: Int, readSize: Int) {
        self.attempts = attempts
        self.readSize = readSize
    }

    /// What to do next for what `side` sends.
    public mutating func step(_ side: ForwardSide, _ readiness: PipeReadiness) -> PipeAction {
        if !self.chores.isEmpty { return self.nextChore() }
        let flow = side == .client ? self.fromClient : self.fromUpstream
        switch self.stage {
        case .closed: return .wait
        case .acquiring:
            guard readiness.contains(.isBroken) else { return .wait }
        case .open:
            // Of a broken side what can still be read is passed on, as far as the other takes it at once.
            if !flow.hasEnded, readiness.isSuperset(of: [.mayRead, .otherHasRoom]) {
                return flow.isBulk ? .splice : .copy
            }
            let mayFollow = !flow.hasEnded && readiness.contains(.otherHasRoom)
            guard readiness.contains(.isBroken), !mayFollow else { return .wait }
        }
        self.broke(side)
        return self.nextChore()
    }

    private mutating func nextChore() -> PipeAction {
        if self.chores.remove(.finishClient) != nil { return .finish(.client) }
        if self.chores.remove(.finishUpstream) != nil { return .finish(.upstream) }
        if self.chores.remove(.log) != nil { return .log }
        if self.chores.remove(.acquire) != nil { return .acquire }
        if self.chores.remove(.resetAll) != nil { return .resetAll }
        return self.chores.remove(.closeAll) != nil ? .closeAll : .wait
    }

    /// Ends it all, with a reset where somebody could take an end for the end of the bytes.
    private mutating func end(_ end: PipeEnd) {
        guard self.stage != .closed else { return }
        self.stage = .closed
        self.note.end = end
        self.chores = end == .ended ? [.log, .closeAll] : [.log, .resetAll]
    }
}

/// What the shell tells the machine.
extension PipeMachine {
    /// There is a connection to a server.
    public mutating func acquired() {
        guard self.stage == .acquiring else { return }
        self.stage = .open
    }

    /// A server cannot be connected to: the next, as long as there are tries left.
    public mutating func acquireFailed(_ failure: AcquireFailure) {
        guard self.stage == .acquiring else { return }
        guard failure != .full else { return self.end(.clusterFull) }
        self.failures += 1
        guard self.failures < self.attempts else { return self.end(failure == .late ? .connectTimeout : .unreachable) }
        self.note.retries += 1
        self.chores.insert(.acquire)
    }

    /// So many bytes of a side have been passed on, or queued for the other.
    ///
    /// - Parameter isSpliced: whether they were moved by a splice.
    public mutating func moved(_ count: Int, from side: ForwardSide, isSpliced: Bool) {
        if side == .client { self.note.bytesIn += count } else { self.note.bytesOut += count }
        let isMuch = count >= (isSpliced ? Self.fewBytes : self.readSize)
        self.change(side) { $0.isBulk = isMuch && $0.maySplice }
    }

    /// What a side sends cannot be spliced: it is read, now and, where it is `forGood`, whenever it comes. What is at an end of
    /// a side's bytes is learnt from reads alone.
    public mutating func cannotSplice(_ side: ForwardSide, forGood: Bool) {
        self.change(side) { flow in
            flow.isBulk = false
            if forGood { flow.maySplice = false }
        }
    }

    /// A side has sent its last byte.
    public mutating func ended(_ side: ForwardSide) {
        guard self.stage == .open else { return }
        self.change(side) { $0.hasEnded = true }
        if self.fromClient.hasEnded, self.fromUpstream.hasEnded { return self.end(.ended) }
        self.chores.insert(side == .client ? .finishUpstream : .finishClient)
    }

    /// A side's connection was reset.
    public mutating func broke(_ side: ForwardSide) {
        self.end(side == .client ? .clientReset : .upstreamReset)
    }

    /// Nothing has moved for too long.
    public mutating func idled() {
        self.end(.idle)
    }

    /// The gateway ends now.
    public mutating func drained() {
        self.end(.drained)
    }

    private mutating func change(_ side: ForwardSide, _ body: (inout Flow) -> Void) {
        if side == .client { body(&self.fromClient) } else { body(&self.fromUpstream) }
    }
}
