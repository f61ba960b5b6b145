import GatewayCore

/// A machine between two ends that do what a test says. What it does is kept as words.
struct PipeEnds {
    /// What an end has for the machine, in order.
    enum Event: Hashable {
        case bytes(Int)
        case end
        case reset
    }

    /// What a read gives at most.
    static let readSize = 64 << 10

    var machine: PipeMachine
    var incoming: [ForwardSide: [Event]] = [:]
    /// Who takes what is sent.
    var room: Set<ForwardSide> = [.client, .upstream]
    /// Whether splices give what reads give; where they do not, what they answer: whether it is so for good.
    var refusesSplice: Bool?
    /// What comes of the next connections to servers; none when they are still being opened.
    var connections: [AcquireFailure?]
    var hasServer = false
    private(set) var deeds: [String] = []
    private(set) var notes: [PipeNote] = []

    /// A machine whose connections to servers open, or fail.
    init(attempts: Int = 3, _ connections: AcquireFailure?...) {
        self.machine = PipeMachine(attempts: attempts, readSize: Self.readSize)
        self.connections = connections
        self.run()
    }

    /// Something happens at an end.
    mutating func tell(_ side: ForwardSide, _ events: Event...) {
        self.incoming[side, default: []] += events
        self.run()
    }

    /// A verb is told.
    mutating func tell(_ event: (inout PipeMachine) -> Void) {
        event(&self.machine)
        self.run()
    }

    /// What was done since this was asked last.
    mutating func take() -> [String] {
        defer { self.deeds = [] }
        return self.deeds
    }

    mutating func run() {
        var moved = true
        while moved { moved = [self.advance(.client), self.advance(.upstream)].contains(true) }
    }

    private func readiness(_ side: ForwardSide) -> PipeReadiness {
        var readiness: PipeReadiness = []
        let events = self.incoming[side] ?? []
        if !events.isEmpty { readiness.insert(.mayRead) }
        // The kernel tells of a reset while bytes from before it can still be read.
        if events.contains(.reset) { readiness.insert(.isBroken) }
        if self.room.contains(side == .client ? .upstream : .client), self.hasServer { readiness.insert(.otherHasRoom) }
        return readiness
    }

    private mutating func advance(_ side: ForwardSide) -> Bool {
        var moved = false
        while true {
            switch self.machine.step(side, self.readiness(side)) {
            case .wait: return moved
            case .acquire: self.acquire()
            case .copy: self.copy(side)
            case .splice: self.splice(side)
            case .finish(let side): self.deeds.append("finish \(side)")
            case .log:
                self.notes.append(self.machine.note)
                self.deeds.append("log \(self.machine.note.end.token)")
            case .closeAll: self.deeds.append("close")
            case .resetAll: self.deeds.append("reset")
            }
            moved = true
        }
    }

    private mutating func acquire() {
        self.deeds.append("acquire")
        guard !self.connections.isEmpty else { return }
        if let failure = self.connections.removeFirst() { return self.machine.acquireFailed(failure) }
        self.hasServer = true
        self.machine.acquired()
    }

    private mutating func copy(_ side: ForwardSide) {
        guard let event = self.incoming[side]?.first else { return }
        switch event {
        case .bytes(let count):
            self.use(min(count, Self.readSize), of: count, side, "copy")
        case .end:
            self.incoming[side]?.removeFirst()
            self.machine.ended(side)
        case .reset:
            self.incoming[side]?.removeFirst()
            self.machine.broke(side)
        }
    }

    private mutating func splice(_ side: ForwardSide) {
        guard self.refusesSplice == nil, case .bytes(let count)? = self.incoming[side]?.first else {
            return self.machine.cannotSplice(side, forGood: self.refusesSplice ?? false)
        }
        self.use(count, of: count, side, "splice")
    }

    private mutating func use(_ count: Int, of whole: Int, _ side: ForwardSide, _ word: String) {
        self.incoming[side]?.removeFirst()
        if count < whole { self.incoming[side]?.insert(.bytes(whole - count), at: 0) }
        self.deeds.append("\(word) \(side) \(count)")
        self.machine.moved(count, from: side, isSpliced: word == "splice")
    }
}
