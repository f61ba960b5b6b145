public import HTTPWire

/// Reads one final response out of the bytes of a connection, in as many pieces as they come.
///
/// Interim responses (1xx) before it are passed over. Nothing after it is looked at.
public struct ResponseReader: Sendable {
    /// What the bytes so far amount to.
    public enum Outcome: Sendable, Hashable {
        /// Not a whole response yet.
        case more
        /// The response.
        case whole(HTTPResponse)
        /// There will be none, and why.
        case unreadable(String)
    }

    private let method: HTTPWire.Method
    private let limit: Int
    private var bytes: [UInt8] = []
    private var scanner = HeadScanner()
    /// Where the head that is being read begins.
    private var start = 0
    private var head: ResponseHead?
    private var framer = BodyFramer.none
    /// Up to where the framer has taken.
    private var framed = 0

    /// A reader of the answer to a request of `method`, of at most `limit` bytes in all.
    public init(answering method: HTTPWire.Method, limit: Int = .max) {
        self.method = method
        self.limit = limit
    }

    /// Takes what came next; `isEnd` when nothing more will.
    public mutating func read(_ more: some Collection<UInt8>, isEnd: Bool) -> Outcome {
        self.bytes.append(contentsOf: more)
        while self.head == nil {
            switch self.readHead() {
            case nil: continue
            case .more where isEnd:
                return .unreadable(
                    self.bytes.isEmpty ? "the connection ended without an answer" : "the answer is cut short"
                )
            case let outcome?: return outcome
            }
        }
        return self.readBody(isEnd)
    }

    /// Nil when there is something more to be read at once.
    private mutating func readHead() -> Outcome? {
        let verdict = self.bytes.withUnsafeBytes { raw in
            self.scanner.scanResponse(ByteView(raw).dropping(self.start))
        }
        switch verdict {
        case .incomplete: return .more
        case .notHTTP, .ambiguous, .tooLong: return .unreadable("the answer is not well-formed HTTP/1.1")
        case .complete(let head) where head.status == 101: return .unreadable("the answer switches protocols")
        case .complete(let head) where head.status < 200:
            self.start += head.length
            self.scanner = HeadScanner()
            return nil
        case .complete(let head):
            self.head = head
            self.framer = head.framing(answering: self.method)
            self.framed = self.start + head.length
            return nil
        }
    }

    private mutating func readBody(_ isEnd: Bool) -> Outcome {
        guard let head else { return .more }
        if !self.framer.isComplete {
            let taken = self.bytes.withUnsafeBytes { self.framer.take(ByteView($0), from: self.framed) }
            guard let taken else { return .unreadable("the answer's body breaks the chunk grammar") }
            self.framed += taken
        }
        if self.framer.isComplete || (isEnd && self.framer.endsWithConnection) { return .whole(self.response(head)) }
        guard self.bytes.count <= self.limit else {
            return .unreadable("the answer is longer than \(self.limit) bytes")
        }
        return isEnd ? .unreadable("the answer is cut short") : .more
    }

    private func response(_ head: ResponseHead) -> HTTPResponse {
        let fields = self.bytes.withUnsafeBytes { raw in
            let view = ByteView(raw).dropping(self.start)
            var cursor = FieldCursor(head)
            var fields: [HTTPResponse.Field] = []
            while let field = cursor.next(in: view) {
                let name = String(decoding: view.bytes(field.name), as: UTF8.self)
                fields.append(.init(name, bytes: Self.trimmed(Array(view.bytes(field.value)))))
            }
            return fields
        }
        let body = self.bytes[(self.start + head.length)..<self.framed]
        var chunks = ChunkDecoder()
        let data = head.flags.contains(.chunked) ? chunks.take(body) : Array(body)
        return HTTPResponse(status: head.status, fields: fields, body: data)
    }

    /// Optional white space around a value is no part of it (RFC 9110 section 5.5).
    private static func trimmed(_ value: [UInt8]) -> some Sequence<UInt8> {
        let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        return value.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
    }
}
