import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import Testing
import TunnelTransport

@testable import Interceptor

@Suite("Who may hold a tunnel")
struct TunnelGateTests {
    private func gate(_ change: (inout Session) -> Void = { _ in }, absent: Bool = false) throws -> TunnelGate {
        let stage = try Stage(
            routes: [Stage.route("r1", epoch: 3), Stage.route("r2", owner: "bob@desk", match: "X-Dev:bob")],
            change: change
        )
        let state = ReplicaState()
        let session = try stage.session()
        state.with { $0.session = absent ? nil : session }
        return TunnelGate(state: state, incarnation: Stage.incarnation, runDirectory: "/run/detour", version: "9.9")
    }

    private func hello(
        route: String = "r1",
        session: String = Stage.incarnation,
        epoch: UInt64 = 3
    ) -> TunnelHello {
        TunnelHello(route: route, session: session, epoch: epoch, version: "1.0")
    }

    private func reason(_ verdict: TunnelVerdict) -> String? {
        if case .refuse(let reason) = verdict { reason } else { nil }
    }

    @Test(
        "A laptop says with its greeting whether its route is paused; one that cannot say so is not",
        arguments: [true, false]
    )
    func paused(isPaused: Bool) throws {
        let gate = try self.gate()
        gate.state.pause(!isPaused, route: "r1")
        gate.state.pause(true, route: "r2")
        var hello = self.hello()
        hello.isPaused = isPaused ? true : nil
        _ = gate.admit(hello, "f-r1")
        #expect(gate.state.with { $0.paused } == (isPaused ? ["r1", "r2"] : ["r2"]))
        hello.isPaused = true
        _ = gate.admit(hello, "f-r2")
        #expect(gate.state.with { $0.paused }.contains("r1") == isPaused, "another's key pauses nothing")
    }

    @Test("The key of a route gets that route's socket")
    func accepted() throws {
        let gate = try self.gate()
        #expect(
            gate.admit(self.hello(), "f-r1")
                == .accept(socketPath: "/run/detour/r1.sock", welcome: ["version": "9.9"])
        )
        #expect(
            gate.admit(self.hello(route: "r2", epoch: 1), "f-r2")
                == .accept(socketPath: "/run/detour/r2.sock", welcome: ["version": "9.9"])
        )
    }

    @Test(
        "A key gets nobody else's route, and none that does not exist",
        arguments: [
            ("r1", "f-r2"), ("r2", "f-r1"), ("r3", "f-r1"), ("", "f-r1"), ("r1", ""), ("", ""), ("r1", "f-r"),
            ("r1", "f-r11"), ("r1", "F-R1"), ("r1 ", "f-r1"), ("../r1", "f-r1"),
        ]
    )
    func otherRoute(route: String, fingerprint: String) throws {
        let verdict = try self.gate().admit(self.hello(route: route), fingerprint)
        #expect(self.reason(verdict) == "no such route for this key")
    }

    @Test(
        "Another incarnation is refused",
        arguments: [
            "", "a1", String(repeating: "b2", count: 20), Stage.incarnation + "a", Stage.incarnation.uppercased(),
        ]
    )
    func otherIncarnation(session: String) throws {
        let verdict = try self.gate().admit(self.hello(session: session), "f-r1")
        #expect(self.reason(verdict)?.contains("no such session") == true)
    }

    @Test("An older and an unheard-of epoch are refused", arguments: [0, 2, 4, UInt64.max])
    func otherEpoch(epoch: UInt64) throws {
        let verdict = try self.gate().admit(self.hello(epoch: epoch), "f-r1")
        #expect(self.reason(verdict)?.contains("stale epoch") == true)
    }

    @Test("A closing Session takes no tunnel, even for routes it still lists")
    func closing() throws {
        let gate = try self.gate { $0.phase = .closing }
        #expect(self.reason(gate.admit(self.hello(), "f-r1"))?.contains("closing") == true)
    }

    @Test("Without a Session nobody gets in, not even through the handshake")
    func noSession() throws {
        let gate = try self.gate(absent: true)
        #expect(!gate.isAllowed("f-r1"))
        #expect(self.reason(gate.admit(self.hello(), "f-r1"))?.contains("no such session") == true)
    }

    @Test("The handshake lets in the keys of routes and no others")
    func handshake() throws {
        let gate = try self.gate()
        #expect(gate.isAllowed("f-r1"))
        #expect(gate.isAllowed("f-r2"))
        for other in ["", "f-r", "f-r3", "f-r11", "F-R1"] { #expect(!gate.isAllowed(other), "\(other)") }
    }

    @Test("An epoch that an edit by hand made negative makes the Session unreadable, and harms no replica")
    func negativeEpoch() throws {
        let stage = try Stage()
        var object = try #require(stage.server.cluster[.sessions, "shop", Stage.names.session])
        var routes = object[path: "spec", "routes"]?.array ?? []
        routes[0]["epoch"] = -1
        object["spec"]?["routes"] = .array(routes)
        let error = #expect(throws: PlanningError.self) { try Session(object) }
        #expect(error?.code == .malformedSession)
    }
}
