import HTTP2Relay
import HTTP2Wire
import NIOCore
import ProxyCore
import TrafficMatch

/// A shell without sockets around the relay of an HTTP/2 connection, with a route for `x-user: alice`.
struct HTTP2Shell {
    private var relay = HTTP2Relay()
    private let route: Route
    /// What each end has got and has not been read yet, and whether a preface comes first.
    private var output: [Peer: [UInt8]] = [:]
    private var hasPreface: Set<Peer> = []
    private var hasGreeted = false
    private var isRaw = false
    private var laptops: [Int] = []
    private var routed: Set<UInt32> = []
    /// Whether the relay has closed the connection, or given it to others.
    private(set) var isOver = false

    init() throws {
        self.route = Route(
            id: "alice",
            match: try RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")]),
            upstreamPath: "/a.sock",
            isUp: true
        )
    }

    var laptop: Peer { .laptop(self.laptops.last ?? 0) }

    /// Both ends say what they have to say first.
    mutating func greet() throws {
        guard !self.hasGreeted else { return }
        self.hasGreeted = true
        let settings = FuzzTarget.frame(4, [0, 0])
        try self.receive(.client, Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings)
        try self.receive(.original, settings)
    }

    /// The tunnel takes the latest connection, and the process behind it greets.
    mutating func accept() throws {
        guard let number = self.laptops.last else { return }
        try self.tell { $0.laptopAccepted(number) }
        try self.receive(.laptop(number), FuzzTarget.frame(4, [0, 0]))
    }

    mutating func receive(_ peer: Peer, _ bytes: [UInt8]) throws {
        guard !self.isOver else { return }
        self.relay.receive(ByteBuffer(bytes: bytes), from: peer)
        try self.run()
    }

    mutating func tell(_ verb: (inout HTTP2Relay) -> Void) throws {
        guard !self.isOver else { return }
        verb(&self.relay)
        try self.run()
    }

    mutating func tellLaptop(_ verb: (inout HTTP2Relay, Peer) -> Void) throws {
        let peer = self.laptop
        try self.tell { verb(&$0, peer) }
    }

    mutating func tellNumber(_ verb: (inout HTTP2Relay, Int) -> Void) throws {
        guard let number = self.laptops.last else { return }
        try self.tell { verb(&$0, number) }
    }

    mutating func expire() throws {
        guard let deadline = self.relay.deadline else { return }
        try self.tell { $0.deadlinePassed(deadline) }
    }

    private mutating func run() throws {
        var steps = 0
        while !self.isOver {
            steps += 1
            try require(steps < 20_000, "the relay comes to rest")
            switch self.relay.step() {
            case .wait:
                guard try self.collect() else { return }
            case .route(let stream, let fields):
                try require(self.routed.insert(stream).inserted, "stream \(stream) is routed once")
                let isDiverted = self.route.match.isSatisfied(by: fields)
                self.relay.routed(stream, isDiverted ? .divert(self.route) : .original, isCopied: stream % 4 == 3)
            case .connect(let number, _):
                try require(!self.laptops.contains(number), "a connection has a number of its own")
                self.laptops.append(number)
            case .disconnect(let number):
                try require(self.laptops.contains(number), "a connection that is there is let go of")
                self.laptops.removeAll { $0 == number }
                self.output[.laptop(number)] = nil
            case .raw: self.isOver = true
            case .closeAll, .resetAll:
                _ = try self.collect()
                self.isOver = true
            case .copy, .log, .finish: break
            }
        }
    }

    /// What an end gets is frames, and nothing else, for as long as the original speaks HTTP/2.
    private mutating func collect() throws -> Bool {
        var moved = false
        for peer in [Peer.client, .original] + self.laptops.map(Peer.laptop) {
            guard let bytes = self.relay.takeOutput(peer) else { continue }
            moved = true
            try require(bytes.readableBytes <= 32 << 20, "\(bytes.readableBytes) bytes at once")
            self.output[peer, default: []] += bytes.readableBytesView
            try self.readFrames(peer)
        }
        return moved
    }

    private mutating func readFrames(_ peer: Peer) throws {
        guard !self.isRaw, var rest = self.output[peer]?[...] else { return }
        if peer != .client, !self.hasPreface.contains(peer) {
            guard rest.count >= 24 else { return }
            try require(rest.starts(with: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), "\(peer) gets a preface first")
            self.hasPreface.insert(peer)
            rest = rest.dropFirst(24)
        }
        if peer == .client, !self.hasPreface.contains(peer), rest.count >= 9 {
            // The original's first bytes: SETTINGS, or those of something that is no HTTP/2, which pass as they came.
            self.isRaw = Array(rest.prefix(9)).withUnsafeBytes { FrameHeader($0)?.beginsConnection != true }
            self.hasPreface.insert(peer)
            if self.isRaw { return }
        }
        while let header = Array(rest.prefix(9)).withUnsafeBytes({ FrameHeader($0) }), rest.count >= 9 + header.length {
            try require(header.type.rawValue <= 9, "\(peer) gets a frame of type \(header.type.rawValue)")
            try require(header.length <= FrameHeader.smallestMaximum, "\(peer) gets a frame of \(header.length) bytes")
            rest = rest.dropFirst(9 + header.length)
        }
        self.output[peer] = Array(rest)
    }
}
