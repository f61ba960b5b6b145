import HTTP2Wire
public import NIOCore

/// One request to a server that speaks HTTP/2 without TLS, by prior knowledge (RFC 9113 section 3.3): bytes in, bytes out.
///
/// The server may send at most `longestAnswer` bytes of a body; there is no clock here, and no I/O.
public struct LoneRequest: Sendable {
    /// What has come of it.
    public enum Outcome: Hashable, Sendable {
        /// Nothing yet.
        case more
        /// The whole response.
        case answered(CopiedMessage)
        /// There will be none, and why, as the second half of a sentence.
        case failed(String)
    }

    private var link = Link()
    private var reader = MessageReader()
    private var body: ByteBuffer
    private var trailers: FieldList
    private let longestAnswer: Int
    private var streamWindow: Int
    private var hasSentEnd: Bool
    private var hasGreeting = false

    /// A request that has yet to be sent.
    ///
    /// - Parameter longestAnswer: how many bytes of a response's body are taken.
    public init(_ request: CopiedMessage, longestAnswer: Int) {
        self.body = request.body
        self.trailers = request.trailers
        self.longestAnswer = max(longestAnswer, 65_536)
        // gRPC's clients end with a frame of its own, and its servers have been seen to wait for that.
        let isGRPC = request.fields.first("content-type")?.starts(with: "application/grpc".utf8) ?? false
        self.hasSentEnd = request.body.readableBytes == 0 && request.trailers.count == 0 && !isGRPC
        self.streamWindow = self.link.initialSendWindow
        self.link.outbox.writeStaticString(connectionPreface)
        // A byte more than is taken, so that an answer of just that length can be told from a longer one.
        let window = UInt32(clamping: self.longestAnswer + 1)
        self.link.writeSettings([Setting(.enablePush, 0), Setting(.initialWindowSize, window)])
        self.link.writeWindowUpdate(stream: 0, window - 65_535)
        self.link.writeFields(stream: 1, request.fields, endsStream: self.hasSentEnd)
        self.sendBody()
    }

    /// What is to be sent now; nil when there is nothing.
    public mutating func takeOutput() -> ByteBuffer? {
        self.link.takeOutput()
    }

    /// Takes what came from the server; `isEnd` when nothing more will.
    public mutating func receive(_ bytes: ByteBuffer, isEnd: Bool) -> Outcome {
        self.link.receive(bytes)
        while true {
            if let header = self.link.nextHeader, !self.hasGreeting, !header.beginsConnection {
                return .failed("the local process does not speak HTTP/2")
            }
            switch self.link.nextFrame() {
            case .tooLong: return .failed("a frame is longer than was allowed")
            case .more: return isEnd ? .failed(self.cutShort) : .more
            case .frame(let header, let payload):
                self.hasGreeting = true
                if let outcome = self.read(header, payload) { return outcome }
            }
        }
    }

    private var cutShort: String {
        self.hasGreeting ? "the answer is cut short" : "the connection ended without an answer"
    }

    /// Nil when there is something more to be read at once.
    private mutating func read(_ header: FrameHeader, _ payload: ByteBuffer) -> Outcome? {
        var payload = payload
        switch header.type {
        case .settings:
            guard !header.flags.contains(.acknowledgement) else { return nil }
            guard let settings = HTTP2Relay.settings(payload) else { return .failed("its SETTINGS break the rules") }
            self.apply(settings)
        case .ping:
            guard !header.flags.contains(.acknowledgement), let data = payload.readInteger(as: UInt64.self) else {
                return nil
            }
            self.link.writePing(data, isAcknowledgement: true)
        case .windowUpdate:
            let increment = Int((payload.readInteger(as: UInt32.self) ?? 0) & Bounds.largestStream)
            if header.stream == 0 { self.link.sendWindow += increment } else { self.streamWindow += increment }
            self.sendBody()
        case .goAway:
            guard let (last, code) = payload.readMultipleIntegers(as: (UInt32, UInt32).self),
                last & Bounds.largestStream == 0
            else { return nil }
            return .failed("the request was turned away with GOAWAY, code \(code)")
        case .resetStream where header.stream == 1:
            return .failed("the stream was reset with code \(payload.readInteger(as: UInt32.self) ?? 0)")
        case .headers, .continuation, .data:
            guard header.stream == 1, self.reader.read(header, payload) else {
                return .failed("the answer breaks the rules of HTTP/2")
            }
            guard self.reader.isWhole else {
                return self.reader.message.body.readableBytes > self.longestAnswer
                    ? .failed("the answer is longer than \(self.longestAnswer) bytes") : nil
            }
            return .answered(self.reader.message)
        case .pushPromise: return .failed("the answer breaks the rules of HTTP/2")
        default: break
        }
        return nil
    }

    private mutating func apply(_ settings: [Setting]) {
        for setting in settings {
            switch setting.name {
            case .headerTableSize: self.link.encoder.setMaximumTableSize(setting.value)
            case .initialWindowSize:
                self.streamWindow += Int(setting.value) - self.link.initialSendWindow
                self.link.initialSendWindow = Int(setting.value)
            default: break
            }
        }
        self.link.writeSettingsAcknowledgement()
        self.sendBody()
    }

    /// Sends what the windows take, and the end behind it.
    private mutating func sendBody() {
        guard !self.hasSentEnd else {
            return
        }
        let hasTrailers = self.trailers.count > 0
        while self.body.readableBytes > 0 {
            let room = min(self.link.sendWindow, self.streamWindow, FrameHeader.smallestMaximum)
            guard room > 0, let part = self.body.readSlice(length: min(room, self.body.readableBytes)) else {
                return
            }
            self.link.sendWindow -= part.readableBytes
            self.streamWindow -= part.readableBytes
            self.hasSentEnd = self.body.readableBytes == 0 && !hasTrailers
            self.link.writeData(stream: 1, part, endsStream: self.hasSentEnd)
        }
        guard !self.hasSentEnd else {
            return
        }
        self.hasSentEnd = true
        if hasTrailers {
            self.link.writeFields(stream: 1, self.trailers, endsStream: true)
        } else {
            self.link.writeData(stream: 1, ByteBuffer(), endsStream: true)
        }
    }
}
