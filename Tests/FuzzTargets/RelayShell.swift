import HTTPWire
import ProxyCore
import TrafficMatch

/// A shell without sockets around an interceptor's machine, with a route for `x-user: alice` and one that answers 503 for bob.
///
/// As long as nothing was diverted, edited or repeated, both ends must have got each other's bytes as they came.
struct RelayShell {
    private var machine = RelayMachine(headLimit: 300)
    private let routes: [Route]
    private var held: [Side: [UInt8]] = [.client: [], .original: [], .upstream: []]
    /// What came from the client and the original, and what went to them, while nobody else had a part in it.
    private var came: [Side: [UInt8]] = [.client: [], .original: []]
    private var went: [Side: [UInt8]] = [.client: [], .original: []]
    private var isBystander = true
    private var isConnectingOriginal: Bool
    private var hasKept = false
    private var finishes: [Side: Int] = [:]
    /// Whether the machine has closed the connection.
    private(set) var isOver = false

    init(isConnected: Bool) throws {
        self.routes = try ["alice", "bob"].map { name in
            Route(
                id: name,
                match: try RequestMatch(headers: [HeaderMatch(name: "x-user", value: name)]),
                upstreamPath: "/\(name)",
                isUp: true,
                onUnreachable: name == "bob" ? .unavailable : .original
            )
        }
        self.isConnectingOriginal = !isConnected
        if isConnected { self.machine.originalConnected() }
    }

    mutating func receive(_ side: Side, _ bytes: [UInt8]) throws {
        self.held[side, default: []] += bytes
        self.came[side]? += bytes
        try self.run()
    }

    mutating func tell(_ verb: (inout RelayMachine) -> Void) throws {
        verb(&self.machine)
        try self.run()
    }

    mutating func openOriginal(_ isOpen: Bool) throws {
        guard self.isConnectingOriginal else { return }
        self.isConnectingOriginal = false
        try self.tell { if isOpen { $0.originalConnected() } else { $0.originalFailed() } }
    }

    mutating func expire() throws {
        guard let deadline = self.machine.deadline else { return }
        try self.tell { $0.deadlinePassed(deadline) }
    }

    private mutating func run() throws {
        var steps = 0
        var moved = true
        while moved {
            moved = false
            for side in Side.allCases {
                while try self.step(side) {
                    moved = true
                    steps += 1
                    try require(steps < 20_000, "the machine comes to rest")
                }
            }
        }
        guard self.isBystander else { return }
        for (from, to) in [(Side.client, Side.original), (.original, .client)] {
            let sent = self.went[to] ?? []
            try require(self.came[from]?.starts(with: sent) == true, "\(to) got what \(from) did not send")
        }
    }

    private mutating func step(_ side: Side) throws -> Bool {
        let bytes = self.held[side] ?? []
        let action = bytes.withUnsafeBytes { self.machine.step(side, ByteView($0)) }
        if self.isOver {
            switch action {
            case .wait, .discard, .log: break
            default: throw Broken(description: "\(action) after the end")
            }
        }
        switch action {
        case .wait, .blocked: return false
        case .forward(let count, let target, let keep):
            try self.forward(side, bytes, count, target)
            if side == .client { self.hasKept = keep }
        case .forwardWithoutUpgrade(let head, let total, let keep):
            try require(side == .client && head <= total, "a request without its wish")
            self.hasKept = keep
            try self.use(side, total)
        case .forwardExplained(let head, let total, _, _), .forwardLast(let head, let total):
            try require(side == .original && head <= total, "an answer with more lines")
            try Self.checkHead(bytes, head)
            self.isBystander = false
            try self.use(side, total)
        case .replay:
            try require(self.hasKept, "what is sent again was kept")
            self.isBystander = false
        case .discard(let count):
            let isOurs = !self.isBystander || side == .upstream || self.machine.phase == .close
            try require(isOurs, "\(count) bytes of \(side) are dropped in the midst of a conversation")
            try self.use(side, count)
        case .route: try self.route(bytes)
        case .respond:
            try require(self.machine.synthetic != nil, "an answer without words")
            self.isBystander = false
        case .log: try require(self.machine.takeRecord() != nil, "a line where one is to be written")
        case .takeOver: self.machine.passHTTP2()
        case .finishWrites(let target):
            self.finishes[target, default: 0] += 1
            try require(target == .upstream || self.finishes[target] == 1 || !self.isBystander, "a side is ended once")
        case .connectUpstream: self.isBystander = false
        case .disconnectUpstream: self.held[.upstream] = []
        case .reconnectOriginal:
            self.isBystander = false
            self.held[.original] = []
            self.isConnectingOriginal = true
        case .closeOriginal: break
        case .closeAll, .resetAll: self.isOver = true
        }
        return true
    }

    private mutating func forward(_ side: Side, _ bytes: [UInt8], _ count: Int, _ target: Side) throws {
        try require(side == .client ? target != .client : target == .client, "\(side)'s bytes go to \(target)")
        try require(count > 0 && count <= bytes.count, "\(count) of \(bytes.count) bytes are passed on")
        self.went[target]? += bytes.prefix(count)
        try self.use(side, count)
    }

    private mutating func use(_ side: Side, _ count: Int) throws {
        try require(count <= self.held[side]?.count ?? 0, "\(count) bytes are used, and there are fewer")
        self.held[side]?.removeFirst(count)
    }

    /// Lines are added before the last of a head.
    private static func checkHead(_ bytes: [UInt8], _ head: Int) throws {
        var scanner = HeadScanner()
        guard case .complete(let read) = bytes.withUnsafeBytes({ scanner.scanResponse(ByteView($0)) }),
            read.length == head
        else { throw Broken(description: "lines are added to what is no head") }
    }

    private mutating func route(_ bytes: [UInt8]) throws {
        guard let head = self.machine.head else { throw Broken(description: "a route for nothing") }
        let route = bytes.withUnsafeBytes { raw in
            self.routes.first { $0.match.isSatisfied(by: head, in: ByteView(raw)) }
        }
        self.machine.routed(route.map { .divert($0) } ?? .original)
    }
}
