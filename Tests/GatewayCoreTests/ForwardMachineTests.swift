import GatewayCore
import ProxyCore
import Testing

private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
private let post = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

@Suite("The relay of a gateway's connection")
struct ForwardMachineTests {
    @Test("requests follow each other, and the server's connection is used again", arguments: [false, true])
    func keepAlive(isBytewise: Bool) {
        var relay = Relay(.new, .reused)
        if isBytewise { relay.clientBytewise(get) } else { relay.client(get) }
        #expect(relay.toUpstream == get)
        #expect(relay.machine.deadline == .response)
        if isBytewise { relay.upstreamBytewise(ok) } else { relay.upstream(ok) }
        #expect(relay.toClient == ok)
        #expect(relay.deeds == ["acquire", "keep"])
        #expect(relay.machine.deadline == .idle)
        relay.client(post)
        #expect(relay.machine.deadline == .stall)
        relay.client("abc")
        relay.upstream(ok)
        #expect(relay.toUpstream == get + post + "abc")
        #expect(relay.toClient == ok + ok)
        #expect(relay.deeds == ["acquire", "keep", "acquire", "keep"])
        #expect(relay.notes.map(\.status) == [200, 200])
        #expect(relay.notes.map(\.bytesIn) == [get.utf8.count, post.utf8.count + 3])
    }

    @Test("a pipelined request waits for the response before it")
    func pipelined() {
        var relay = Relay(.new, .reused)
        relay.client(get + get)
        #expect(relay.toUpstream == get)
        relay.upstream(ok)
        #expect(relay.toUpstream == get + get)
        relay.upstream(ok)
        #expect(relay.toClient == ok + ok)
    }

    @Test("an empty line before a request is passed over, once", arguments: [false, true])
    func emptyLine(isBytewise: Bool) {
        var relay = Relay(.new, .reused)
        for text in ["\r\n" + get, "\r\n" + get] {
            if isBytewise { relay.clientBytewise(text) } else { relay.client(text) }
            relay.upstream(ok)
        }
        #expect(relay.toUpstream == get + get)
        #expect(relay.toClient == ok + ok)
        relay.client("\r\n\r\n" + get)
        #expect(relay.toClient.contains(" 400 "))
    }

    @Test(
        "fields for the next recipient are left out, in both directions",
        arguments: [
            "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n", "Proxy-Connection: keep-alive\r\n",
            "TE: trailers\r\nconnection: te\r\n",
            "connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n",
        ]
    )
    func hopByHop(fields: String) {
        var relay = Relay(.new)
        relay.client("GET /a HTTP/1.1\r\nhost: x\r\n\(fields)accept: a\r\n\r\n")
        #expect(relay.toUpstream == "GET /a HTTP/1.1\r\nhost: x\r\naccept: a\r\n\r\n")
        relay.upstream(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\ncontent-length: 0\r\nKeep-Alive: timeout=5\r\n\r\n"
        )
        #expect(relay.toClient == "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        #expect(relay.deeds == ["acquire", "keep"])
    }

    @Test("who asks for an end gets it, and the server's connection stays")
    func close() {
        var relay = Relay(.new)
        relay.client("GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        relay.upstream(ok)
        #expect(relay.toClient == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
        #expect(relay.deeds == ["acquire", "keep", "finish client"])
        #expect(relay.machine.deadline == .linger)
        relay.tell { $0.clientEnded() }
        #expect(relay.deeds.last == "close")
    }

    @Test("HTTP/1.0 stays open only where it is asked to")
    func http10() {
        var relay = Relay(.new, .new)
        relay.client("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        relay.upstream(ok)
        #expect(relay.toClient == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi")
        relay.client("GET /a HTTP/1.0\r\n\r\n")
        relay.upstream(ok)
        #expect(relay.deeds.last == "finish client")
    }

    @Test("a body without a length ends with the connection, and so does the client's")
    func untilClose() {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream("HTTP/1.1 200 OK\r\n\r\nab")
        relay.upstream("cd")
        relay.tell { $0.upstreamEnded() }
        #expect(relay.toClient == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcd")
        #expect(relay.deeds == ["acquire", "drop", "finish client"])
    }

    @Test("an end that is no end of a body is shown as a reset")
    func untilReset() {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream("HTTP/1.1 200 OK\r\n\r\nab")
        relay.tell { $0.upstreamReset() }
        #expect(relay.deeds == ["acquire", "reset"])
        #expect(relay.notes.first?.flags == .upstreamClosed)
    }

    @Test("a response that ends too early ends the client's connection")
    func truncated() {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
        relay.tell { $0.upstreamEnded() }
        #expect(relay.deeds == ["acquire", "close"])
        #expect(relay.toClient.hasSuffix("\r\n\r\nab"))
    }

    @Test(
        "a server that says more than it was asked for is not asked again",
        arguments: ["x", "HTTP/1.1 200 OK\r\n\r\n"]
    )
    func excess(more: String) {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream(ok + more)
        #expect(relay.toClient == ok)
        #expect(relay.deeds == ["acquire", "drop"])
    }

    @Test("HEAD, 204 and 304 have no body, whatever is said of it")
    func bodiless() {
        var relay = Relay(.new, .reused, .reused)
        relay.client("HEAD /a HTTP/1.1\r\nhost: x\r\n\r\n")
        relay.upstream("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        relay.client(get)
        relay.upstream("HTTP/1.1 204 No Content\r\n\r\n")
        relay.client(get)
        relay.upstream("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n")
        #expect(relay.deeds == ["acquire", "keep", "acquire", "keep", "acquire", "keep"])
    }

    @Test("an answer before the request has ended ends both connections")
    func early() {
        var relay = Relay(.new)
        relay.client(post + "a")
        relay.upstream("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        #expect(relay.toClient == "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        #expect(relay.deeds == ["acquire", "drop", "finish client"])
        relay.client("bc")
        #expect(relay.deeds.last == "discard 2")
    }

    @Test("interim responses pass to those who know them, and do not put off the answer's time")
    func interim() {
        var relay = Relay(.new, .new)
        relay.client("POST /a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
        relay.upstream("HTTP/1.1 100 Continue\r\n\r\n")
        #expect(relay.toClient == "HTTP/1.1 100 Continue\r\n\r\n")
        relay.client("x")
        #expect(relay.machine.deadline == .response)
        relay.upstream("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n")
        #expect(relay.machine.deadline == .response)
        relay.upstream(ok)
        #expect(relay.toClient.hasSuffix(ok))
        relay.client("GET /a HTTP/1.0\r\n\r\n")
        relay.upstream("HTTP/1.1 103 Early Hints\r\n\r\n")
        #expect(relay.toClient.hasSuffix(ok))
    }
}
