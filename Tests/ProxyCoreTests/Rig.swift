import HTTPWire
import ProxyCore
import TrafficMatch

/// A shell without sockets: it holds the bytes, does what the machine says, and writes down what happened in order.
struct Rig {
    var machine: RelayMachine
    /// What came in and has not been used.
    var held: [Side: [UInt8]] = [:]
    /// What went out to each side.
    var sent: [Side: String] = [.client: "", .original: "", .upstream: ""]
    /// Everything but forwarded bytes, as words.
    var journal: [String] = []
    var records: [Record] = []
    var discarded: [Side: Int] = [:]
    var routes: [Route]
    var kept: [UInt8] = []
    var isBlocked: Set<Side> = []
    /// What a shell copies of the exchange with the original that is under way, and of those that are over.
    private var copying: Copy?
    var copies: [Copy] = []

    struct Copy {
        var request: [UInt8] = []
        var response: [UInt8] = []
        var isWhole = false
    }

    init(routes: [Route] = [], connected: Bool = true, headLimit: Int = 64 << 10) {
        self.machine = RelayMachine(headLimit: headLimit)
        self.routes = routes
        if connected { self.machine.originalConnected() }
    }

    mutating func receive(_ side: Side, _ text: String) {
        self.receive(side, Array(text.utf8))
    }

    mutating func receive(_ side: Side, _ bytes: [UInt8]) {
        self.held[side, default: []] += bytes
        self.pump()
    }

    /// Tells the machine something, and does what follows.
    mutating func after(_ verb: (inout RelayMachine) -> Void) {
        verb(&self.machine)
        self.pump()
    }

    func phase() -> Phase {
        self.machine.phase
    }

    mutating func pump() {
        var moved = true
        var steps = 0
        while moved {
            moved = false
            for side in Side.allCases {
                while self.step(side) {
                    moved = true
                    steps += 1
                    if steps > 100_000 {
                        self.journal.append("endless")
                        return
                    }
                }
            }
        }
    }

    private mutating func step(_ side: Side) -> Bool {
        let bytes = self.held[side] ?? []
        let action = bytes.withUnsafeBytes { self.machine.step(side, ByteView($0)) }
        self.isBlocked.remove(side)
        switch action {
        case .wait: return false
        case .blocked:
            self.isBlocked.insert(side)
            return false
        case .forward(let count, let target, let keep):
            self.copy(bytes.prefix(count), from: side)
            self.sent[target, default: ""] += self.take(count, from: side)
            if keep { self.kept = Array(bytes.prefix(count)) }
        case .forwardExplained(let head, let total, let reason, let isLast):
            let close = isLast ? "connection: close\r\n" : ""
            let lines = "x-detour-served-by: original\r\nx-detour-reason: \(reason.token)\r\n\(close)"
            self.forward(total, from: side, adding: lines, at: head - 2)
        case .forwardLast(let head, let total):
            self.forward(total, from: side, adding: "connection: close\r\n", at: head - 2)
        case .forwardWithoutUpgrade(_, let total, let keep):
            self.forwardWithoutUpgrade(bytes, total)
            if keep { self.kept = Array(bytes.prefix(total)) }
        case .replay:
            self.sent[.original, default: ""] += String(decoding: self.kept, as: UTF8.self)
            self.journal.append("replay")
        case .discard(let count):
            _ = self.take(count, from: side)
            self.discarded[side, default: 0] += count
        case .route: self.route(bytes)
        case .respond:
            self.sent[.client, default: ""] += self.machine.synthetic?.text ?? "?"
            self.journal.append("respond \(self.machine.synthetic?.status ?? 0)")
        case .log:
            if let record = self.machine.takeRecord() {
                self.records.append(record)
                if var copy = self.copying {
                    copy.isWhole = record.isWhole
                    self.copies.append(copy)
                    self.copying = nil
                }
            }
        case .takeOver: self.machine.passHTTP2()
        case .finishWrites(let target): self.journal.append("finish \(target)")
        case .connectUpstream: self.journal.append("connect \(self.machine.route?.id ?? "?")")
        case .disconnectUpstream:
            self.held[.upstream] = []
            self.journal.append("disconnect")
        case .reconnectOriginal:
            self.held[.original] = []
            self.journal.append("reconnect original")
        case .closeOriginal: self.journal.append("close original")
        case .closeAll: self.journal.append("close all")
        case .resetAll: self.journal.append("reset all")
        }
        return true
    }

    private mutating func take(_ count: Int, from side: Side) -> String {
        let bytes = self.held[side] ?? []
        self.held[side] = Array(bytes.dropFirst(count))
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    private mutating func copy(_ bytes: ArraySlice<UInt8>, from side: Side) {
        if side == .client { self.copying?.request += bytes } else { self.copying?.response += bytes }
    }

    private mutating func forward(_ total: Int, from side: Side, adding lines: String, at offset: Int) {
        self.copy((self.held[side] ?? []).prefix(total), from: side)
        let text = self.take(total, from: side)
        let end = text.utf8.index(text.startIndex, offsetBy: offset)
        self.sent[.client, default: ""] += text[..<end] + lines + text[end...]
    }

    private mutating func forwardWithoutUpgrade(_ bytes: [UInt8], _ total: Int) {
        guard let head = self.machine.head else {
            return
        }
        let text = bytes.withUnsafeBytes { raw in
            let (kept, line) = UpgradeEdit.parts(of: head, in: ByteView(raw))
            return kept.map { String(decoding: ByteView(raw).bytes($0), as: UTF8.self) }.joined() + "\(line)\r\n"
        }
        let rest = self.take(total, from: .client).utf8.dropFirst(head.length)
        self.sent[.upstream, default: ""] += text + String(decoding: rest, as: UTF8.self)
    }

    private mutating func route(_ bytes: [UInt8]) {
        guard let head = self.machine.head else {
            return
        }
        let route = bytes.withUnsafeBytes { raw in
            self.routes.first { $0.match.isSatisfied(by: head, in: ByteView(raw)) }
        }
        self.copying = route == nil ? Copy() : nil
        self.machine.routed(route.map { .divert($0) } ?? .original)
    }
}

extension Route {
    /// A route for requests with `x-user: NAME`.
    static func user(_ name: String, isUp: Bool = true, onUnreachable: OnUnreachable = .original) throws -> Route {
        Route(
            id: name,
            match: try RequestMatch(headers: [HeaderMatch(name: "x-user", value: name)]),
            upstreamPath: "/\(name)",
            isUp: isUp,
            onUnreachable: onUnreachable
        )
    }
}

/// A request without a body; `user` asks for that user's route.
func get(_ path: String = "/", user: String? = nil, method: String = "GET", fields: String = "") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(user.map { "X-User: \($0)\r\n" } ?? "")\(fields)\r\n"
}

/// A request with a body of a given length.
func post(_ body: String, user: String? = nil, method: String = "POST") -> String {
    get(user: user, method: method, fields: "Content-Length: \(body.utf8.count)\r\n") + body
}

/// A response with a body of a given length.
func ok(_ body: String, fields: String = "") -> String {
    "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}
