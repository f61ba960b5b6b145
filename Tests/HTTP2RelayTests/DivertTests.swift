import HTTP2Wire
import NIOCore
import ProxyCore
import Testing

@testable import HTTP2Relay

@Suite("A diverted HTTP/2 stream")
struct DivertTests {
    private static let explained = ["x-detour-served-by: original", "x-detour-reason: "]

    @Test("goes to the laptop when tunnel and process are ready, and not a byte before; others pass meanwhile")
    func passes() {
        var rig = Rig()
        rig.request(1, .request("/a", user: "alice", method: "POST"), end: false)
        rig.data(.client, 1, Array("body".utf8), end: true)
        rig.request(3, .request("/b"))
        #expect(rig.takeActions() == [.connect(0, rig.route)])
        #expect(rig.take(.original).map(\.fields) == [FieldList.request("/b").lines])
        rig.relay.laptopAccepted(0)
        rig.run()
        #expect(rig.take(.laptop(0)).isEmpty)
        rig.send(.laptop(0), ScriptedEnd.settings())
        let request = rig.take(.laptop(0))
        #expect(request.map(\.stream) == [1, 1])
        #expect(request.first?.fields == FieldList.request("/a", user: "alice", method: "POST").lines)
        #expect(request.last?.text == "body")
        #expect(request.last?.endsStream == true)

        // The same connection serves the next one.
        rig.request(5, .request("/c", user: "alice"))
        #expect(rig.take(.laptop(0)).map(\.stream) == [3])
        #expect(rig.takeActions().isEmpty)
        rig.headers(.laptop(0), 3, [":status": "204"])
        rig.headers(.laptop(0), 1, [":status": "200"], end: false)
        rig.data(.laptop(0), 1, Array("local".utf8))
        rig.headers(.laptop(0), 1, ["grpc-status": "0"])
        let seen = rig.take(.client)
        #expect(seen.map(\.stream) == [5, 1, 1, 1])
        #expect(seen.last?.fields == ["grpc-status: 0"])
        #expect(rig.records[1]?.server == .laptop)
        #expect(rig.records[1]?.route == "alice")
        #expect(rig.records[1]?.matched == true)
    }

    @Test(
        "keeps the shape of its end: with its fields, or as an empty frame that came while it waited",
        arguments: [true, false],
        [true, false]
    )
    func end(isWithFields: Bool, isDiverted: Bool) {
        var rig = Rig()
        rig.request(1, .request("/a", user: "alice", method: "POST"), end: isWithFields)
        if !isWithFields { rig.data(.client, 1, [], end: true) }
        if isDiverted {
            rig.relay.laptopAccepted(0)
            rig.run()
            rig.send(.laptop(0), ScriptedEnd.settings())
        } else {
            rig.relay.laptopFailed(0, .ackTimeout)
            rig.run()
        }
        let request = rig.take(isDiverted ? .laptop(0) : .original)
        #expect(request.map(\.type) == (isWithFields ? [.headers] : [.headers, .data]))
        #expect(request.map(\.endsStream) == (isWithFields ? [true] : [false, true]))
    }

    @Test("is answered by the original with the reason", arguments: [Fallback.localRefused, .ackTimeout, .routeDown])
    func fallsBack(reason: Fallback) {
        var rig = Rig()
        rig.route = Rig.route(isUp: reason != .routeDown)
        rig.request(1, .request(user: "alice", method: "POST"), end: false)
        rig.request(3, .request("/other"))
        rig.data(.client, 1, Array("body".utf8), end: true)
        if reason != .routeDown {
            rig.relay.laptopFailed(0, reason)
            rig.run()
        }
        let request = rig.take(.original)
        #expect(Set(request.map(\.stream)) == [1, 3])
        #expect(request.filter { $0.type == .data }.map(\.text) == ["body"])
        let server: UInt32 = reason == .routeDown ? 1 : 3
        rig.headers(.original, server, [":status": "103"], end: false)
        rig.headers(.original, server, [":status": "200", "a": "b"])
        let seen = rig.take(.client)
        #expect(
            seen.map(\.fields) == [
                [":status: 103"], [":status: 200", "a: b", Self.explained[0], Self.explained[1] + "\(reason.token)"],
            ]
        )
        #expect(seen.last?.stream == 1)
        #expect(rig.records[1]?.fallback == reason)
        #expect(rig.records[1]?.server == .original)
    }

    @Test(
        "is answered by the original when the local process does not speak HTTP/2",
        arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", ""]
    )
    func notHTTP2(answer: String) {
        var rig = Rig()
        rig.request(1, .request(user: "alice", method: "POST"))
        rig.relay.laptopAccepted(0)
        rig.run()
        rig.send(.laptop(0), Array(answer.utf8))
        rig.relay.ended(.laptop(0))
        rig.run()
        #expect(rig.take(.original).count == 1)
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.take(.client).first?.fields.last == "x-detour-reason: bad-response")
        #expect(rig.takeActions().last == .disconnect(0))
    }

    @Test("is answered by the original when tunnel or process are late, and by the laptop when neither is")
    func late() {
        for isTaken in [false, true] {
            var rig = Rig()
            rig.request(1, .request(user: "alice"))
            if isTaken { rig.relay.laptopAccepted(0) }
            rig.relay.laptopIsLate(0)
            rig.run()
            rig.headers(.original, 1, [":status": "200"])
            let reason = isTaken ? Fallback.badResponse : .ackTimeout
            #expect(rig.take(.client).first?.fields.last == "x-detour-reason: \(reason.token)")
            #expect(rig.takeActions().last == .disconnect(0))
        }
        var rig = Rig()
        rig.request(1, .request(user: "alice"))
        rig.acceptLaptop()
        rig.relay.laptopIsLate(0)
        rig.headers(.laptop(0), 1, [":status": "200"])
        #expect(rig.take(.client).first?.fields == [":status: 200"])
    }

    @Test(
        "never reaches a laptop when two servers could read it in two ways",
        arguments: ["connection", "transfer-encoding"]
    )
    func ambiguous(name: String) {
        var rig = Rig()
        var fields = FieldList.request(user: "alice")
        fields.append(name, "chunked")
        rig.request(1, fields)
        #expect(rig.take(.original).map(\.fields) == [fields.lines])
        rig.request(3, [":method": "CONNECT", ":authority": "a", "x-user": "alice"])
        #expect(rig.take(.original).count == 1)
        #expect(rig.takeActions().isEmpty)
    }

    @Test("gets a 503, or gRPC's UNAVAILABLE, where the route wants that")
    func unavailable() {
        var rig = Rig()
        rig.route = Rig.route(isUp: false, .unavailable)
        rig.request(1, .request(user: "alice"))
        rig.request(3, .request(user: "alice", method: "POST", grpc: true), end: false)
        let seen = rig.take(.client)
        #expect(seen.map(\.type) == [.headers, .data, .headers, .resetStream])
        #expect(seen[0].fields.contains("x-detour-reason: route-down"))
        #expect(seen[0].fields.first == ":status: 503")
        #expect(seen[1].text.hasPrefix("detour: this request matched"))
        #expect(seen[2].fields.prefix(3) == [":status: 200", "content-type: application/grpc", "grpc-status: 14"])
        #expect(seen[2].endsStream)
        #expect(seen[3].number == 0, "the rest of the request is not wanted")
        #expect(rig.take(.original).isEmpty)
        #expect(rig.records[1]?.server == .detour)
    }

    @Test("whose tunnel breaks after it was sent goes to the original only if it may be asked twice")
    func lost() {
        var rig = Rig()
        rig.request(1, .request("/get", user: "alice"))
        rig.request(3, .request("/post", user: "alice", method: "POST"))
        rig.request(5, .request("/grpc", user: "alice", method: "POST", grpc: true), end: false)
        rig.request(7, .request("/begun", user: "alice"))
        rig.request(9, .request("/grpc-begun", user: "alice", method: "POST", grpc: true))
        rig.acceptLaptop()
        #expect(rig.take(.laptop(0)).count == 5)
        rig.headers(.laptop(0), 7, [":status": "200"], end: false)
        rig.headers(.laptop(0), 9, [":status": "200"], end: false)
        _ = rig.take(.client)
        rig.relay.wasReset(.laptop(0))
        rig.run()
        #expect(rig.take(.original).map(\.fields) == [FieldList.request("/get", user: "alice").lines])
        let seen = rig.take(.client)
        #expect(seen.first { $0.stream == 3 }?.fields.first == ":status: 502")
        #expect(seen.first { $0.stream == 5 }?.fields.contains("grpc-status: 14") == true)
        #expect(seen.filter { $0.stream == 7 }.map(\.number) == [2])
        #expect(seen.first { $0.stream == 9 }?.fields.first == "grpc-status: 14")
        #expect(seen.first { $0.stream == 9 }?.endsStream == true)
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.take(.client).first?.fields.last == "x-detour-reason: tunnel-reset")
        #expect(rig.relay.streams.isEmpty)
    }

    @Test(
        "that a process going away never looked at goes over a new connection, or is refused so that it may come again"
    )
    func goAway() {
        var rig = Rig()
        rig.request(1, .request("/1", user: "alice"))
        rig.request(3, .request("/2", user: "alice"))
        rig.request(5, .request("/3", user: "alice", method: "POST"), end: false)
        rig.acceptLaptop()
        rig.data(.client, 5, [1])
        _ = rig.take(.laptop(0))
        _ = rig.takeActions()
        rig.goAway(.laptop(0), last: 1)
        #expect(rig.takeActions() == [.connect(1, rig.route)])
        #expect(rig.take(.client).map { [Int($0.stream), $0.number] } == [[5, 7]])
        rig.acceptLaptop(1)
        #expect(rig.take(.laptop(1)).map(\.fields) == [FieldList.request("/2", user: "alice").lines])
        rig.headers(.laptop(0), 1, [":status": "200"])
        #expect(rig.takeActions() == [.disconnect(0)])
        rig.headers(.laptop(1), 1, [":status": "200"])
        #expect(rig.take(.client).map(\.stream) == [1, 3])
    }

    @Test(
        "that waits for a place on a connection going away goes over the next, with its body; a process that serves none loses it"
    )
    func goAwayWhileWaiting() {
        var rig = Rig()
        for stream: UInt32 in [1, 3, 5] {
            rig.request(stream, .request("/\(stream)", user: "alice", method: "POST"), end: false)
            rig.data(.client, stream, [UInt8(stream)], end: true)
        }
        rig.acceptLaptop(0, [Setting(.maximumConcurrentStreams, 1)])
        _ = rig.takeActions()
        for number in 0..<2 {
            #expect(rig.take(.laptop(number)).map(\.payload).last == [UInt8(number * 2 + 1)])
            rig.goAway(.laptop(number), last: 1)
            #expect(rig.takeActions() == [.connect(number + 1, rig.route)])
            rig.headers(.laptop(number), 1, [":status": "200"])
            #expect(rig.take(.client).map(\.stream) == [UInt32(number * 2 + 1)])
            #expect(rig.takeActions() == [.disconnect(number)])
            rig.acceptLaptop(number + 1, [Setting(.maximumConcurrentStreams, number == 0 ? 1 : 0)])
        }
        #expect(rig.take(.original).isEmpty)
        rig.goAway(.laptop(2), last: 0)
        #expect(rig.takeActions() == [.connect(3, rig.route), .disconnect(2)])
        rig.acceptLaptop(3, [Setting(.maximumConcurrentStreams, 0)])
        rig.goAway(.laptop(3), last: 0)
        #expect(rig.take(.original).map(\.payload) == [[], [5]])
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.take(.client).last?.fields.last == "x-detour-reason: tunnel-reset")
    }

    @Test("waits for a place when the process takes only so many at a time, and leaves when its client does")
    func limit() {
        var rig = Rig()
        for stream: UInt32 in [1, 3, 5] { rig.request(stream, .request("/\(stream)", user: "alice")) }
        rig.acceptLaptop(0, [Setting(.maximumConcurrentStreams, 1)])
        #expect(rig.take(.laptop(0)).count == 1)
        rig.reset(.client, 3, .cancel)
        rig.headers(.laptop(0), 1, [":status": "200"])
        #expect(rig.take(.laptop(0)).map(\.fields) == [FieldList.request("/5", user: "alice").lines])
    }

    @Test("has a connection of its own where the laptop counts them, and leaves none behind")
    func bounded() {
        var rig = Rig()
        rig.route.isBounded = true
        for stream: UInt32 in [1, 3, 5] { rig.request(stream, .request(user: "alice")) }
        #expect(rig.takeActions() == (0..<3).map { .connect($0, rig.route) })
        rig.reset(.client, 5, .cancel)
        for number in 0..<3 { rig.acceptLaptop(number) }
        #expect(rig.takeActions() == [.disconnect(2)])
        for number in 0..<2 {
            #expect(rig.take(.laptop(number)).count == 1)
            rig.headers(.laptop(number), 1, [":status": "200"])
            #expect(rig.takeActions() == [.disconnect(number)])
        }
        #expect(rig.take(.client).map(\.stream) == [1, 3])
    }

    @Test("passes resets of its client and of its process")
    func resets() {
        var rig = Rig()
        rig.request(1, .request(user: "alice"))
        rig.request(3, .request(user: "alice"))
        rig.acceptLaptop()
        _ = rig.take(.laptop(0))
        rig.reset(.client, 1, .cancel)
        #expect(rig.take(.laptop(0)).map(\.number) == [8])
        rig.reset(.laptop(0), 3, .internalError)
        #expect(rig.take(.client).map(\.number) == [2])
    }

    @Test("outlives the original's connection: the client is told to open no more, and sees the end after it")
    func originalEnds() {
        var rig = Rig()
        rig.request(1, .request(user: "alice"))
        rig.acceptLaptop()
        _ = rig.takeActions()
        rig.relay.ended(.original)
        rig.run()
        #expect(rig.take(.client).map(\.payload) == [[0, 0, 0, 1, 0, 0, 0, 0]])
        #expect(rig.takeActions().isEmpty)
        rig.headers(.laptop(0), 1, [":status": "200"])
        #expect(rig.take(.client).map(\.stream) == [1])
        #expect(rig.takeActions().last == .finish(.client))
    }

    @Test("is held at the window while its process reads nothing, and the bystander beside it passes")
    func slowLaptop() {
        var rig = Rig(original: [Setting(.initialWindowSize, 1 << 30)])
        rig.window(.original, 0, 1 << 30)
        rig.request(1, .request(user: "alice", method: "POST"), end: false)
        rig.request(3, .request(method: "POST"), end: false)
        rig.acceptLaptop(0, [Setting(.initialWindowSize, 5)])
        _ = rig.take(.client)
        rig.data(.client, 1, [UInt8](repeating: 1, count: Bounds.streamWindow))
        #expect(rig.take(.laptop(0)).reduce(0) { $0 + $1.payload.count } == 5)
        var passed = 0
        for _ in 0..<32 {
            rig.data(.client, 3, [UInt8](repeating: 3, count: 64 << 10))
            passed += rig.take(.original).reduce(0) { $0 + $1.payload.count }
        }
        #expect(passed == 2 << 20)
    }
}
