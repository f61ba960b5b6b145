import HTTP2Wire
import NIOCore
public import ProxyCore

/// How streams and connections end.
extension HTTP2Relay {
    /// The payload of a PING that tells when the client has read our first GOAWAY; nobody else's begins like this.
    static let drainPing: UInt64 = 0x6465_746f_7572_0001

    /// An end has sent its last byte.
    public mutating func ended(_ peer: Peer) {
        guard self.has(peer) else {
            return
        }
        self[peer].hasEnded = true
        switch peer {
        case .client where self.phase == .raw || (self.phase == .greeting && self.client.inbox.readableBytes == 0):
            self.passClientEnd()
        case .client: break
        case .original: break
        case .laptop(let number):
            // What it sent before it ended is read first: in one go, so only as far as what that becomes stays bounded.
            while self.client.outbox.readableBytes < Bounds.pressure, self.readFrame(peer) {}
            self.laptopFailed(number, self.laptops[number]?.lossReason ?? .tunnelReset)
        }
    }

    /// The connection to an end was reset or broke.
    public mutating func wasReset(_ peer: Peer) {
        switch peer {
        case .client: self.end(reset: true, .clientClosed)
        case .original:
            let isNeeded = self.streams.isEmpty || self.streams.values.contains { $0.server == .original }
            // While only diverted streams are under way the client does not notice; afterwards it sees an end.
            self.original.hasEnded = true
            // What waits for it is for nobody, and in nobody's way.
            self.original.setWritable(true)
            if isNeeded || self.phase != .relaying { self.end(reset: true, .upstreamClosed) }
        case .laptop(let number): self.laptopFailed(number, self.laptops[number]?.lossReason ?? .tunnelReset)
        }
    }

    /// A deadline of `deadline` has passed.
    public mutating func deadlinePassed(_ deadline: Deadline) {
        switch (self.phase, deadline) {
        case (.preface, .head):
            self.phase = .closed
            self.actions.append(.raw)
        case (.closing, .linger): self.end(reset: false)
        default: break
        }
    }

    /// Asks the client to open no more streams here, in the two steps that lose none: RFC 9113 section 6.8.
    public mutating func announceClose() {
        self.announcesClose = true
        guard self.phase == .relaying, !self.client.hasGoAway, !self.awaitsDrainPing else {
            return
        }
        self.client.writeGoAway(last: Bounds.largestStream, .noError)
        self.client.writePing(Self.drainPing, isAcknowledgement: false)
        self.awaitsDrainPing = true
    }

    /// No more streams are wanted: the connection ends with its last one.
    public mutating func drain() {
        self.isDraining = true
        if self.phase == .relaying { self.sayGoAway(.noError) }
    }

    /// Tells the client which stream was the last that is looked at.
    mutating func sayGoAway(_ code: ErrorCode, debug: ByteBuffer = ByteBuffer()) {
        guard !self.client.hasGoAway else {
            return
        }
        self.client.hasGoAway = true
        self.client.writeGoAway(last: self.lastStream, code, debug: debug)
    }

    /// The original takes no more streams. Those it never looked at may be asked for again, and the client is told so.
    mutating func originalGoesAway(last: UInt32, _ code: ErrorCode, _ debug: ByteBuffer) {
        guard last < Bounds.largestStream else {
            return self.client.writeGoAway(last: Bounds.largestStream, code, debug: debug)
        }
        self.original.lastAccepted = last
        for (stream, id) in self.original.streams.sorted(by: { $0.key < $1.key }) where stream > last {
            self.refuse(id)
        }
        self.sayGoAway(code, debug: debug)
    }

    /// Nothing has looked at the request: the client may ask again, on another connection.
    mutating func refuse(_ id: UInt32) {
        guard self.streams[id] != nil else {
            return
        }
        self.client.writeReset(stream: id, .refusedStream)
        self.close(id)
    }

    /// Ends a stream on both sides.
    mutating func abort(_ id: UInt32, _ code: ErrorCode) {
        guard self.streams[id] != nil else {
            return
        }
        self.client.writeReset(stream: id, code)
        self.resetServer(id, code)
        self.close(id)
    }

    mutating func resetServer(_ id: UInt32, _ code: ErrorCode) {
        guard let stream = self.streams[id], let number = stream.serverStream, self.has(stream.server) else {
            return
        }
        self[stream.server].writeReset(stream: number, code)
    }

    /// Ends a stream whose response the client has got.
    mutating func settle(_ id: UInt32) {
        guard let stream = self.streams[id], stream.down.isDone else {
            return
        }
        if stream.up.isDone || (stream.isSynthetic && stream.up.hasEnded) {
            self.close(id)
        } else if stream.isSynthetic || stream.resetAfter != nil {
            if !stream.up.hasEnded { self.client.writeReset(stream: id, stream.resetAfter ?? .noError) }
            self.close(id)
        }
    }

    /// Forgets a stream, with its log line.
    mutating func close(_ id: UInt32) {
        guard let stream = self.streams.removeValue(forKey: id) else {
            return
        }
        if self.routing == id { self.routing = nil }
        self.client.forgetWindows(id)
        self.actions.append(.log(id, stream.record))
        self.keptFields -= stream.keptFields
        self.client.held -= stream.up.queued
        self.release(.client)
        if self.has(stream.server), !stream.isSynthetic {
            self[stream.server].held -= stream.down.queued
            self.release(stream.server)
        }
        if let number = stream.serverStream {
            self.forget(number, at: stream.server)
        } else {
            self.leave(id)
        }
    }

    /// A server is done with one of its streams: it has room for another.
    private mutating func forget(_ stream: UInt32, at server: Peer) {
        guard self.has(server) else {
            return
        }
        if let id = self[server].streams.removeValue(forKey: stream) { self[server].forgetWindows(id) }
        if case .laptop(let number) = server {
            self.serveWaiting(number)
            self.retire(number)
        }
    }

    /// The server has ended a stream whose whole response has come; what of that waits here still goes to the client.
    mutating func detach(_ id: UInt32, _ code: ErrorCode) {
        guard let stream = self.streams[id], let number = stream.serverStream else {
            return
        }
        self.streams[id]?.resetAfter = code
        self.streams[id]?.serverStream = nil
        self.forget(number, at: stream.server)
        self.settle(id)
    }

    /// The original sees the client's end behind everything that may still have to go there.
    private mutating func passClientEnd() {
        guard self.client.hasEnded, !self.hasPassedClientEnd, self.reads(.client) else {
            return
        }
        guard !self.streams.values.contains(where: { $0.up.isPending || self.mayAskOriginal($0) }) else {
            return
        }
        self.hasPassedClientEnd = true
        self.passLastWindows()
        self.actions.append(.finish(.original))
    }

    /// Whether a stream without a server may still need the original, or has an answer that can still go on.
    private func mayAskOriginal(_ stream: RelayedStream) -> Bool {
        guard stream.serverStream == nil else {
            return false
        }
        return stream.resetAfter != nil || stream.isSynthetic ? self.canMove(stream.down) : true
    }

    /// Whether a response will still move: after the client's end no news of room comes from it.
    private func canMove(_ flow: Flow) -> Bool {
        guard self.client.hasEnded, self.reads(.client), !flow.queue.isEmpty else {
            return flow.isPending
        }
        return self.sendWindow(flow, at: .client) > 0 && self.client.sendWindow > 0
    }

    /// Ends the connection when nothing is left to be done on it.
    mutating func checkEnd() {
        guard self.phase == .relaying else {
            return
        }
        self.passClientEnd()
        guard self.original.hasEnded || self.isDraining else {
            return
        }
        // What it sent before its end has to be read first.
        guard self.reads(.original) else {
            return
        }
        guard self.original.hasEnded else {
            if self.streams.isEmpty { self.beginClosing() }
            return
        }
        // Those too that it has reset once their response was whole.
        let own = self.streams.values.filter { $0.server == .original && !$0.isSynthetic }
        guard !own.contains(where: { self.canMove($0.down) }) else {
            return
        }
        if own.contains(where: { $0.serverStream != nil || $0.down.isPending }) || self.streams.isEmpty {
            // Streams of the original's are cut off with its connection, as they would be without us.
            self.beginClosing()
        } else {
            self.sayGoAway(.noError)
        }
    }

    /// Shows the client an end, and waits for its own before everything is closed.
    mutating func beginClosing() {
        self.note(self.streams.isEmpty ? [] : .upstreamClosed)
        self.phase = .closing
        for number in self.laptops.keys { self.actions.append(.disconnect(number)) }
        self.laptops = [:]
        self.actions.append(.finish(.client))
    }

    /// An end broke the rules.
    mutating func fail(_ peer: Peer, _ code: ErrorCode) {
        switch peer {
        case .client:
            self.client.writeGoAway(last: self.lastStream, code)
            self.end(reset: false, .clientProtocol)
        case .original:
            self.original.writeGoAway(last: 0, code)
            self.end(reset: false, .upstreamProtocol)
        case .laptop(let number): self.laptopFailed(number, .badResponse)
        }
    }

    /// Closes everything, by a reset or in order.
    mutating func end(reset: Bool, _ flags: ResponseFlags = []) {
        guard self.phase != .closed else {
            return
        }
        self.note(flags)
        self.phase = .closed
        self.actions.append(reset ? .resetAll : .closeAll)
    }

    /// The line of a connection whose original answered in another protocol, which passed unread.
    private var rawRecord: Record {
        Record(
            kind: .raw,
            server: .original,
            status: 0,
            bytesIn: 0,
            bytesOut: self.rawBytesOut,
            fallback: nil,
            raw: .http2,
            matched: false,
            route: nil,
            flags: []
        )
    }

    /// The log lines of what is still open, and of a connection that was none of ours.
    private mutating func note(_ flags: ResponseFlags) {
        for id in self.streams.keys.sorted() {
            guard var record = self.streams[id]?.record else { continue }
            record.flags.formUnion(flags)
            self.actions.append(.log(id, record))
        }
        self.streams = [:]
        self.keptFields = 0
        self.routing = nil
        guard self.phase == .raw else {
            return
        }
        self.actions.append(.log(0, self.rawRecord))
    }
}
