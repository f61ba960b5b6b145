import GatewayCore
import HTTPWire
import ProxyCore

/// A machine with the shell's part played by hand: what each side holds, and what each has been sent.
struct Relay {
    var machine = ForwardMachine()
    private var held: [ForwardSide: [UInt8]] = [.client: [], .upstream: []]
    /// What has been sent to the client, and to the servers one after the other.
    private(set) var toClient = ""
    private(set) var toUpstream = ""
    /// What was done besides, in words.
    private(set) var deeds: [String] = []
    private(set) var notes: [ForwardNote] = []
    private var kept = ""
    private var ended: Set<ForwardSide> = []
    /// Whether a cluster takes a request, by its target.
    var takes: @Sendable (String) -> Bool = { !$0.hasPrefix("/none") }
    /// Answers to `acquire`, in turn: a connection that was used before, a new one, or none; nil leaves it open.
    var connections: [Connection] = []

    enum Connection {
        case reused
        case new
        case refused
        case late
        case full
    }

    init(_ connections: Connection..., attempts: Int = 3) {
        self.connections = connections
        self.machine.attempts = attempts
    }

    mutating func client(_ text: String) {
        self.held[.client]?.append(contentsOf: text.utf8)
        self.run()
    }

    mutating func upstream(_ text: String) {
        self.held[.upstream]?.append(contentsOf: text.utf8)
        self.run()
    }

    /// Both sides' bytes, one by one.
    mutating func clientBytewise(_ text: String) {
        for byte in text.utf8 {
            self.held[.client]?.append(byte)
            self.run()
        }
    }

    mutating func upstreamBytewise(_ text: String) {
        for byte in text.utf8 {
            self.held[.upstream]?.append(byte)
            self.run()
        }
    }

    /// Tells the machine something.
    mutating func tell(_ event: (inout ForwardMachine) -> Void) {
        event(&self.machine)
        self.run()
    }

    mutating func run() {
        var moved = true
        while moved { moved = [self.advance(.client), self.advance(.upstream)].contains(true) }
    }

    private mutating func advance(_ side: ForwardSide) -> Bool {
        var moved = false
        while true {
            let bytes = self.held[side] ?? []
            let action = bytes.withUnsafeBytes { self.machine.step(side, ByteView($0)) }
            guard action != .wait, action != .blocked else { return moved }
            moved = true
            self.perform(action, side, bytes)
        }
    }

    private mutating func use(_ count: Int, _ side: ForwardSide) -> String {
        defer { self.held[side]?.removeFirst(count) }
        return String(decoding: (self.held[side] ?? []).prefix(count), as: UTF8.self)
    }

    private mutating func perform(_ action: ForwardAction, _ side: ForwardSide, _ bytes: [UInt8]) {
        switch action {
        case .wait, .blocked: break
        case .route:
            let target = self.machine.head.map {
                String(decoding: bytes[$0.target.lower..<$0.target.upper], as: UTF8.self)
            }
            self.machine.routed(isTaken: self.takes(target ?? ""))
        case .acquire(let fresh): self.acquire(fresh)
        case .sendRequest(let head, let total, let keep):
            let text = self.machine.head.map {
                Self.edited(
                    FieldCursor($0),
                    head,
                    bytes,
                    self.machine.keepsUpgrade,
                    self.machine.keepsUpgrade ? "upgrade" : nil
                )
            }
            let rest = String(decoding: bytes[head..<total], as: UTF8.self)
            self.toUpstream += (text ?? "") + rest
            if keep { self.kept = (text ?? "") + rest }
            _ = self.use(total, side)
        case .replay: self.toUpstream += self.kept
        case .sendResponse(let head, let total, let persistence):
            let option: String? =
                switch persistence {
                case .goesOn: nil
                case .ends: "close"
                case .goesOnInHTTP10: "keep-alive"
                case .upgrades: "upgrade"
                }
            let text = self.machine.responseHead.map {
                Self.edited(
                    FieldCursor($0),
                    head,
                    bytes,
                    persistence == .upgrades,
                    option,
                    dropsNamed: $0.flags.contains(.strangeOption)
                )
            }
            self.toClient += (text ?? "") + String(decoding: bytes[head..<total], as: UTF8.self)
            _ = self.use(total, side)
        case .establish(let count):
            self.toClient += ForwardMachine.established
            _ = self.use(count, side)
        case .forward(let count):
            let text = self.use(count, side)
            if side == .client { self.toUpstream += text } else { self.toClient += text }
        case .discard(let count): self.deeds.append("discard \(self.use(count, side).count)")
        case .release(let keep):
            self.deeds.append(keep ? "keep" : "drop")
            self.held[.upstream] = []
        case .respond: self.toClient += self.machine.refusal?.text ?? ""
        case .log: if let note = self.machine.takeNote() { self.notes.append(note) }
        case .finish(let side): self.deeds.append("finish \(side)")
        case .closeAll: self.deeds.append("close")
        case .resetAll: self.deeds.append("reset")
        }
    }

    private mutating func acquire(_ fresh: Bool) {
        self.deeds.append(fresh ? "acquire fresh" : "acquire")
        guard !self.connections.isEmpty else { return }
        switch self.connections.removeFirst() {
        case .reused: self.machine.acquired(isReused: true)
        case .new: self.machine.acquired(isReused: false)
        case .refused: self.machine.acquireFailed(.refused)
        case .late: self.machine.acquireFailed(.late)
        case .full: self.machine.acquireFailed(.full)
        }
    }

    private static func edited(
        _ cursor: FieldCursor,
        _ head: Int,
        _ bytes: [UInt8],
        _ keepsUpgrade: Bool,
        _ option: String?,
        dropsNamed: Bool = false
    ) -> String {
        var cursor = cursor
        var text = ""
        bytes.withUnsafeBytes { raw in
            let view = ByteView(raw)
            cursor.forEachKept(in: view, end: head, keepsUpgrade: keepsUpgrade, hasStrangeOptions: dropsNamed) {
                text += String(decoding: view.bytes($0), as: UTF8.self)
            }
        }
        return text + (option.map { "connection: \($0)\r\n" } ?? "") + "\r\n"
    }
}
