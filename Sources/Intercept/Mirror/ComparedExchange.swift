import HTTP2Relay
import HTTP2Wire
import HTTPWire
import NIOCore
import ResponseDiff
import Tunnel

/// A copied exchange as comparisons need it: what to ask, and what the original answered.
struct ComparedExchange: Sendable {
    /// The request's method, and its target with the query.
    let method: String
    let target: String
    /// The original's answer.
    let expected: HTTPResponse
    /// How the local process is asked the same.
    let dialogue: LocalDialogue

    /// Nil when request and response are not both whole.
    init?(_ exchange: MirroredExchange, longestAnswer: Int) {
        if exchange.applicationProtocol == "h2" {
            guard let request = CopiedMessage(frames: exchange.request),
                let response = CopiedMessage(frames: exchange.response)
            else { return nil }
            self.method = String(decoding: request.fields.first(":method") ?? [], as: UTF8.self)
            self.target = String(decoding: request.fields.first(":path") ?? [], as: UTF8.self)
            self.expected = HTTPResponse(response)
            self.dialogue = .http2(LoneRequest(request, longestAnswer: longestAnswer))
            return
        }
        guard let request = CopiedRequest(Array(exchange.request.readableBytesView)), request.isWhole else {
            return nil
        }
        var reader = ResponseReader(answering: request.method)
        guard case .whole(let expected) = reader.read(exchange.response.readableBytesView, isEnd: true) else {
            return nil
        }
        self.method = request.method.rawValue
        self.target = request.target
        self.expected = expected
        self.dialogue = .http1(exchange.request, ResponseReader(answering: request.method, limit: longestAnswer))
    }
}

/// One request to the local process and what comes back, in either version of HTTP.
enum LocalDialogue: Sendable {
    /// The request's bytes, and what reads the answer.
    case http1(ByteBuffer?, ResponseReader)
    case http2(LoneRequest)

    /// What is to be sent now; nil when there is nothing.
    mutating func takeOutput() -> ByteBuffer? {
        switch self {
        case .http1(let request, let reader):
            self = .http1(nil, reader)
            return request
        case .http2(var request):
            defer { self = .http2(request) }
            return request.takeOutput()
        }
    }

    /// Takes what came; `isEnd` when nothing more will.
    mutating func receive(_ bytes: ByteBuffer, isEnd: Bool) -> ResponseReader.Outcome {
        switch self {
        case .http1(let request, var reader):
            defer { self = .http1(request, reader) }
            return reader.read(bytes.readableBytesView, isEnd: isEnd)
        case .http2(var request):
            defer { self = .http2(request) }
            return switch request.receive(bytes, isEnd: isEnd) {
            case .more: .more
            case .answered(let message): .whole(HTTPResponse(message))
            case .failed(let reason): .unreadable(reason)
            }
        }
    }
}

extension HTTPResponse {
    /// The response as comparisons see it. Trailers count as fields: a gRPC answer without a message says in its fields
    /// what others say in their trailers.
    fileprivate init(_ message: CopiedMessage) {
        var fields: [Field] = []
        for list in [message.fields, message.trailers] {
            list.forEach { name, value in
                if name.first != UInt8(ascii: ":") {
                    fields.append(Field(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
                }
                return true
            }
        }
        self.init(
            status: message.fields.status ?? 0,
            fields: fields,
            body: Array(message.body.readableBytesView)
        )
    }
}
