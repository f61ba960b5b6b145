import ProxyCore
import Testing

@Suite("A diverted request")
struct DivertTests {
    @Test("is sent after the acknowledgement, and its answer comes back")
    func passes() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, post("a", user: "alice"))
        #expect(rig.journal == ["connect alice"])
        #expect(rig.phase() == .upstream)
        #expect(rig.machine.deadline == .acknowledgement)
        #expect(rig.sent[.upstream] == "" && rig.sent[.original] == "", "nothing is sent before the acknowledgement")
        rig.after { $0.upstreamAccepted() }
        #expect(rig.sent[.upstream] == post("a", user: "alice"))
        #expect(rig.machine.deadline == nil)
        rig.receive(.upstream, ok("local"))
        #expect(rig.sent[.client] == ok("local"))
        #expect(rig.records.first?.server == .laptop)
        #expect(rig.records.first?.route == "alice")
        #expect(rig.sent[.original] == "")
    }

    @Test("takes turns with others on one connection, and its stream is used again")
    func alternates() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1", user: "alice") + get("/2") + get("/3", user: "alice"))
        rig.after { $0.upstreamAccepted() }
        #expect(rig.sent[.original] == "")
        rig.receive(.upstream, ok("1"))
        rig.receive(.original, ok("2"))
        rig.receive(.upstream, ok("3"))
        #expect(rig.sent[.client] == ok("1") + ok("2") + ok("3"))
        #expect(rig.journal == ["connect alice"])
        #expect(rig.records.map(\.server) == [.laptop, .original, .laptop])
    }

    @Test("of a bounded route gets a stream of its own, given back after its answer")
    func bounded() throws {
        var route = try Route.user("alice")
        route.isBounded = true
        var rig = Rig(routes: [route])
        rig.receive(.client, get("/1", user: "alice") + get("/2", user: "alice") + get("/3"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, ok("1"))
        #expect(rig.journal == ["connect alice", "disconnect", "connect alice"])
        // The laptop takes no second one.
        rig.after { $0.upstreamEnded() }
        rig.receive(.original, ok("2"))
        rig.receive(.original, ok("3"))
        #expect(rig.sent[.upstream] == get("/1", user: "alice"))
        #expect(rig.records.map(\.server) == [.laptop, .original, .original])
        #expect(rig.records.map(\.fallback) == [nil, .localRefused, nil])
    }

    @Test("of another route gets a stream of its own")
    func otherRoute() throws {
        var rig = Rig(routes: [try .user("alice"), try .user("bob")])
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, ok("1"))
        rig.receive(.client, get(user: "bob"))
        #expect(rig.journal == ["connect alice", "disconnect", "connect bob"])
    }

    @Test(
        "is answered by the original, which says why, when the laptop has seen nothing of it",
        arguments: [Fallback.routeDown, .localRefused, .ackTimeout]
    )
    func fallsBack(reason: Fallback) throws {
        var rig = Rig(routes: [try .user("alice", isUp: reason != .routeDown)])
        let request = post("x", user: "alice")
        rig.receive(.client, request)
        switch reason {
        case .ackTimeout: rig.after { $0.deadlinePassed(.acknowledgement) }
        case .localRefused: rig.after { $0.upstreamEnded() }
        default: #expect(rig.journal.isEmpty)
        }
        #expect(rig.sent[.original] == request)
        rig.receive(.original, "HTTP/1.1 100 Continue\r\n\r\n" + ok("orig", fields: "X: 1\r\n"))
        let head = "HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 4\r\n"
        #expect(
            rig.sent[.client]
                == "HTTP/1.1 100 Continue\r\n\r\n\(head)x-detour-served-by: original\r\nx-detour-reason: \(reason.token)\r\n\r\norig"
        )
        #expect(rig.records.first?.fallback == reason)
        #expect(rig.records.first?.server == .original)
        rig.receive(.client, get())
        rig.receive(.original, ok("plain"))
        #expect(rig.sent[.client]?.hasSuffix("orig" + ok("plain")) == true, "the next answer explains nothing")
    }

    @Test("is answered with 503 when its route wants that", arguments: [false, true])
    func unavailable(hasBody: Bool) throws {
        var rig = Rig(routes: [try .user("alice", isUp: false, onUnreachable: .unavailable)])
        let request = hasBody ? post("abc", user: "alice") : get(user: "alice")
        rig.receive(.client, request + get("/next"))
        #expect(rig.sent[.client]?.hasPrefix("HTTP/1.1 503 ") == true)
        #expect(rig.sent[.client]?.contains("x-detour-reason: route-down\r\n") == true)
        #expect(rig.records.first?.server == .detour)
        if hasBody {
            #expect(rig.journal == ["respond 503", "finish client", "close original"])
            #expect(rig.discarded[.client] == request.utf8.count + get("/next").utf8.count)
            #expect(rig.sent[.client]?.contains("connection: close\r\n") == true)
        } else {
            #expect(rig.sent[.original] == get("/next"))
        }
    }

    @Test(
        "that is idempotent and has no body may be asked of the original when the tunnel ends before any answer",
        arguments: ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]
    )
    func replays(method: String) throws {
        for isReset in [true, false] {
            var rig = Rig(routes: [try .user("alice")])
            let request = get(user: "alice", method: method)
            rig.receive(.client, request)
            rig.after { $0.upstreamAccepted() }
            rig.after { if isReset { $0.upstreamReset() } else { $0.upstreamEnded() } }
            #expect(rig.sent[.original] == request)
            #expect(rig.journal == ["connect alice", "disconnect", "replay"])
            rig.receive(.original, "HTTP/1.1 204 No\r\n\r\n")
            #expect(rig.sent[.client]?.contains("x-detour-reason: tunnel-reset") == true)
        }
    }

    @Test(
        "with a body, or that is not idempotent, is never sent twice",
        arguments: [("POST", ""), ("PATCH", ""), ("POST", "abc"), ("PUT", "abc"), ("DELETE", "a"), ("GET", "a")]
    )
    func neverTwice(method: String, body: String) throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(
            .client,
            body.isEmpty ? get(user: "alice", method: method) : post(body, user: "alice", method: method)
        )
        rig.after { $0.upstreamAccepted() }
        rig.after { $0.upstreamReset() }
        #expect(rig.sent[.original] == "")
        #expect(rig.sent[.client]?.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n") == true)
        #expect(rig.sent[.client]?.contains("connection: close") == false, "the request was read whole")
        rig.receive(.client, get("/next"))
        #expect(rig.sent[.original] == get("/next"))
    }

    @Test("that was not read whole ends its connection with the 502")
    func unread() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice", method: "POST", fields: "Content-Length: 5\r\n") + "ab")
        rig.after { $0.upstreamAccepted() }
        rig.after { $0.upstreamEnded() }
        #expect(rig.sent[.client]?.contains("connection: close\r\n") == true)
        #expect(rig.journal.suffix(2) == ["finish client", "close original"])
        rig.receive(.client, "cde" + get("/smuggled"))
        #expect(rig.sent[.original] == "")
        #expect(rig.machine.deadline == .linger)
        rig.after { $0.clientEnded() }
        #expect(rig.journal.last == "close all")
    }

    @Test("whose answer is cut short is reset, so that the client sees it")
    func truncated() throws {
        for text in ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "HTTP/1.1 100 Continue\r\n\r\n"] {
            var rig = Rig(routes: [try .user("alice")])
            rig.receive(.client, get(user: "alice"))
            rig.after { $0.upstreamAccepted() }
            rig.receive(.upstream, text)
            rig.after { $0.upstreamEnded() }
            #expect(rig.sent[.client] == text)
            #expect(rig.journal.last == "reset all")
            #expect(rig.records.first?.flags == .upstreamClosed)
        }
    }

    @Test(
        "answered with something that is no response gets a 502",
        arguments: ["SSH-2.0\r\n", "HTTP/1.1 200\nX\n\n", "HTTP/1.1 101 S\r\n\r\n"]
    )
    func badResponse(text: String) throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, text)
        #expect(rig.sent[.client]?.contains("x-detour-reason: bad-response") == true)
        #expect(rig.sent[.client]?.hasPrefix("HTTP/1.1 502") == true)
        #expect(rig.sent[.original] == "")
        #expect(rig.journal == ["connect alice", "disconnect", "respond 502"])
    }

    @Test("answered twice: the second answer is shown to nobody")
    func answersTwice() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1", user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, ok("1") + ok("poison"))
        #expect(rig.sent[.client] == ok("1"))
        #expect(rig.journal.contains("disconnect"))
        rig.receive(.client, get("/2", user: "alice"))
        #expect(rig.journal.last == "connect alice")
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, ok("2"))
        #expect(rig.sent[.client] == ok("1") + ok("2"))
    }

    @Test("on a stream that died meanwhile gets a new one")
    func staleStream() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1", user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, ok("1"))
        rig.after { $0.upstreamEnded() }
        rig.receive(.client, post("2", user: "alice"))
        #expect(rig.journal == ["connect alice", "disconnect", "connect alice"])
    }

    @Test(
        "whose answer ends the connection ends the client's, after the answer",
        arguments: [ok("1", fields: "Connection: close\r\n"), "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1"]
    )
    func closes(response: String) throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, response)
        #expect(rig.sent[.client] == response)
        #expect(rig.journal.dropFirst() == ["disconnect", "finish client", "close original"])
        rig.after { $0.deadlinePassed(.linger) }
        #expect(rig.journal.last == "close all")
    }

    @Test("may be answered until its stream ends")
    func untilClose() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, "HTTP/1.1 200 OK\r\n\r\nab")
        rig.receive(.upstream, "cd")
        rig.after { $0.upstreamEnded() }
        #expect(rig.sent[.client] == "HTTP/1.1 200 OK\r\n\r\nabcd")
        #expect(rig.journal.contains("finish client"))
        #expect(rig.records.first?.flags == [])
    }

    @Test("may switch protocols: from then on the laptop and the client speak alone")
    func upgrades() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice", fields: "Upgrade: websocket\r\nConnection: upgrade\r\n"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, "HTTP/1.1 101 S\r\n\r\n\u{1}a")
        rig.receive(.client, "\u{2}b")
        rig.receive(.original, "HTTP/1.1 408 T\r\n\r\n")
        rig.after { $0.originalEnded() }
        #expect(rig.sent[.client] == "HTTP/1.1 101 S\r\n\r\n\u{1}a")
        #expect(rig.sent[.upstream]?.hasSuffix("\u{2}b") == true)
        #expect(rig.journal.contains("close original"))
        rig.after { $0.upstreamEnded() }
        rig.after { $0.clientEnded() }
        #expect(rig.journal.suffix(3) == ["finish client", "finish upstream", "close all"])
        #expect(rig.records.map(\.kind) == [.request, .raw])
    }

    @Test("loses its wish to switch to HTTP/2, and nothing else", arguments: ["", ", close", ", keep-alive"])
    func upgradeToHTTP2(connection: String) throws {
        var rig = Rig(routes: [try .user("alice")])
        let wish = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade, HTTP2-Settings\(connection)\r\n"
        let request = get(user: "alice", fields: "A: 1\r\n\(wish)B: 2\r\n")
        rig.receive(.client, request)
        rig.after { $0.upstreamAccepted() }
        let line = connection.isEmpty ? "" : "connection: \(connection.dropFirst(2))\r\n"
        #expect(rig.sent[.upstream] == get(user: "alice", fields: "A: 1\r\nB: 2\r\n\(line)"))
        rig.after { $0.upstreamReset() }
        #expect(rig.sent[.original] == request, "the original gets it as it came")

        var other = Rig(routes: [try .user("alice")])
        other.receive(.client, request)
        other.after { $0.upstreamAccepted() }
        other.receive(.upstream, "HTTP/1.1 101 Switching\r\n\r\n")
        #expect(other.sent[.client]?.hasPrefix("HTTP/1.1 502") == true, "nobody asked for that any more")
    }

    @Test("goes on while the original, asked before, ends or speaks, and only then does the client see that")
    func originalMeanwhile() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get())
        rig.receive(.original, ok("0"))
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.original, "HTTP/1.1 408 T\r\n\r\n")
        rig.after { $0.originalEnded() }
        #expect(rig.isBlocked.contains(.original))
        #expect(rig.sent[.client] == ok("0"))
        rig.receive(.upstream, ok("1"))
        #expect(rig.sent[.client] == ok("0") + ok("1") + "HTTP/1.1 408 T\r\n\r\n")
        #expect(rig.journal.last == "finish client")
    }

    @Test("with a malformed chunk is refused, and the laptop does not see the rest")
    func badChunk() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(
            .client,
            get(user: "alice", method: "POST", fields: "Transfer-Encoding: chunked\r\n") + "1\r\na\r\n"
        )
        rig.after { $0.upstreamAccepted() }
        rig.receive(.client, "zz\r\n")
        #expect(rig.sent[.client]?.hasPrefix("HTTP/1.1 400") == true)
        #expect(rig.sent[.upstream]?.hasSuffix("1\r\na\r\n") == true)
        #expect(rig.journal.contains("disconnect"))
    }

    @Test("whose client goes away takes its stream with it")
    func clientGone() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.clientReset() }
        #expect(rig.journal == ["connect alice", "reset all"])
        rig.after { $0.upstreamAccepted() }
        #expect(rig.sent[.upstream] == "")
        #expect(rig.records.first?.flags == .clientClosed)
    }
}
