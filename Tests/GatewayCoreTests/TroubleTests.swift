import GatewayCore
import HTTPWire
import ProxyCore
import Testing

private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
private let post = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

@Suite("What a gateway's connection does in trouble")
struct TroubleTests {
    @Test(
        "what has two meanings is refused, and nothing of it is sent",
        arguments: [
            ("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\nhost: x\n\n", 400), ("GET / HTTP/3.0\r\nhost: x\r\n\r\n", 505),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", 400), ("CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n", 405),
            ("GET / HTTP/1.1\r\nhost: x\r\nconnection: content-length\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: x\r\nconnection: close, x-user\r\n\r\n", 400),
        ]
    )
    func refused(text: String, status: Int) {
        var relay = Relay(.new)
        relay.client(text + get)
        #expect(relay.toUpstream == "")
        #expect(relay.toClient.hasPrefix("HTTP/1.1 \(status) "))
        #expect(relay.toClient.contains("\r\nconnection: close\r\n"))
        #expect(relay.deeds.first == "finish client")
        #expect(relay.notes.map(\.status) == [status])
        #expect(relay.notes.first?.flags == .clientProtocol)
    }

    @Test("chunks that break the grammar end both connections")
    func badChunk() {
        var relay = Relay(.new)
        relay.client("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        relay.client("0x3\r\nabc\r\n")
        #expect(!relay.toUpstream.contains("abc"))
        #expect(relay.toClient.hasPrefix("HTTP/1.1 400 "))
        #expect(relay.deeds.starts(with: ["acquire", "drop", "finish client"]))
    }

    @Test("a head that is too long is refused")
    func tooLong() {
        var relay = Relay(.new)
        relay.machine = ForwardMachine(headLimit: 100)
        relay.client("GET /\(String(repeating: "a", count: 100)) HTTP/1.1\r\n")
        #expect(relay.toClient.hasPrefix("HTTP/1.1 431 "))
    }

    @Test("without a route the answer is 404, and the connection goes on where the request has no body")
    func noRoute() {
        var relay = Relay(.new)
        relay.client("GET /none HTTP/1.1\r\nhost: x\r\n\r\n" + get)
        #expect(relay.toClient.hasPrefix("HTTP/1.1 404 "))
        #expect(!relay.toClient.contains("connection: close"))
        #expect(relay.toUpstream == get)
        relay.upstream(ok)
        relay.client("POST /none HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc" + get)
        #expect(relay.toClient.contains("connection: close"))
        #expect(relay.toUpstream == get)
    }

    @Test("the answer to HEAD has no body")
    func bare() {
        var relay = Relay()
        relay.client("HEAD /none HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(relay.toClient.hasSuffix("\r\n\r\n"))
    }

    @Test("servers that cannot be reached are passed over; when none is left the answer is 503, or 504 for a late one")
    func unreachable() {
        var first = Relay(.refused, .late, .new)
        first.client(post + "abc")
        #expect(first.toUpstream == post + "abc")
        var second = Relay(.refused, .refused, .refused)
        second.client(get)
        #expect(second.toClient.hasPrefix("HTTP/1.1 503 "))
        #expect(second.notes.first?.flags == .upstreamFailure)
        #expect(second.notes.first?.retries == 2)
        var third = Relay(.refused, .late, attempts: 2)
        third.client(get)
        #expect(third.toClient.hasPrefix("HTTP/1.1 504 "))
    }

    @Test("a used connection that ended without a word is replaced by a new one, once")
    func stale() {
        var relay = Relay(.reused, .new)
        relay.client(get)
        relay.tell { $0.upstreamEnded() }
        #expect(relay.deeds == ["acquire", "drop", "acquire fresh"])
        #expect(relay.toUpstream == get + get)
        relay.upstream(ok)
        #expect(relay.toClient == ok)
        #expect(relay.notes.first?.retries == 1)
        var twice = Relay(.reused, .new)
        twice.client(get)
        twice.tell { $0.upstreamReset() }
        twice.tell { $0.upstreamReset() }
        #expect(twice.toClient.hasPrefix("HTTP/1.1 502 "))
    }

    @Test("what could have had an effect is never sent twice", arguments: [true, false])
    func notReplayed(isReused: Bool) {
        var relay = Relay(isReused ? .reused : .new, .new)
        relay.client(post + "abc")
        relay.tell { $0.upstreamEnded() }
        #expect(relay.toUpstream == post + "abc")
        #expect(relay.toClient.hasPrefix("HTTP/1.1 502 "))
        #expect(!relay.toClient.contains("connection: close"))
        // A new connection that ends is no stale one.
        var fresh = Relay(.new, .new)
        fresh.client(get)
        fresh.tell { $0.upstreamEnded() }
        #expect(fresh.toClient.hasPrefix("HTTP/1.1 502 "))
        // Nor is one that has begun to answer.
        var begun = Relay(.reused, .new)
        begun.client(get)
        begun.upstream("HTTP/1.1 2")
        begun.tell { $0.upstreamEnded() }
        #expect(begun.toUpstream == get)
        #expect(begun.toClient.hasPrefix("HTTP/1.1 502 "))
    }

    @Test(
        "a response that breaks the protocol is 502",
        arguments: [
            "HTTP/2 200\r\n\r\n", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\nabc",
            "HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\n",
        ]
    )
    func badResponse(text: String) {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream(text)
        #expect(relay.toClient.hasPrefix("HTTP/1.1 502 "))
        #expect(relay.deeds == ["acquire", "drop"])
        #expect(relay.notes.first?.flags == .upstreamProtocol)
    }

    @Test("an answer before the question is not passed on")
    func unasked() {
        var machine = ForwardMachine()
        let request = Array(get.utf8)
        request.withUnsafeBytes { #expect(machine.step(.client, ByteView($0)) == .route) }
        machine.routed(isTaken: true)
        request.withUnsafeBytes { #expect(machine.step(.client, ByteView($0)) == .acquire(fresh: false)) }
        machine.acquired(isReused: true)
        Array(ok.utf8).withUnsafeBytes { #expect(machine.step(.upstream, ByteView($0)) == .release(keep: false)) }
        #expect(machine.refusal?.status == 502)
    }

    @Test("the client's end in the middle of a body ends the server's connection; a half-closed one is answered")
    func clientEnds() {
        var relay = Relay(.new)
        relay.client(post + "a")
        relay.tell { $0.clientEnded() }
        #expect(relay.deeds == ["acquire", "close"])
        #expect(relay.notes.first?.flags == .clientClosed)
        var half = Relay(.new)
        half.client(get)
        half.tell { $0.clientEnded() }
        half.upstream(ok)
        #expect(half.toClient == ok)
        #expect(half.deeds == ["acquire", "keep", "close"])
    }

    @Test("time-outs: 408 for a head, 504 for a response, an end for what is idle or stalls")
    func deadlines() {
        var head = Relay()
        head.client("GET / HTTP/1.1\r\n")
        #expect(head.machine.deadline == .head)
        head.tell { $0.deadlinePassed(.head) }
        #expect(head.toClient.hasPrefix("HTTP/1.1 408 "))
        var response = Relay(.new, .new)
        response.client(get)
        response.tell { $0.deadlinePassed(.response) }
        #expect(response.toClient.hasPrefix("HTTP/1.1 504 "))
        #expect(response.deeds == ["acquire", "drop"])
        response.client(get)
        response.upstream(ok)
        #expect(response.toClient.hasSuffix(ok))
        var idle = Relay()
        idle.tell { $0.deadlinePassed(.idle) }
        #expect(idle.deeds == ["finish client"])
        var stall = Relay(.new)
        stall.client(get)
        stall.upstream("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        #expect(stall.machine.deadline == .stall)
        stall.tell { $0.deadlinePassed(.stall) }
        #expect(stall.deeds == ["acquire", "close"])
        for (isServerFull, status) in [(false, 408), (true, 504)] {
            var body = Relay(.new)
            body.client(post + "a")
            body.tell { $0.deadlinePassed(.stall, isServerFull: isServerFull) }
            #expect(body.toClient.hasPrefix("HTTP/1.1 \(status) "))
        }
        var expecting = Relay(.new)
        expecting.client("POST /a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
        expecting.tell { $0.deadlinePassed(.stall) }
        #expect(expecting.toClient.hasPrefix("HTTP/1.1 504 "))
    }

    @Test("draining: the answer says that it is the last one, and what is idle ends")
    func drain() {
        var busy = Relay(.new)
        busy.client(get)
        busy.tell { $0.drain() }
        busy.upstream(ok)
        #expect(busy.toClient.contains("connection: close"))
        // What is on its way is answered, as the last one.
        var idle = Relay(.new)
        idle.tell { $0.drain() }
        #expect(idle.deeds.isEmpty)
        idle.client(get)
        idle.upstream(ok)
        #expect(idle.toClient.contains("connection: close"))
    }

    @Test("each request has a deadline of its own")
    func turns() {
        var relay = Relay(.new, .reused)
        relay.client(get + get)
        let first = relay.machine.turn
        relay.upstream(ok)
        #expect(relay.machine.deadline == .response)
        #expect(relay.machine.turn != first)
    }

    @Test("an upgrade is one only where the connection says so, in both directions")
    func halfUpgrade() {
        var relay = Relay(.new)
        relay.client("GET /a HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\nupgrade: websocket\r\n\r\n")
        #expect(relay.toUpstream == get)
        relay.upstream("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        #expect(relay.toClient.hasPrefix("HTTP/1.1 502 "))
        var server = Relay(.new)
        server.client("GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        server.upstream("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n")
        #expect(server.toClient.hasPrefix("HTTP/1.1 502 "))
    }

    @Test("fields that a response's connection names do not reach the client, but for its length")
    func namedFields() {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream(
            "HTTP/1.1 200 OK\r\nConnection: x-a, content-length\r\nX-A: 1\r\ncontent-length: 2\r\nx-ab: 2\r\n\r\nhi"
        )
        #expect(relay.toClient == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-ab: 2\r\n\r\nhi")
    }

    @Test("a server of HTTP/1.0 does not end a client's connection that stays")
    func oldServer() {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi")
        #expect(relay.toClient == "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi")
        #expect(relay.deeds == ["acquire", "keep"])
    }

    @Test("after a real 101 bytes pass unread, and so do their ends")
    func tunnel() {
        let upgrade = "GET /a HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"
        var relay = Relay(.new)
        relay.client(upgrade)
        #expect(relay.toUpstream == "GET /a HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
        relay.upstream("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n\u{1}")
        #expect(relay.toClient.hasSuffix("\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\u{1}"))
        relay.client("GET")
        #expect(relay.toUpstream.hasSuffix("\r\n\r\nGET"))
        relay.tell { $0.clientEnded() }
        #expect(relay.deeds == ["acquire", "finish upstream"])
        relay.tell { $0.upstreamEnded() }
        #expect(relay.deeds.contains("close"))
        var refused = Relay(.new)
        refused.client(upgrade)
        refused.upstream(ok)
        #expect(refused.toClient == ok)
    }
}
