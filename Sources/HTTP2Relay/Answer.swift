import HTTP2Wire
import NIOCore
import ProxyCore

/// An answer the relay gives itself, because nobody else could.
struct Answer: Hashable, Sendable {
    /// The fields of the request are more than is passed on.
    static let fieldsTooLarge = Answer(
        status: 431,
        reason: "fields-too-large",
        text: "the fields of this request are longer than \(Bounds.fieldBlock) bytes",
        grpcStatus: 8
    )

    let status: Int
    let reason: String
    let text: String
    /// What a gRPC client is told; 14 is UNAVAILABLE, 8 RESOURCE_EXHAUSTED.
    let grpcStatus: Int

    private init(status: Int, reason: String, text: String, grpcStatus: Int) {
        self.status = status
        self.reason = reason
        self.text = text
        self.grpcStatus = grpcStatus
    }

    init(_ status: Int, _ reason: Fallback) {
        self.init(status: status, reason: "\(reason.token)", text: reason.explanation, grpcStatus: 14)
    }

    /// The body for everyone but gRPC.
    var body: String {
        "detour: \(self.text)\n"
    }

    func fields(isGRPC: Bool) -> FieldList {
        var fields: FieldList
        if isGRPC {
            // A response of trailers only, which every gRPC client reads as this status.
            fields = [":status": "200", "content-type": "application/grpc"]
            fields.append(contentsOf: self.grpcTrailers)
        } else {
            fields = [
                ":status": "\(self.status)", "content-type": "text/plain; charset=utf-8",
                "content-length": "\(self.body.utf8.count)", "cache-control": "no-store",
            ]
        }
        fields.append("x-detour-served-by", "detour", .literal)
        fields.append("x-detour-reason", self.reason, .literal)
        return fields
    }

    /// What ends a gRPC response, begun or not.
    var grpcTrailers: FieldList {
        ["grpc-status": "\(self.grpcStatus)", "grpc-message": "detour: \(self.text)"]
    }
}

extension HTTP2Relay {
    /// Answers in the server's place. What is still to come of the request is not wanted.
    mutating func respond(_ id: UInt32, _ answer: Answer) {
        guard let index = self.streams.index(forKey: id) else {
            return
        }
        let stream = self.streams.values[index]
        let omitsBody = stream.isGRPC || stream.request.first(":method").map { $0.elementsEqual("HEAD".utf8) } ?? false
        self.forgetFields(id)
        self.streams.values[index].serverStream = nil
        self.streams.values[index].isSynthetic = true
        self.streams.values[index].hasResponse = true
        self.streams.values[index].status = stream.isGRPC ? 200 : answer.status
        self.streams.values[index].down.hasEnded = true
        self.streams.values[index].down.isDone = omitsBody
        self.client.writeFields(stream: id, answer.fields(isGRPC: stream.isGRPC), endsStream: omitsBody)
        if !omitsBody {
            self.streams.values[index].down.append(ByteBuffer(string: answer.body))
            self.streams.values[index].bytesOut += answer.body.utf8.count
            self.markReady(id, .down)
        }
        self.settle(id)
    }

    /// The laptop is lost in the middle of its response. A gRPC client learns why; any other that this is not all.
    mutating func cutShort(_ id: UInt32) {
        guard self.streams[id]?.isGRPC == true, self.streams[id]?.hasResponse == true else {
            return self.abort(id, .internalError)
        }
        self.streams[id]?.down.trailers = Answer(502, .tunnelReset).grpcTrailers
        self.streams[id]?.down.hasEnded = true
        self.streams[id]?.resetAfter = .noError
        self.markReady(id, .down)
        self.settle(id)
    }
}
