import HTTP2Wire
import NIOCore
import ProxyCore
import Testing

@testable import HTTP2Relay

@Suite("An HTTP/2 stream that no route takes")
struct BystanderTests {
    @Test("finds what both ends said of themselves, and neither the hop's own terms nor what would be sent unread")
    func settings() {
        var rig = Rig.silent
        rig.send(.client, Rig.opening([Setting(.initialWindowSize, 1), Setting(.maximumHeaderListSize, 5_000)]))
        let greeting = rig.take(.original, [.settings, .windowUpdate])
        #expect(rig.ends[.original]?.preface == "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        #expect(greeting.first?.payload == [0, 2, 0, 0, 0, 0, 0, 4, 0, 4, 0, 0, 0, 6, 0, 0, 0x13, 0x88])
        #expect(rig.take(.client, [.settings]).isEmpty, "the original has not spoken")
        rig.send(
            .original,
            ScriptedEnd.settings([
                Setting(.maximumConcurrentStreams, 7), Setting(.enableConnectProtocol, 1),
                Setting(.initialWindowSize, 9),
                Setting(.init(rawValue: 0xfe03), 1),
            ])
        )
        let answer = rig.take(.client, [.settings])
        #expect(answer.map(\.payload) == [[0, 4, 0, 4, 0, 0, 0, 3, 0, 0, 0, 7, 0, 8, 0, 0, 0, 1], []])
        rig.send(.original, ScriptedEnd.settings([Setting(.maximumConcurrentStreams, 3)]))
        #expect(rig.take(.client, [.settings]).map(\.payload) == [[0, 3, 0, 0, 0, 3]])
    }

    @Test("passes its fields in order and byte for byte, with bodies, trailers and interim responses")
    func passes() {
        var rig = Rig()
        var fields = FieldList.request("/a?b", method: "POST")
        fields.append("cookie", "a=1")
        fields.append("x-latin", "caf\u{e9}", .never)
        fields.append("cookie", "b=2")
        fields.append("te", "trailers")
        rig.request(1, fields, end: false)
        rig.data(.client, 1, Array("body".utf8))
        rig.request(1, ["x-checksum": "7"])
        let request = rig.take(.original)
        #expect(request.map(\.type) == [.headers, .data, .headers])
        #expect(request.map(\.endsStream) == [false, false, true])
        #expect(request[0].fields == fields.lines)
        #expect(request[1].text == "body")
        #expect(request[2].fields == ["x-checksum: 7"])

        rig.headers(.original, 1, [":status": "103", "link": "</a>"], end: false)
        rig.headers(.original, 1, [":status": "200", "server": "s"], end: false)
        rig.data(.original, 1, Array("answer".utf8))
        rig.headers(.original, 1, ["grpc-status": "0"])
        let response = rig.take(.client)
        #expect(
            response.map(\.fields) == [
                [":status: 103", "link: </a>"], [":status: 200", "server: s"], [], ["grpc-status: 0"],
            ]
        )
        #expect(response.map(\.endsStream) == [false, false, false, true])
        #expect(rig.records[1]?.status == 200)
        #expect(rig.records[1]?.server == .original)
        #expect(rig.records[1]?.bytesIn == 4)
        #expect(rig.records[1]?.bytesOut == 6)
        #expect(!rig.relay.isBusy)
    }

    @Test("comes out alike however its bytes are cut, padded, and split into fragments")
    func splits() {
        var end = ScriptedEnd(awaitsPreface: false)
        let block = end.encoder.encode(.request("/long", method: "POST"))
        let frame = ScriptedEnd.frame
        let bytes =
            frame(.headers, [.padded, .priority], 1, [3] + [0, 0, 0, 0, 9] + block.prefix(5) + [0, 0, 0])
            + frame(.continuation, [], 1, []) + frame(.continuation, [], 1, Array(block.dropFirst(5).prefix(1)))
            + frame(.continuation, .endHeaders, 1, Array(block.dropFirst(6)))
            + frame(.priority, [], 1, [0, 0, 0, 0, 1]) + frame(FrameType(rawValue: 0xbe), [], 1, [1, 2])
            + frame(.data, .padded, 1, [4] + Array("pad".utf8) + [0, 0, 0, 0]) + frame(.data, [], 1, [])
            + frame(.data, [.padded, .endStream], 1, [0] + Array("ded".utf8))
        for size in [1, 2, 7, 64, bytes.count] {
            var rig = Rig()
            var rest = bytes[...]
            while !rest.isEmpty {
                rig.send(.client, Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            let seen = rig.take(.original)
            #expect(seen.first?.fields == FieldList.request("/long", method: "POST").lines)
            #expect(seen.dropFirst().map(\.text).joined() == "padded")
            #expect(seen.last?.endsStream == true)
        }
    }

    @Test("passes PING from end to end, and waits for no one else's answer")
    func ping() {
        var rig = Rig()
        let data: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        rig.send(.client, ScriptedEnd.frame(.ping, [], 0, data))
        #expect(rig.take(.client, [.ping]).isEmpty)
        #expect(rig.take(.original, [.ping]).map(\.payload) == [data])
        rig.send(.original, ScriptedEnd.frame(.ping, .acknowledgement, 0, data))
        #expect(rig.take(.client, [.ping]).map(\.flags) == [.acknowledgement])
    }

    @Test(
        "passes resets with their codes in both directions",
        arguments: [ErrorCode.cancel, .refusedStream, .noError, .init(rawValue: 99)]
    )
    func resets(code: ErrorCode) {
        var rig = Rig()
        rig.request(1, .request(), end: false)
        rig.request(3, .request(), end: false)
        rig.reset(.client, 1, code)
        rig.reset(.original, 3, code)
        #expect(rig.take(.original).last?.number == Int(code.rawValue))
        let seen = rig.take(.client)
        #expect(seen.map(\.type) == [.resetStream])
        #expect(seen.first?.stream == 3)
        #expect(seen.first?.number == Int(code.rawValue))
        #expect(rig.records.count == 2)
        #expect(rig.relay.client.held == 0)
    }

    @Test("gets all of a response whose server then resets with NO_ERROR, because it wants no more of the request")
    func earlyResponse() {
        var rig = Rig(client: [Setting(.initialWindowSize, 4)])
        rig.request(1, .request(method: "POST"), end: false)
        rig.headers(.original, 1, [":status": "413"], end: false)
        rig.data(.original, 1, Array("too large".utf8), end: true)
        rig.reset(.original, 1, .noError)
        #expect(rig.take(.client).map(\.text) == ["", "too "])
        rig.window(.client, 1, 100)
        let rest = rig.take(.client)
        #expect(rest.map(\.type) == [.data, .resetStream])
        #expect(rest.first?.text == "large")
        #expect(rest.last?.number == 0)
    }

    @Test("is refused safely when the original says GOAWAY before it, and goes on when after it")
    func goAway() {
        var rig = Rig()
        for stream: UInt32 in [1, 3, 5] { rig.request(stream, .request()) }
        rig.goAway(.original, last: 0x7fff_ffff)
        #expect(rig.take(.client).map(\.payload) == [[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]])
        rig.request(7, .request())
        rig.goAway(.original, last: 3, .enhanceYourCalm)
        let seen = rig.take(.client)
        #expect(seen.filter { $0.type == .resetStream }.map(\.stream) == [5, 7])
        #expect(seen.filter { $0.type == .resetStream }.allSatisfy { $0.number == 7 })
        #expect(seen.last?.payload == [0, 0, 0, 7, 0, 0, 0, 11])
        rig.request(9, .request())
        rig.headers(.original, 3, [":status": "200"])
        #expect(rig.take(.client).map(\.stream) == [3], "a stream after the GOAWAY is not looked at")
        #expect(rig.take(.original).count == 4)
    }

    @Test("passes the client's GOAWAY on")
    func clientGoAway() {
        var rig = Rig()
        rig.goAway(.client, last: 0, .internalError)
        #expect(rig.take(.original).map(\.payload) == [[0, 0, 0, 0, 0, 0, 0, 2]])
    }

    @Test("with fields past every limit gets a 431, and the connection goes on")
    func fieldsTooLarge() {
        var rig = Rig()
        var fields = FieldList.request(user: "alice")
        for index in 0..<9 { fields.append("x-\(index)", String(repeating: "v", count: 32 << 10)) }
        var bytes: [UInt8] = []
        var rest = rig.ends[.client]?.encoder.encode(fields)[...] ?? []
        var type = FrameType.headers
        while !rest.isEmpty {
            let part = Array(rest.prefix(16_384))
            rest = rest.dropFirst(part.count)
            bytes += ScriptedEnd.frame(type, rest.isEmpty ? .endHeaders : [], 1, part)
            type = .continuation
        }
        rig.send(.client, bytes)
        let answer = rig.take(.client)
        #expect(answer.first?.fields.first == ":status: 431")
        #expect(answer.map(\.type) == [.headers, .data, .resetStream])
        rig.request(3, .request("/next"))
        #expect(rig.take(.original).map(\.fields) == [FieldList.request("/next").lines])
    }

    @Test("of 200 KiB of fields goes on in as many frames as it takes")
    func largeFields() {
        var rig = Rig()
        var fields = FieldList.request()
        for index in 0..<7 { fields.append("x-\(index)", String(repeating: "v", count: 30 << 10)) }
        var rest = rig.ends[.client]?.encoder.encode(fields)[...] ?? []
        var bytes = ScriptedEnd.frame(.headers, .endStream, 1, Array(rest.prefix(100)))
        rest = rest.dropFirst(100)
        while !rest.isEmpty {
            let part = Array(rest.prefix(16_000))
            rest = rest.dropFirst(part.count)
            bytes += ScriptedEnd.frame(.continuation, rest.isEmpty ? .endHeaders : [], 1, part)
        }
        rig.send(.client, bytes)
        #expect(rig.take(.original).map(\.fields) == [fields.lines])
    }

    @Test("sees what an original that speaks another protocol says")
    func otherProtocol() {
        var rig = Rig.silent
        rig.isRaw = true
        rig.send(.client, Rig.opening())
        let refusal = "HTTP/1.1 400 Bad Request\r\n\r\n"
        rig.send(.original, Array(refusal.utf8))
        #expect(String(decoding: rig.rawOutput, as: UTF8.self) == refusal)
        rig.relay.ended(.original)
        rig.run()
        #expect(rig.takeActions().contains(.finish(.client)))
        rig.relay.ended(.client)
        rig.run()
        #expect(rig.takeActions() == [.closeAll])
        #expect(rig.records[0]?.raw == .http2)
    }

    @Test(
        "is none when the preface is not one, and every byte of it is given back",
        arguments: ["PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{6}\0\0\0\0\0more"]
    )
    func badPreface(text: String) {
        var rig = Rig.silent
        rig.send(.client, Array(text.utf8))
        #expect(rig.takeActions() == [.raw])
        #expect(String(buffer: rig.relay.takeInput(.client)) == text)
    }

    @Test("ends with its connection, mirrored")
    func ends() {
        var rig = Rig()
        rig.request(1, .request())
        rig.relay.ended(.original)
        rig.run()
        #expect(rig.takeActions() == [.finish(.client)])
        #expect(rig.records[1]?.flags == .upstreamClosed)

        rig = Rig()
        rig.relay.ended(.client)
        rig.run()
        #expect(rig.takeActions() == [.finish(.original)])
        rig.relay.wasReset(.original)
        rig.run()
        #expect(rig.takeActions() == [.resetAll])
    }

    @Test("reaches the original whole when its client has ended, and the end after it")
    func halfClose() {
        var rig = Rig(original: [Setting(.initialWindowSize, 4)])
        rig.request(1, .request(method: "POST"), end: false)
        rig.data(.client, 1, Array("whole body".utf8), end: true)
        rig.relay.ended(.client)
        rig.run()
        #expect(rig.takeActions().isEmpty)
        rig.window(.original, 1, 100)
        #expect(rig.take(.original).map(\.text).joined() == "whole body")
        #expect(rig.takeActions() == [.finish(.original)])
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.take(.client).map(\.stream) == [1])
    }

    @Test("gets all of a response for which its client had made room before it ended, though nobody can make more")
    func roomAfterHalfClose() {
        var rig = Rig(client: [Setting(.initialWindowSize, 3 << 20)])
        rig.window(.client, 0, 1 << 30)
        rig.request(1, .request())
        rig.headers(.original, 1, [":status": "200"], end: false)
        var server = BodySender(.original)
        server.open(1)
        rig.relay.ended(.client)
        rig.run()
        #expect(rig.takeActions() == [.finish(.original)])
        server.listen(&rig)
        _ = rig.take(.client)
        #expect(server.windows[1] == 3 << 20)
        rig.data(.original, 1, [UInt8](repeating: 1, count: 3 << 20))
        #expect(rig.take(.client).reduce(0) { $0 + $1.payload.count } == 3 << 20)
        #expect(rig.take(.original, [.windowUpdate]).isEmpty, "nothing can follow the end")
    }

    @Test("of a client that has ended and reads nothing is read no more when too much of it is held")
    func heldAfterHalfClose() {
        var rig = Rig(client: [Setting(.initialWindowSize, 64 << 20)])
        rig.window(.client, 0, 1 << 30)
        rig.request(1, .request())
        rig.headers(.original, 1, [":status": "200"], end: false)
        rig.relay.ended(.client)
        rig.run()
        rig.relay.setWritable(.client, false)
        for _ in 0..<17 {
            #expect(rig.relay.wantsBytes(.original))
            rig.data(.original, 1, [UInt8](repeating: 1, count: 1 << 20))
        }
        #expect(!rig.relay.wantsBytes(.original))
        rig.relay.setWritable(.client, true)
        rig.run()
        #expect(rig.relay.wantsBytes(.original))
    }

    @Test("loses nothing to a drain: the client is warned, asked, and only then told the last stream")
    func drain() {
        var rig = Rig()
        rig.request(1, .request())
        rig.relay.announceClose()
        rig.run()
        let warning = rig.take(.client, [.goAway, .ping])
        #expect(warning.map(\.type) == [.goAway, .ping])
        #expect(warning[0].payload == [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
        rig.request(3, .request())
        rig.send(.client, ScriptedEnd.frame(.ping, .acknowledgement, 0, warning[1].payload))
        #expect(rig.take(.client).map(\.payload) == [[0, 0, 0, 3, 0, 0, 0, 0]])
        #expect(rig.take(.original, [.ping]).isEmpty, "our own PING is nobody else's")
        rig.relay.drain()
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.takeActions().isEmpty)
        rig.headers(.original, 3, [":status": "200"])
        #expect(rig.takeActions() == [.finish(.client)])
    }
}
