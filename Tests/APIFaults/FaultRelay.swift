import HTTPWire

/// The relay of one connection to an API server through a faulty proxy, as a value: bytes and ends go in, outputs come out.
///
/// Requests are relayed one after the other, byte for byte where no fault says otherwise. After a 101 the two sides speak
/// without it.
public struct FaultRelay: Sendable {
    /// What the shell is to do.
    public enum Output: Hashable, Sendable {
        /// Ask what goes wrong with this request, and say it with ``decided(_:)``.
        case decide(APIRequest)
        /// Send bytes to the server.
        case toServer([UInt8])
        /// Send bytes to the client.
        case toClient([UInt8])
        /// Call ``waited()`` after so many milliseconds.
        case wait(Int)
        /// Kill the client, before anything else happens to its connections.
        case kill
        /// Strike somebody else, and call ``waited()`` when that is done.
        case strike
        /// Reset both connections.
        case reset
        /// Close both connections behind what was sent.
        case close
    }

    enum Stage {
        /// Between two requests, or in a request's head.
        case idle
        /// A request is there, and nobody has said what is to go wrong with it.
        case deciding
        case delaying
        /// Somebody else is being struck; the server's answer waits for that.
        case striking
        case relaying
        /// The two sides speak without us.
        case raw
        /// Nothing moves any more.
        case stuck
        case over
    }

    var stage: Stage = .idle
    var fault: Fault?
    var fromClient: [UInt8] = []
    var fromServer: [UInt8] = []
    var requestScanner = HeadScanner()
    var responseScanner = HeadScanner()
    var request: RequestHead?
    var asked: APIRequest?
    var requestBody = BodyFramer.none
    var response: ResponseHead?
    var responseBody = BodyFramer.none
    var chunks = ChunkDecoder()
    var line: [UInt8] = []
    var watch: WatchScrambler?
    /// An answer's head that waits, and whether the server has ended behind it.
    var held: (head: ResponseHead, bytes: [UInt8], isLast: Bool)?

    /// A relay of a connection that has just been accepted.
    public init() {}

    /// The client sent bytes.
    public mutating func clientSent(_ bytes: [UInt8]) -> [Output] {
        guard self.stage != .raw else { return [.toServer(bytes)] }
        self.fromClient += bytes
        return self.advance()
    }

    /// The server sent bytes.
    public mutating func serverSent(_ bytes: [UInt8]) -> [Output] {
        guard self.stage != .raw else { return [.toClient(bytes)] }
        self.fromServer += bytes
        return self.takeResponse() + self.advance()
    }

    /// The client has ended: nobody is there for whom anything could be kept open.
    public mutating func clientEnded() -> [Output] {
        guard self.stage != .over else { return [] }
        self.stage = .over
        return [.close]
    }

    /// The server has ended, which the client is shown, unless it is to be shown nothing.
    public mutating func serverEnded() -> [Output] {
        if case .freeze = self.fault, self.watch != nil { self.stage = .stuck }
        if self.held != nil {
            self.held?.isLast = true
            return []
        }
        return self.stage == .stuck ? [] : self.clientEnded()
    }

    /// What goes wrong with the request that was asked about.
    public mutating func decided(_ fault: Fault?) -> [Output] {
        self.fault = fault
        if case .delay(let milliseconds) = fault {
            self.stage = .delaying
            return [.wait(milliseconds)]
        }
        if fault == .strike(.before) {
            self.stage = .delaying
            return [.strike]
        }
        return self.begin()
    }

    /// The time asked for is over, or somebody has been struck.
    public mutating func waited() -> [Output] {
        switch self.stage {
        case .delaying: self.begin()
        case .striking: self.struck() + self.advance()
        case .relaying: Self.chunked(self.watch?.release() ?? [])
        default: []
        }
    }

    private mutating func begin() -> [Output] {
        guard let head = self.request else { return [] }
        guard self.fault != .cut else { return self.reset() }
        guard self.fault != .kill(.before) else { return [.kill] + self.reset() }
        self.stage = .relaying
        self.requestBody = head.framing
        let bytes = Array(self.fromClient.prefix(head.length))
        self.fromClient.removeFirst(head.length)
        return (self.fault?.reachesServer ?? true ? [.toServer(bytes)] : []) + self.advance()
    }

    /// Goes on with the client's bytes, as far as they go.
    private mutating func advance() -> [Output] {
        switch self.stage {
        case .idle: self.takeHead()
        case .relaying where !self.requestBody.isComplete: self.takeBody()
        case .relaying: self.requestIsOver()
        default: []
        }
    }

    private mutating func takeHead() -> [Output] {
        guard !self.fromClient.isEmpty else { return [] }
        switch self.fromClient.withUnsafeBytes({ self.requestScanner.scanRequest(ByteView($0)) }) {
        case .incomplete: return []
        case .complete(let head):
            self.requestScanner = HeadScanner()
            self.request = head
            self.stage = .deciding
            let method = self.fromClient[head.methodRange.lower..<head.methodRange.upper]
            let target = self.fromClient[head.target.lower..<head.target.upper]
            let asked = APIRequest(
                method: String(decoding: method, as: UTF8.self),
                target: String(decoding: target, as: UTF8.self)
            )
            self.asked = asked
            return [.decide(asked)]
        case .notHTTP, .ambiguous, .tooLong: return self.reset()
        }
    }

    private mutating func takeBody() -> [Output] {
        guard !self.fromClient.isEmpty else { return [] }
        guard let taken = self.fromClient.withUnsafeBytes({ self.requestBody.take(ByteView($0)) }) else {
            return self.reset()
        }
        var bytes = Array(self.fromClient.prefix(taken))
        self.fromClient.removeFirst(taken)
        if self.fault == .stallRequest {
            bytes.removeLast((bytes.count + 1) / 2)
            self.stage = .stuck
            return [.toServer(bytes)]
        }
        return (self.fault?.reachesServer ?? true ? [.toServer(bytes)] : []) + self.advance()
    }

    /// The whole request is here: nothing more is to be done, unless the proxy answers it, or it has no body to be cut in.
    private mutating func requestIsOver() -> [Output] {
        switch self.fault {
        case .answer(let status, let seconds):
            self.endExchange()
            return [.toClient(Self.answer(status, seconds))] + self.advance()
        case .stallRequest: self.stage = .stuck
        default: break
        }
        return []
    }

    mutating func endExchange() {
        self.stage = .idle
        self.fault = nil
        self.request = nil
        self.asked = nil
        self.response = nil
        self.watch = nil
    }

    mutating func reset() -> [Output] {
        self.stage = .over
        return [.reset]
    }

    /// An answer in an API server's form.
    static func answer(_ status: Int, _ seconds: Int?) -> [UInt8] {
        let reasons = [
            409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable",
        ]
        let body = """
            {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"a fault of a test",\
            "reason":"\(reasons[status] ?? "Unknown")","code":\(status)}
            """
        let wait = seconds.map { "Retry-After: \($0)\r\n" } ?? ""
        return Array(
            """
            HTTP/1.1 \(status) Fault\r
            Content-Type: application/json\r
            Content-Length: \(body.utf8.count)\r
            \(wait)\r
            \(body)
            """.utf8
        )
    }
}
