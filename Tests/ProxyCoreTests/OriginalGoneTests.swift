import ProxyCore
import Testing

@Suite("A diverted request whose original has gone meanwhile")
struct OriginalGoneTests {
    @Test("gets a 502 when neither the laptop nor the original can answer")
    func nobody() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.originalReset() }
        rig.after { $0.upstreamEnded() }
        #expect(rig.journal.last == "reconnect original")
        rig.after { $0.originalFailed() }
        #expect(rig.sent[.client]?.hasPrefix("HTTP/1.1 502") == true)
        #expect(rig.records.map(\.status) == [502])
    }

    @Test("falls back to a new connection when the original has ended the idle one", arguments: [true, false])
    func idleOriginal(acknowledged: Bool) throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1"))
        rig.receive(.original, ok("1"))
        rig.receive(.client, get("/2", user: "alice"))
        rig.after { $0.originalEnded() }
        if acknowledged { rig.after { $0.upstreamAccepted() } }
        rig.after { $0.upstreamReset() }
        #expect(rig.journal.last == "reconnect original")
        #expect(rig.machine.deadline == nil, "the time for the tunnel's answer is over")
        #expect(rig.sent[.original] == get("/1"))
        rig.after { $0.originalConnected() }
        #expect(rig.sent[.original] == get("/1") + get("/2", user: "alice"))
        rig.receive(.original, ok("2"))
        let reason = acknowledged ? "tunnel-reset" : "local-refused"
        #expect(rig.sent[.client]?.contains("x-detour-served-by: original\r\nx-detour-reason: \(reason)\r\n") == true)
        #expect(rig.sent[.client]?.hasSuffix("\r\nconnection: close\r\n\r\n2") == true)
        #expect(rig.journal.suffix(2) == ["finish client", "close original"], "as the original wanted")
    }

    @Test(
        "that falls back in the moment when the original ends its idle connection is sent once more, on a new one, and only once",
        arguments: [(false, false), (false, true), (true, false), (true, true)]
    )
    func idleOriginalLate(acknowledged: Bool, isReset: Bool) throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1", user: "alice"))
        if acknowledged { rig.after { $0.upstreamAccepted() } }
        rig.after { $0.upstreamReset() }
        #expect(rig.sent[.original] == get("/1", user: "alice"))
        rig.after { isReset ? $0.originalReset() : $0.originalEnded() }
        #expect(rig.journal.last == "reconnect original")
        rig.after { $0.originalConnected() }
        #expect(rig.sent[.original] == get("/1", user: "alice") + get("/1", user: "alice"))
        rig.after { isReset ? $0.originalReset() : $0.originalEnded() }
        #expect(rig.journal.count { $0 == "reconnect original" } == 1)
        #expect(rig.journal.last == (isReset ? "reset all" : "finish client"))
        #expect(rig.sent[.client] == "")
    }

    @Test("that must not be sent twice is not, when it fell back and the original ends its connection")
    func unrepeatable() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, post("x", user: "alice"))
        rig.after { $0.upstreamEnded() }
        rig.after { $0.originalEnded() }
        #expect(!rig.journal.contains("reconnect original"))
        #expect(rig.sent[.original] == post("x", user: "alice"))
    }

    @Test("that nobody can answer takes nothing of the request behind it along")
    func pipelinedBehindFailure() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1", user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.after { $0.originalEnded() }
        rig.receive(.client, get("/2", fields: "A: \(String(repeating: "a", count: 200))\r\n"))
        rig.after { $0.upstreamReset() }
        rig.after { $0.originalFailed() }
        #expect(rig.sent[.client]?.hasPrefix("HTTP/1.1 502") == true)
        #expect(rig.sent[.original] == "")
        #expect(rig.records.map(\.status) == [502])
        // The one behind it is for the original alone, and tries for itself.
        #expect(rig.journal.last == "reconnect original")
        rig.after { $0.originalConnected() }
        #expect(rig.sent[.original]?.hasPrefix("GET /2 ") == true)
    }

    @Test(
        "whose original is reset meanwhile is answered, and then the client's connection ends, if it asked the original before"
    )
    func originalResetMeanwhile() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1"))
        rig.receive(.original, ok("1"))
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.after { $0.originalReset() }
        rig.receive(.upstream, ok("2"))
        #expect(rig.sent[.client] == ok("1") + ok("2"))
        #expect(rig.journal.contains("finish client"))
    }

    @Test(
        "who has asked the laptop only does not notice that the original ends its idle connection, which is opened anew when it is needed",
        arguments: ["end", "reset", "408"],
        [true, false]
    )
    func untouched(how: String, isMeanwhile: Bool) throws {
        var rig = Rig(routes: [try .user("alice")])
        func lose() {
            if how == "408" { rig.receive(.original, "HTTP/1.1 408 T\r\nconnection: close\r\n\r\n") }
            rig.after { how == "reset" ? $0.originalReset() : $0.originalEnded() }
        }
        rig.receive(.client, get("/1", user: "alice"))
        rig.after { $0.upstreamAccepted() }
        if isMeanwhile { lose() }
        rig.receive(.upstream, ok("1"))
        if !isMeanwhile { lose() }
        rig.receive(.client, get("/2", user: "alice"))
        rig.receive(.upstream, ok("2"))
        #expect(rig.sent[.client] == ok("1") + ok("2"))
        #expect(!rig.journal.contains("finish client") && !rig.journal.contains("reconnect original"))
        rig.receive(.client, get("/3"))
        #expect(rig.journal.last == "reconnect original")
        rig.after { $0.originalConnected() }
        #expect(rig.sent[.original] == get("/3"))
        rig.receive(.original, ok("3"))
        #expect(rig.sent[.client] == ok("1") + ok("2") + ok("3"))
        #expect(!rig.journal.contains("finish client"))
        // From now on its end is the client's.
        rig.after { $0.originalEnded() }
        #expect(rig.journal.contains("finish client"))
    }

    @Test("who has asked the laptop only, and then wants the original, is refused as that refuses")
    func untouchedAndGone() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get("/1", user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, ok("1"))
        rig.after { $0.originalEnded() }
        rig.receive(.client, get("/2"))
        rig.after { $0.originalFailed() }
        #expect(rig.journal.last == "reset all")
    }

    @Test("whose client leaves while the original is connected to anew is not sent any more")
    func clientLeavesMeanwhile() throws {
        var rig = Rig(routes: [try .user("alice")])
        rig.receive(.client, get(user: "alice"))
        rig.after { $0.upstreamAccepted() }
        rig.after { $0.originalEnded() }
        rig.after { $0.upstreamReset() }
        rig.after { $0.clientReset() }
        rig.after { $0.originalConnected() }
        #expect(rig.sent[.original] == "")
        #expect(rig.journal.last == "reset all")
    }
}
