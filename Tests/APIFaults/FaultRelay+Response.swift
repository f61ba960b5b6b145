import HTTPWire

/// The server's side of an exchange.
extension FaultRelay {
    mutating func takeResponse() -> [Output] {
        guard self.stage == .relaying, !self.fromServer.isEmpty else {
            // What a server says unasked, or to a request that is stuck, is for nobody.
            if self.stage == .stuck || self.stage == .over { self.fromServer = [] }
            return []
        }
        return self.response == nil ? self.takeResponseHead() : self.takeResponseBody()
    }

    private mutating func takeResponseHead() -> [Output] {
        switch self.fromServer.withUnsafeBytes({ self.responseScanner.scanResponse(ByteView($0)) }) {
        case .incomplete: return []
        case .notHTTP, .ambiguous, .tooLong: return self.reset()
        case .complete(let head):
            self.responseScanner = HeadScanner()
            let bytes = Array(self.fromServer.prefix(head.length))
            self.fromServer.removeFirst(head.length)
            guard head.status >= 200 || head.status == 101 else {
                return (self.hides ? [] : [.toClient(bytes)]) + self.takeResponse()
            }
            if self.fault == .strike(.after) {
                self.held = (head, bytes, false)
                self.stage = .striking
                return [.strike]
            }
            return self.begin(head, bytes)
        }
    }

    /// Goes on with the answer that was held while somebody was struck.
    mutating func struck() -> [Output] {
        guard let held = self.held else { return [] }
        (self.held, self.fault, self.stage) = (nil, nil, .relaying)
        return self.begin(held.head, held.bytes) + (held.isLast ? self.serverEnded() : [])
    }

    private mutating func begin(_ head: ResponseHead, _ bytes: [UInt8]) -> [Output] {
        if head.status == 101 {
            guard !self.hides else { return self.endHidden() }
            guard self.fault != .truncate else { return self.truncated(bytes) }
            defer { (self.fromServer, self.fromClient) = ([], []) }
            self.stage = .raw
            return [.toClient(bytes + self.fromServer)] + (self.fromClient.isEmpty ? [] : [.toServer(self.fromClient)])
        }
        // The head of a watch's answer is all of it that can be waited for.
        if self.fault == .kill(.after), self.asked?.verb == "watch" { return self.endHidden() }
        self.response = head
        self.responseBody = head.framing(answering: self.request?.method ?? .get)
        if let fault = self.fault, fault.isOfWatch, head.status == 200, head.flags.contains(.chunked) {
            self.watch = WatchScrambler(fault)
            self.chunks = ChunkDecoder()
            self.line = []
        }
        let shown: [Output] = self.hides || self.fault == .truncate ? [] : [.toClient(bytes)]
        if self.fault == .truncate, self.responseBody.isComplete { return self.truncated(bytes) }
        if self.fault == .truncate { self.line = bytes }
        guard !self.responseBody.isComplete else { return shown + self.endResponse() }
        return shown + self.takeResponse()
    }

    private mutating func takeResponseBody() -> [Output] {
        guard let taken = self.fromServer.withUnsafeBytes({ self.responseBody.take(ByteView($0)) }) else {
            return self.reset()
        }
        let bytes = Array(self.fromServer.prefix(taken))
        self.fromServer.removeFirst(taken)
        if self.fault == .truncate { return self.truncated(self.line + bytes) }
        var outputs: [Output] = []
        if self.watch != nil {
            outputs = self.scramble(bytes)
        } else if !self.hides, !bytes.isEmpty {
            outputs = [.toClient(bytes)]
        }
        return outputs + (self.responseBody.isComplete ? self.endResponse() : [])
    }

    /// Bytes of a watch, told as its fault has it.
    private mutating func scramble(_ bytes: [UInt8]) -> [Output] {
        var lines: [[UInt8]] = []
        for byte in self.chunks.take(bytes) {
            self.line.append(byte)
            if byte == UInt8(ascii: "\n") {
                lines += self.watch?.take(self.line) ?? []
                self.line = []
            }
        }
        let outputs = Self.chunked(lines)
        if self.watch?.hasEnded == true {
            // The server's own watch goes on, and nobody wants it.
            self.stage = .over
            return outputs + [.toClient(Self.lastChunk), .close]
        }
        return outputs + (self.watch?.holds == true ? [.wait(200)] : [])
    }

    private mutating func endResponse() -> [Output] {
        if self.hides { return self.endHidden() }
        if case .freeze = self.fault, self.watch != nil {
            self.stage = .stuck
            return []
        }
        let rest = self.watch == nil ? [] : Self.chunked(self.watch?.release() ?? []) + [.toClient(Self.lastChunk)]
        let endsConnection = self.response?.keepsAlive == false
        self.endExchange()
        if endsConnection {
            self.stage = .over
            return rest + [.close]
        }
        return rest
    }

    /// The server has answered, and the client does not learn what.
    private mutating func endHidden() -> [Output] {
        switch self.fault {
        case .answerAfter(let status):
            self.endExchange()
            return [.toClient(Self.answer(status, nil))]
        case .cutAnswer: return self.reset()
        case .kill: return [.kill] + self.reset()
        default:
            self.stage = .stuck
            return []
        }
    }

    private mutating func truncated(_ bytes: [UInt8]) -> [Output] {
        self.stage = .over
        return [.toClient(Array(bytes.prefix((bytes.count + 1) / 2))), .reset]
    }

    private var hides: Bool { self.fault?.hidesAnswer ?? false }

    private static let lastChunk = Array("0\r\n\r\n".utf8)

    static func chunked(_ lines: [[UInt8]]) -> [Output] {
        lines.map { .toClient(Array("\(String($0.count, radix: 16))\r\n".utf8) + $0 + Array("\r\n".utf8)) }
    }
}
