import HTTP2Wire
import NIOCore
import Testing

@testable import HTTP2Relay

@Suite("One request over HTTP/2")
struct LoneRequestTests {
    private static let answer = CopiedMessage(
        fields: [":status": "200", "server": "s"],
        body: ByteBuffer(string: "answer"),
        trailers: ["grpc-status": "0"]
    )

    /// What a server says that answers with an interim response, a padded body and trailers.
    private static func answering(_ end: inout ScriptedEnd) -> [UInt8] {
        ScriptedEnd.settings([Setting(.headerTableSize, 0)])
            + end.headers(1, [":status": "103"], end: false) + end.headers(1, Self.answer.fields, end: false)
            + ScriptedEnd.frame(.ping, [], 0, [1, 2, 3, 4, 5, 6, 7, 8])
            + ScriptedEnd.frame(.data, .padded, 1, [2] + Array("ans".utf8) + [0, 0])
            + ScriptedEnd.frame(.data, [], 1, Array("wer".utf8)) + end.headers(1, Self.answer.trailers)
    }

    @Test("is answered, however the answer's bytes are cut")
    func splits() {
        for size in [1, 2, 7, 64, 4_096] {
            var end = ScriptedEnd(awaitsPreface: true)
            var request = LoneRequest(CopiedMessage(fields: .request("/a")), longestAnswer: 1 << 20)
            var seen = request.takeOutput().map { end.read($0) } ?? []
            #expect(end.preface.hasPrefix("PRI * HTTP/2.0"))
            #expect(seen.map(\.type) == [.settings, .windowUpdate, .headers])
            #expect(seen.last?.fields == FieldList.request("/a").lines)
            #expect(seen.last?.endsStream == true)
            var rest = Self.answering(&end)[...]
            var outcome = LoneRequest.Outcome.more
            while !rest.isEmpty {
                #expect(outcome == .more)
                outcome = request.receive(ByteBuffer(bytes: rest.prefix(size)), isEnd: false)
                rest = rest.dropFirst(size)
            }
            #expect(outcome == .answered(Self.answer))
            seen = request.takeOutput().map { end.read($0) } ?? []
            #expect(seen.map(\.type) == [.settings, .ping])
            #expect(seen.allSatisfy { $0.flags == .acknowledgement })
        }
    }

    @Test("sends its body as the windows allow, and the trailers behind it")
    func windows() {
        let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 251) }
        let message = CopiedMessage(
            fields: .request(method: "POST"),
            body: ByteBuffer(bytes: body),
            trailers: ["x-checksum": "7"]
        )
        var end = ScriptedEnd(awaitsPreface: true)
        var request = LoneRequest(message, longestAnswer: 1 << 20)
        var got: [Seen] = []
        func step(_ bytes: [UInt8]) -> Int {
            #expect(request.receive(ByteBuffer(bytes: bytes), isEnd: false) == .more)
            let seen = request.takeOutput().map { end.read($0) } ?? []
            got += seen.filter { $0.type == .data || $0.type == .headers }
            return got.reduce(0) { $0 + $1.payload.count }
        }
        func window(_ stream: UInt32, _ count: UInt32) -> [UInt8] {
            ScriptedEnd.frame(.windowUpdate, [], stream, ScriptedEnd.word(count))
        }
        #expect(step([]) == 65_535)
        #expect(step(ScriptedEnd.settings([Setting(.initialWindowSize, 70_000)])) == 65_535)
        #expect(step(window(0, 1_000_000)) == 70_000)
        #expect(step(window(1, 100_000)) == 170_000)
        #expect(got.last?.endsStream == false)
        #expect(step(window(1, 100_000)) == 200_000)
        #expect(got.flatMap(\.payload) == body)
        #expect(got.last?.fields == ["x-checksum: 7"])
        #expect(got.last?.endsStream == true)
        #expect(got.filter(\.endsStream).count == 1)
    }

    @Test("ends a gRPC call without messages by a frame of its own, as gRPC's clients do")
    func emptyCall() {
        var end = ScriptedEnd(awaitsPreface: true)
        var fields = FieldList.request(method: "POST")
        fields.append("content-type", "application/grpc+proto")
        var request = LoneRequest(CopiedMessage(fields: fields), longestAnswer: 1 << 20)
        let seen = request.takeOutput().map { end.read($0) } ?? []
        #expect(seen.map(\.type) == [.settings, .windowUpdate, .headers, .data])
        #expect(seen.suffix(2).map(\.endsStream) == [false, true])
    }

    @Test("says of an answer that is too long that it is")
    func tooLong() {
        var end = ScriptedEnd(awaitsPreface: true)
        var request = LoneRequest(CopiedMessage(fields: .request("/a")), longestAnswer: 65_536)
        let head = ScriptedEnd.settings() + end.headers(1, [":status": "200"], end: false)
        #expect(request.receive(ByteBuffer(bytes: head), isEnd: false) == .more)
        let part = ScriptedEnd.frame(.data, [], 1, [UInt8](repeating: 7, count: 16_384))
        for _ in 0..<4 { #expect(request.receive(ByteBuffer(bytes: part), isEnd: false) == .more) }
        let byte = ScriptedEnd.frame(.data, [], 1, [7])
        let outcome = request.receive(ByteBuffer(bytes: byte), isEnd: false)
        #expect(outcome == .failed("the answer is longer than 65536 bytes"))
    }

    @Test("says why there is no answer")
    func failures() {
        let frame = ScriptedEnd.frame
        let settings = ScriptedEnd.settings()
        var end = ScriptedEnd(awaitsPreface: false)
        let head = end.headers(1, [":status": "200"], end: false)
        let cases: [([UInt8], String)] = [
            (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "does not speak HTTP/2"),
            ([], "without an answer"), (settings, "cut short"), (settings + head, "cut short"),
            (settings + frame(.resetStream, [], 1, [0, 0, 0, 8]), "reset with code 8"),
            (settings + frame(.goAway, [], 0, [0, 0, 0, 0, 0, 0, 0, 11]), "GOAWAY, code 11"),
            (settings + frame(.data, [], 1, [1]), "breaks the rules"),
            (settings + frame(.pushPromise, .endHeaders, 1, [0, 0, 0, 2]), "breaks the rules"),
            (settings + head + frame(.continuation, .endHeaders, 1, []), "breaks the rules"),
            (settings + [0xff, 0, 0, 0, 0, 0, 0, 0, 1], "longer"),
        ]
        for (bytes, why) in cases {
            var request = LoneRequest(CopiedMessage(fields: .request()), longestAnswer: 1 << 20)
            guard case .failed(let reason) = request.receive(ByteBuffer(bytes: bytes), isEnd: true) else {
                Issue.record("answered: \(bytes)")
                continue
            }
            #expect(reason.contains(why), "\(bytes)")
        }
    }

    @Test("is not turned away by a GOAWAY that still looks at it")
    func gracefulGoAway() {
        var end = ScriptedEnd(awaitsPreface: false)
        var request = LoneRequest(CopiedMessage(fields: .request()), longestAnswer: 1 << 20)
        let bytes = ScriptedEnd.settings() + ScriptedEnd.frame(.goAway, [], 0, [0, 0, 0, 1, 0, 0, 0, 0])
        #expect(request.receive(ByteBuffer(bytes: bytes), isEnd: false) == .more)
        let answer = end.headers(1, [":status": "204"])
        #expect(
            request.receive(ByteBuffer(bytes: answer), isEnd: false) == .answered(.init(fields: [":status": "204"]))
        )
    }
}
