import ProxyCore
import Testing
import TrafficMatch

@Suite("A connection that a route takes as a whole")
struct WholeConnectionTests {
    private func rig(isUp: Bool = true) -> Rig {
        var rig = Rig(connected: false)
        let route = Route(id: "all", match: .everything, upstreamPath: "/all", isUp: isUp)
        rig.routes = [route]
        rig.after { $0.takeWhole(by: route) }
        return rig
    }

    @Test("is not looked at, goes into the tunnel both ways, and the original is not connected to")
    func passes() {
        var rig = self.rig()
        rig.receive(.client, "GET / HTTP/1.1\r\n\r\n")
        #expect(rig.journal == ["connect all"])
        #expect(rig.machine.deadline == .acknowledgement)
        #expect(rig.sent[.upstream] == "")
        rig.after { $0.upstreamAccepted() }
        #expect(rig.sent[.upstream] == "GET / HTTP/1.1\r\n\r\n")
        #expect(rig.machine.deadline == nil)
        rig.receive(.upstream, "\u{0}any")
        #expect(rig.sent[.client] == "\u{0}any")
        rig.after { $0.clientEnded() }
        #expect(rig.journal.contains("finish upstream"))
        rig.receive(.upstream, "bye")
        rig.after { $0.upstreamEnded() }
        #expect(rig.sent[.client] == "\u{0}anybye" && rig.sent[.original] == "")
        #expect(rig.journal.last == "close all")
        #expect(rig.records.map(\.raw) == [.wholeConnection])
        #expect(rig.records.first?.server == .laptop)
        #expect(rig.records.first?.route == "all")
        #expect(!rig.journal.contains("reconnect original"))
    }

    @Test("lets the server speak first")
    func serverFirst() {
        var rig = self.rig()
        rig.after { $0.upstreamAccepted() }
        rig.receive(.upstream, "220 ready\r\n")
        #expect(rig.sent[.client] == "220 ready\r\n")
    }

    @Test(
        "goes to the original when the laptop does not take it, and is looked at there",
        arguments: [Fallback.localRefused, .ackTimeout]
    )
    func failsOpen(reason: Fallback) {
        var rig = self.rig()
        rig.receive(.client, "EHLO x\r\n")
        if reason == .ackTimeout {
            rig.after { $0.deadlinePassed(.acknowledgement) }
        } else {
            rig.after { $0.upstreamEnded() }
        }
        #expect(rig.journal == ["connect all", "disconnect", "reconnect original"])
        #expect(rig.sent[.upstream] == "")
        rig.after { $0.originalConnected() }
        #expect(rig.sent[.original] == "EHLO x\r\n")
    }

    @Test("is reset when the tunnel breaks: half of it has gone there")
    func breaks() {
        var rig = self.rig()
        rig.after { $0.upstreamAccepted() }
        rig.receive(.client, "x")
        rig.after { $0.upstreamReset() }
        #expect(rig.journal.last == "reset all")
    }

    @Test("goes to the original at once when the tunnel is down, where each request asks again")
    func down() {
        var rig = self.rig(isUp: false)
        #expect(rig.journal.isEmpty)
        rig.after { $0.originalConnected() }
        rig.receive(.client, get("/"))
        #expect(rig.sent[.original] == get("/"))
        rig.receive(.original, ok("1"))
        #expect(rig.sent[.client]?.contains("x-detour-reason: route-down") == true)
    }
}
