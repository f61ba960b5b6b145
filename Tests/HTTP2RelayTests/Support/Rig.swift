import HTTP2Wire
import NIOCore
import ProxyCore
import TrafficMatch

@testable import HTTP2Relay

/// A relay between a client, an original and laptops that a test plays.
struct Rig {
    var relay = HTTP2Relay()
    var ends: [Peer: ScriptedEnd] = [.client: .init(awaitsPreface: false), .original: .init(awaitsPreface: true)]
    /// What each end has got since it was last asked.
    private var seen: [Peer: [Seen]] = [:]
    /// What came for an end that does not speak HTTP/2.
    var rawOutput: [UInt8] = []
    var isRaw = false
    private(set) var actions: [HTTP2Relay.Action] = []
    private(set) var records: [UInt32: Record] = [:]
    var route = Rig.route()
    /// Whether copies are wanted of exchanges with the original, and what came of them.
    var makesCopies = false
    private(set) var copies: [UInt32: [Side: ByteBuffer]] = [:]

    static func route(isUp: Bool = true, _ onUnreachable: OnUnreachable = .original) -> Route {
        let match = try? RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")])
        guard let match else { fatalError("the match is sound") }
        return Route(id: "alice", match: match, upstreamPath: "/a.sock", isUp: isUp, onUnreachable: onUnreachable)
    }

    /// A rig whose ends have greeted each other.
    init(client: [Setting] = [], original: [Setting] = []) {
        self.send(.client, Rig.opening(client))
        self.send(.original, ScriptedEnd.settings(original) + ScriptedEnd.frame(.settings, .acknowledgement))
        _ = self.take(.client)
        _ = self.take(.original)
        self.actions = []
    }

    /// A rig in which nobody has spoken.
    static var silent: Rig {
        var rig = Rig()
        rig.relay = HTTP2Relay()
        rig.ends = [.client: .init(awaitsPreface: false), .original: .init(awaitsPreface: true)]
        return rig
    }

    static func opening(_ settings: [Setting] = []) -> [UInt8] {
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + ScriptedEnd.settings(settings)
    }

    mutating func send(_ peer: Peer, _ bytes: [UInt8]) {
        self.relay.receive(ByteBuffer(bytes: bytes), from: peer)
        self.run()
    }

    mutating func request(_ stream: UInt32, _ fields: FieldList, end: Bool = true) {
        self.headers(.client, stream, fields, end: end)
    }

    mutating func headers(_ peer: Peer, _ stream: UInt32, _ fields: FieldList, end: Bool = true) {
        self.send(peer, self.ends[peer]?.headers(stream, fields, end: end) ?? [])
    }

    mutating func data(_ peer: Peer, _ stream: UInt32, _ bytes: [UInt8], end: Bool = false) {
        var rest = bytes[...]
        repeat {
            let part = Array(rest.prefix(16_384))
            rest = rest.dropFirst(part.count)
            self.send(peer, ScriptedEnd.frame(.data, end && rest.isEmpty ? .endStream : [], stream, part))
        } while !rest.isEmpty
    }

    mutating func reset(_ peer: Peer, _ stream: UInt32, _ code: ErrorCode) {
        self.send(peer, ScriptedEnd.frame(.resetStream, [], stream, ScriptedEnd.word(code.rawValue)))
    }

    mutating func goAway(_ peer: Peer, last: UInt32, _ code: ErrorCode = .noError) {
        self.send(peer, ScriptedEnd.frame(.goAway, [], 0, ScriptedEnd.word(last) + ScriptedEnd.word(code.rawValue)))
    }

    mutating func window(_ peer: Peer, _ stream: UInt32, _ increment: UInt32) {
        self.send(peer, ScriptedEnd.frame(.windowUpdate, [], stream, ScriptedEnd.word(increment)))
    }

    /// Lets a tunnel take the connection, and its process greet.
    mutating func acceptLaptop(_ number: Int = 0, _ settings: [Setting] = []) {
        self.relay.laptopAccepted(number)
        self.run()
        self.send(.laptop(number), ScriptedEnd.settings(settings))
    }

    /// What an end has got of streams; of the connection only what is asked for.
    mutating func take(_ peer: Peer, _ types: [FrameType] = [.headers, .data, .resetStream, .goAway]) -> [Seen] {
        defer { self.seen[peer] = nil }
        return (self.seen[peer] ?? []).filter { types.contains($0.type) || ($0.type == .continuation) }
    }

    mutating func takeActions() -> [HTTP2Relay.Action] {
        defer { self.actions = [] }
        return self.actions
    }

    mutating func run() {
        while true {
            let action = self.relay.step()
            switch action {
            case .wait:
                if !self.collect() { return }
            case .route(let stream, let fields):
                let isDiverted = self.route.match.isSatisfied(by: fields)
                self.relay.routed(stream, isDiverted ? .divert(self.route) : .original, isCopied: self.makesCopies)
            case .copy(let stream, let side, let bytes):
                self.copies[stream, default: [:]][side, default: ByteBuffer()].writeImmutableBuffer(bytes)
            case .connect(let number, _):
                self.ends[.laptop(number)] = ScriptedEnd(awaitsPreface: true)
                self.actions.append(action)
            case .log(let stream, let record): self.records[stream] = record
            default: self.actions.append(action)
            }
        }
    }

    private mutating func collect() -> Bool {
        var moved = false
        for peer in self.ends.keys {
            guard let output = self.relay.takeOutput(peer) else { continue }
            moved = true
            if self.isRaw, peer == .client {
                self.rawOutput += output.readableBytesView
            } else if let seen = self.ends[peer]?.read(output) {
                self.seen[peer, default: []] += seen
            }
        }
        return moved
    }
}
