import GatewayCore
import HTTPWire
import ProxyCore

/// A shell without sockets around a gateway's machine. It knows of each message where it ends, by its own reading.
struct GatewayShell {
    /// What is known of the exchange under way.
    private struct Exchange {
        var method: Method
        var isIdempotent: Bool
        var hasBody: Bool
        var request: BodyFramer
        var response: BodyFramer?
        var hasRefusal = false
        var sends = 1
        var heard = false
    }

    private var machine = ForwardMachine(headLimit: 300)
    private var held: [ForwardSide: [UInt8]] = [.client: [], .upstream: []]
    private var exchange: Exchange?
    /// Whether there is a connection to a server, whether it had been used before, and whether one is being got.
    private var hasServer = false
    private var isReused = false
    private var isConnecting = false
    private var hasKept = false
    private var hasFinished: Set<ForwardSide> = []
    private var isTunnel = false
    private var connections: [UInt8] = []
    /// Whether the machine has closed the connection.
    private(set) var isOver = false

    init() {
        self.machine.attempts = 3
    }

    mutating func expect(_ connections: [UInt8]) { self.connections += connections.prefix(16) }

    mutating func receive(_ side: ForwardSide, _ bytes: [UInt8]) throws {
        guard side == .client || self.hasServer else { return }
        self.held[side, default: []] += bytes
        try self.run()
    }

    mutating func tell(_ verb: (inout ForwardMachine) -> Void) throws {
        verb(&self.machine)
        try self.run()
    }

    mutating func tellOfServer(_ verb: (inout ForwardMachine) -> Void) throws {
        guard self.hasServer else { return }
        try self.tell(verb)
    }

    mutating func expire(isServerFull: Bool) throws {
        guard let deadline = self.machine.deadline else { return }
        try self.tell { $0.deadlinePassed(deadline, isServerFull: isServerFull) }
    }

    /// The connection that is being got is there, or is not.
    mutating func connect(_ how: UInt8) throws {
        guard self.isConnecting else { return }
        self.answerAcquire(how)
        try self.run()
    }

    private mutating func answerAcquire(_ how: UInt8) {
        switch how {
        case UInt8(ascii: "w"): return
        case UInt8(ascii: "f"): self.machine.acquireFailed(.refused)
        case UInt8(ascii: "l"): self.machine.acquireFailed(.late)
        default:
            self.isReused = how == UInt8(ascii: "r")
            self.hasServer = true
            self.machine.acquired(isReused: self.isReused)
        }
        self.isConnecting = false
    }

    private mutating func run() throws {
        var steps = 0
        var moved = true
        while moved {
            moved = false
            for side in [ForwardSide.client, .upstream] {
                while try self.step(side) {
                    moved = true
                    steps += 1
                    try require(steps < 20_000, "the machine comes to rest")
                }
            }
        }
    }

    private mutating func step(_ side: ForwardSide) throws -> Bool {
        let bytes = self.held[side] ?? []
        let action = bytes.withUnsafeBytes { self.machine.step(side, ByteView($0)) }
        if self.isOver {
            switch action {
            case .wait, .discard: break
            default: throw Broken(description: "\(action) after the end")
            }
        }
        switch action {
        case .wait, .blocked: return false
        case .route: try self.route(bytes)
        case .acquire(let fresh): try self.acquire(fresh)
        case .sendRequest(let head, let total, let keep): try self.sendRequest(side, bytes, head, total, keep)
        case .replay: try self.replay()
        case .sendResponse(let head, let total, let persistence):
            try self.sendResponse(side, bytes, head, total, persistence)
        case .establish: throw Broken(description: "a tunnel through what is no forward proxy")
        case .forward(let count): try self.forward(side, bytes, count)
        case .discard(let count):
            try require(count > 0 && count <= bytes.count, "\(count) of \(bytes.count) bytes are dropped")
            self.held[side]?.removeFirst(count)
        case .release(let keep): try self.release(keep)
        case .respond:
            try require(self.exchange?.response == nil, "no answer of ours behind the server's")
            try require(self.exchange?.hasRefusal != true, "one answer for a request")
            try self.checkRefusal()
            self.exchange?.hasRefusal = true
        case .log:
            try require(self.machine.takeNote() != nil, "a line where one is to be written")
            self.exchange = nil
        case .finish(let end):
            try require(self.hasFinished.insert(end).inserted || end == .upstream, "a side is ended once")
        case .closeAll, .resetAll:
            self.isOver = true
            self.dropServer()
        }
        return true
    }

    /// Our own answers are messages too.
    private func checkRefusal() throws {
        guard let refusal = self.machine.refusal else { throw Broken(description: "an answer without words") }
        let bytes = Array(refusal.text.utf8)
        try bytes.withUnsafeBytes { raw in
            var scanner = HeadScanner()
            guard case .complete(let head) = scanner.scanResponse(ByteView(raw)) else {
                throw Broken(description: "our own answer is no response")
            }
            let body = refusal.isBare ? 0 : Int(head.contentLength)
            try require(head.length + body == raw.count, "our own answer has the length it says")
            try require(head.flags.contains(.close) == refusal.isLast, "the last answer says so")
        }
    }

    private mutating func route(_ bytes: [UInt8]) throws {
        guard let head = self.machine.head else { throw Broken(description: "a route for nothing") }
        let target = bytes[head.target.lower..<head.target.upper]
        self.machine.routed(isTaken: !target.starts(with: "/none".utf8))
    }

    private mutating func acquire(_ fresh: Bool) throws {
        try require(!self.hasServer && !self.isConnecting, "one connection to a server at a time")
        self.held[.upstream] = []
        self.isConnecting = true
        let how = self.connections.isEmpty ? UInt8(ascii: "n") : self.connections.removeFirst()
        self.answerAcquire(fresh && how == UInt8(ascii: "r") ? UInt8(ascii: "n") : how)
    }

    private mutating func sendRequest(
        _ side: ForwardSide,
        _ bytes: [UInt8],
        _ head: Int,
        _ total: Int,
        _ keep: Bool
    ) throws {
        try require(side == .client && self.hasServer, "a request goes from the client to a server")
        try require(self.exchange == nil, "one request at a time")
        try require(head <= total && total <= bytes.count, "\(head) and \(total) of \(bytes.count) bytes")
        var scanner = HeadScanner()
        let verdict = bytes.withUnsafeBytes { scanner.scanRequest(ByteView($0)) }
        guard case .complete(let read) = verdict, read.length == head, let shown = self.machine.head else {
            throw Broken(description: "a request that is none is sent: \(verdict)")
        }
        try require(shown.target == read.target && shown.flags == read.flags, "the head that is shown is the one sent")
        try require(
            !read.flags.contains(.strangeOption) && read.method != .connect,
            "a request that is refused is sent"
        )
        var framer = read.framing
        let hasBody = !framer.isComplete
        let taken = bytes.withUnsafeBytes { framer.take(ByteView($0), from: head) }
        try require(
            taken == total - head,
            "\(total - head) bytes of a body go with the head, \(taken ?? -1) are its own"
        )
        self.exchange = Exchange(
            method: read.method,
            isIdempotent: read.method.isIdempotent,
            hasBody: hasBody,
            request: framer
        )
        self.hasKept = keep
        self.held[.client]?.removeFirst(total)
    }

    private mutating func replay() throws {
        guard var exchange = self.exchange else { throw Broken(description: "nothing to send again") }
        try require(self.hasKept && self.hasServer, "what is sent again was kept")
        try require(exchange.isIdempotent && !exchange.hasBody, "only what may be sent twice is")
        try require(exchange.sends == 1 && !exchange.heard, "once, and before an answer")
        exchange.sends += 1
        self.exchange = exchange
    }

    private mutating func sendResponse(
        _ side: ForwardSide,
        _ bytes: [UInt8],
        _ head: Int,
        _ total: Int,
        _ persistence: Persistence
    ) throws {
        guard side == .upstream, self.hasServer, var exchange = self.exchange else {
            throw Broken(description: "an answer to nothing")
        }
        try require(head <= total && total <= bytes.count, "\(head) and \(total) of \(bytes.count) bytes")
        try require(exchange.response == nil && !exchange.hasRefusal, "one final answer")
        var scanner = HeadScanner()
        let verdict = bytes.withUnsafeBytes { scanner.scanResponse(ByteView($0)) }
        guard case .complete(let read) = verdict, read.length == head else {
            throw Broken(description: "an answer that is none is passed on: \(verdict)")
        }
        exchange.heard = true
        if read.status == 101 {
            try require(persistence == .upgrades && exchange.request.isComplete, "a tunnel behind a whole request")
            self.isTunnel = true
        } else if read.status >= 200 {
            var framer = read.framing(answering: exchange.method)
            let taken = bytes.withUnsafeBytes { framer.take(ByteView($0), from: head) }
            try require(taken == total - head, "\(total - head) bytes go with the head, \(taken ?? -1) are its own")
            exchange.response = framer
            let mustEnd = framer.endsWithConnection || !exchange.request.isComplete
            try require(!mustEnd || persistence == .ends, "a client that cannot go on is told so")
        } else {
            try require(total == head, "an interim answer has no body")
        }
        self.exchange = exchange
        self.held[.upstream]?.removeFirst(total)
    }

    private mutating func forward(_ side: ForwardSide, _ bytes: [UInt8], _ count: Int) throws {
        try require(count > 0 && count <= bytes.count, "\(count) of \(bytes.count) bytes are passed on")
        defer { self.held[side]?.removeFirst(count) }
        guard !self.isTunnel else { return }
        let part = Array(bytes.prefix(count))
        guard var exchange = self.exchange, self.hasServer else { throw Broken(description: "bytes of no message") }
        let taken: Int?
        if side == .client {
            taken = part.withUnsafeBytes { exchange.request.take(ByteView($0)) }
        } else {
            taken = part.withUnsafeBytes { exchange.response?.take(ByteView($0)) }
        }
        try require(taken == count, "\(count) bytes are passed on, \(taken ?? -1) are the message's")
        self.exchange = exchange
    }

    private mutating func release(_ keep: Bool) throws {
        try require(self.hasServer, "a connection that is there is let go of")
        if keep {
            guard let exchange = self.exchange, !self.isTunnel, let response = exchange.response else {
                throw Broken(description: "a connection without a whole exchange is kept")
            }
            try require(exchange.request.isComplete && response.isComplete, "both messages have ended on it")
            try require(self.held[.upstream]?.isEmpty == true, "nothing is left on it")
        }
        self.dropServer()
    }

    private mutating func dropServer() {
        self.hasServer = false
        self.isConnecting = false
        self.held[.upstream] = []
    }
}
