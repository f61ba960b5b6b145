import ProxyCore
import Testing

@Suite("A connection nobody asked to detour")
struct BystanderTests {
    @Test("waits for its original, then passes requests and responses as they came")
    func passes() {
        var rig = Rig(connected: false)
        #expect(rig.phase() == .accept)
        rig.receive(.client, get("/1"))
        #expect(rig.sent[.original] == "")
        #expect(rig.isBlocked.contains(.client))
        rig.after { $0.originalConnected() }
        #expect(rig.sent[.original] == get("/1"))
        #expect(rig.phase() == .relay)
        rig.receive(.original, ok("one"))
        rig.receive(.client, post("two"))
        rig.receive(.original, ok("TWO"))
        #expect(rig.sent[.original] == get("/1") + post("two"))
        #expect(rig.sent[.client] == ok("one") + ok("TWO"))
        #expect(rig.records.map(\.status) == [200, 200])
        #expect(rig.records.map(\.bytesOut) == [ok("one").utf8.count, ok("TWO").utf8.count])
        #expect(rig.phase() == .detect)
        #expect(rig.journal.isEmpty)
    }

    @Test("is reset when its original cannot be reached, as it would have been refused")
    func refused() {
        var rig = Rig(connected: false)
        rig.receive(.client, get())
        rig.after { $0.originalFailed() }
        #expect(rig.journal == ["reset all"])
        #expect(rig.sent[.original] == "")
    }

    @Test("gets pipelined requests answered one after the other, the rest held back")
    func pipelined() {
        var rig = Rig()
        rig.receive(.client, get("/1") + post("b") + get("/3"))
        #expect(rig.sent[.original] == get("/1"))
        #expect(rig.isBlocked.contains(.client))
        rig.receive(.original, ok("1"))
        #expect(rig.sent[.original] == get("/1") + post("b"))
        rig.receive(.original, ok("2"))
        #expect(rig.sent[.original] == get("/1") + post("b") + get("/3"))
        rig.receive(.original, "HTTP/1.1 2")
        rig.receive(.original, "04 No\r\n\r\n")
        #expect(rig.sent[.client] == ok("1") + ok("2") + "HTTP/1.1 204 No\r\n\r\n")
        #expect(rig.records.count == 3)
    }

    @Test(
        "that does not speak HTTP/1 passes unread, for good, and says why",
        arguments: [
            ("\u{16}\u{3}\u{1}", "tls"), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2-preface"),
            ("SSH-2.0-x\r\n", "not-http"),
            ("GET /\r\n", "not-http"),
            (get(fields: "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "ambiguous"),
            (get(fields: "X : 1\r\n"), "ambiguous"), ("GET / HTTP/1.1\r\n\r\n", "ambiguous"),
        ]
    )
    func raw(first: String, reason: String) throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, first)
        #expect(rig.sent[.original] == first)
        #expect(rig.machine.raw.map { "\($0.token)" } == reason)
        rig.receive(.client, get(user: "alice"))
        rig.receive(.original, "anything")
        #expect(rig.sent[.original] == first + get(user: "alice"), "never reaches a laptop")
        #expect(rig.sent[.client] == "anything")
        #expect(rig.journal.isEmpty)
        rig.after { $0.originalEnded() }
        rig.after { $0.clientEnded() }
        #expect(rig.journal == ["finish client", "finish original", "close all"])
        #expect(rig.records.map(\.kind) == [.raw])
        #expect(rig.records.first?.bytesOut == 8)
    }

    @Test("whose server speaks first passes unread, what the client began included")
    func serverFirst() {
        var rig = Rig()
        rig.receive(.client, "GE")
        rig.receive(.original, "220 mail\r\n")
        rig.receive(.client, "T")
        #expect(rig.sent[.client] == "220 mail\r\n")
        #expect(rig.sent[.original] == "GET")
        #expect(rig.machine.raw == .serverFirst)
    }

    @Test("whose HTTP/2 server greets first waits with it for the client, a while, where streams could be routed")
    func greeting() {
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        var rig = Rig()
        rig.machine.readsHTTP2 = true
        rig.receive(.original, Array(settings.prefix(3)))
        rig.receive(.original, Array(settings.dropFirst(3)))
        #expect(rig.isBlocked.contains(.original))
        #expect(rig.sent[.client] == "")
        #expect(rig.machine.deadline == .head)
        var patient = rig
        patient.receive(.client, "PRI * HTTP/2.0\r\n\r\n")
        #expect(patient.machine.raw == .http2)
        rig.after { $0.deadlinePassed(.head) }
        #expect(rig.sent[.client]?.utf8.count == settings.count)

        var other = Rig()
        other.machine.readsHTTP2 = true
        other.receive(.original, [0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(other.machine.raw == .serverFirst)
    }

    @Test("with a head that never ends passes unread after the deadline, or at the limit")
    func slowHead() {
        var rig = Rig(headLimit: 100)
        rig.receive(.client, "G")
        #expect(rig.machine.deadline == .head)
        rig.receive(.client, "ET / HTT")
        #expect(rig.sent[.original] == "")
        rig.after { $0.deadlinePassed(.head) }
        #expect(rig.sent[.original] == "GET / HTT")
        #expect(rig.machine.raw == .headTimeout)
        #expect(rig.machine.deadline == nil)

        var long = Rig(headLimit: 100)
        let text = "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 100)
        long.receive(.client, text)
        #expect(long.sent[.original] == text)
        #expect(long.machine.raw == .headTooLong)
    }

    @Test("that ends inside a head is flushed and ended likewise")
    func truncatedHead() {
        var rig = Rig()
        rig.receive(.client, "GET / HT")
        rig.after { $0.clientEnded() }
        #expect(rig.sent[.original] == "GET / HT")
        #expect(rig.journal == ["finish original"])
        #expect(rig.machine.raw == .headTruncated)
    }

    @Test("mirrors ends, whoever ends first", arguments: [true, false])
    func ends(clientFirst: Bool) {
        var rig = Rig()
        rig.receive(.client, get())
        rig.receive(.original, ok("1"))
        if clientFirst {
            rig.after { $0.clientEnded() }
            #expect(rig.journal == ["finish original"])
            rig.after { $0.originalEnded() }
            #expect(rig.journal == ["finish original", "finish client", "close all"])
        } else {
            rig.after { $0.originalEnded() }
            #expect(rig.journal == ["finish client"])
            rig.after { $0.clientEnded() }
            #expect(rig.journal == ["finish client", "finish original", "close all"])
        }
        #expect(rig.records.count == 1, "an ordinary end is no raw connection")
    }

    @Test("may end its sending half and still get its answer")
    func halfClose() {
        var rig = Rig()
        rig.receive(.client, post("a") + post("b"))
        rig.after { $0.clientEnded() }
        #expect(rig.journal.isEmpty, "the second request comes before the end")
        rig.receive(.original, ok("A"))
        #expect(rig.journal == ["finish original"])
        rig.receive(.original, ok("B"))
        #expect(rig.sent[.client] == ok("A") + ok("B"))
        rig.after { $0.originalEnded() }
        #expect(rig.journal == ["finish original", "finish client", "close all"])
    }

    @Test("mirrors resets, and logs the request that was cut off")
    func resets() {
        var rig = Rig()
        rig.receive(.client, get())
        rig.after { $0.clientReset() }
        #expect(rig.journal == ["reset all"])
        #expect(rig.records.first?.flags == .clientClosed)

        var other = Rig()
        other.receive(.client, get())
        other.receive(.original, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        other.after { $0.originalReset() }
        #expect(other.journal == ["reset all"])
        #expect(other.records.first?.flags == .upstreamClosed)
    }

    @Test("gets every interim response, and the final one")
    func interim() {
        var rig = Rig()
        rig.receive(.client, get(fields: "Expect: 100-continue\r\nContent-Length: 2\r\n"))
        let interim = "HTTP/1.1 100 Continue\r\n\r\n"
        rig.receive(.original, interim + "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        rig.receive(.client, "ab")
        rig.receive(.original, ok("x"))
        #expect(rig.sent[.client] == interim + "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok("x"))
        #expect(rig.records.map(\.status) == [200])
        #expect(rig.phase() == .detect)
    }

    @Test("may switch protocols when it asked to, and only then counts as upgraded", arguments: [true, false])
    func upgrade(asked: Bool) {
        var rig = Rig()
        rig.receive(.client, get(fields: asked ? "Upgrade: websocket\r\nConnection: upgrade\r\n" : ""))
        rig.receive(.original, "HTTP/1.1 101 Switching Protocols\r\n\r\n\u{1}frame")
        rig.receive(.client, "\u{2}frame")
        #expect(rig.sent[.client] == "HTTP/1.1 101 Switching Protocols\r\n\r\n\u{1}frame")
        #expect(rig.sent[.original]?.hasSuffix("\r\n\r\n\u{2}frame") == true)
        #expect(rig.machine.raw == (asked ? .upgrade : .badResponse))
        #expect(rig.records.map(\.status) == [101])
    }

    @Test(
        "gets a response that cannot be read as it is, and everything after it",
        arguments: [
            "hello\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/2 200\r\n\r\n",
        ]
    )
    func badResponse(text: String) {
        var rig = Rig()
        rig.receive(.client, get())
        rig.receive(.original, text)
        #expect(rig.sent[.client] == text)
        #expect(rig.machine.raw == .badResponse)
        #expect(rig.records.first?.flags == .upstreamProtocol)
    }

    @Test("gets a response nobody asked for, and everything after it")
    func unasked() {
        var rig = Rig()
        rig.receive(.client, get())
        rig.receive(.original, ok("1") + "HTTP/1.1 408 Timeout\r\n\r\n")
        #expect(rig.sent[.client] == ok("1") + "HTTP/1.1 408 Timeout\r\n\r\n")
        #expect(rig.machine.raw == .unaskedResponse)
    }

    @Test("gets a response that ends with its connection")
    func untilClose() {
        var rig = Rig()
        rig.receive(.client, get())
        rig.receive(.original, "HTTP/1.0 200 OK\r\n\r\nabc")
        rig.receive(.original, "def")
        rig.after { $0.originalEnded() }
        #expect(rig.sent[.client] == "HTTP/1.0 200 OK\r\n\r\nabcdef")
        #expect(rig.journal == ["finish client"])
        #expect(rig.records.map(\.flags) == [[]])
    }

    @Test("with a malformed chunk, in either direction, goes on unread")
    func badChunks() {
        var rig = Rig()
        rig.receive(.client, get(method: "POST", fields: "Transfer-Encoding: chunked\r\n") + "2\r\nab\r\nzz\r\nrest")
        #expect(rig.sent[.original]?.hasSuffix("zz\r\nrest") == true)
        #expect(rig.machine.raw == .badRequestBody)

        var other = Rig()
        other.receive(.client, get())
        let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz"
        other.receive(.original, response)
        #expect(other.sent[.client] == response)
        #expect(other.machine.raw == .badResponse)
    }

    @Test("may get its answer before its request is whole")
    func earlyAnswer() {
        var rig = Rig()
        rig.receive(.client, get(method: "POST", fields: "Content-Length: 4\r\n") + "ab")
        rig.receive(.original, ok("no"))
        #expect(rig.sent[.client] == ok("no"))
        rig.receive(.client, "cd" + get("/2"))
        #expect(rig.sent[.original]?.hasSuffix("abcd" + get("/2")) == true)
        #expect(rig.records.count == 1)
    }

    @Test(
        "learns from its next response that the connection ends, and loses nothing",
        arguments: ["", "Connection: close\r\n"]
    )
    func announcesClose(fields: String) {
        var rig = Rig()
        rig.receive(.client, get("/1"))
        rig.receive(.original, ok("1"))
        rig.after { $0.announceClose() }
        #expect(rig.journal.isEmpty, "an idle connection is not closed: a request may be on its way")
        rig.receive(.client, get(fields: "Content-Length: 2\r\n") + "a")
        rig.receive(.original, "HTTP/1.1 100 Continue\r\n\r\n")
        rig.receive(.client, "b")
        rig.receive(.original, ok("22", fields: fields).dropLast(1).description)
        #expect(rig.journal.isEmpty)
        rig.receive(.original, "2")
        let told =
            "HTTP/1.1 200 OK\r\n\(fields)Content-Length: 2\r\n\(fields.isEmpty ? "connection: close\r\n" : "")\r\n22"
        #expect(rig.sent[.client] == ok("1") + "HTTP/1.1 100 Continue\r\n\r\n" + told)
        // A server that says so itself also ends the connection itself.
        #expect(rig.journal == (fields.isEmpty ? ["finish client", "close original"] : []))
        #expect(rig.records.map(\.status) == [200, 200])
    }

    @Test("is closed by a drain when it is idle, and not before")
    func drains() {
        var rig = Rig()
        rig.receive(.client, get("/1") + get("/2"))
        rig.after { $0.drain() }
        #expect(rig.journal.isEmpty)
        rig.receive(.original, ok("1"))
        rig.receive(.original, ok("2"))
        #expect(rig.sent[.client] == ok("1") + ok("2"))
        #expect(rig.journal == ["finish client", "close original"])
        rig.after { $0.clientEnded() }
        #expect(rig.journal.last == "close all")
    }
}
