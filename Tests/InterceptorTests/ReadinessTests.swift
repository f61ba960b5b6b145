import InterceptPlanning
import Testing

@testable import Interceptor

@Suite("When a replica is ready")
struct ReadinessTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var why: String
        var change: @Sendable (inout ReplicaState.Parts) -> Void
        var testDescription: String { self.name }
    }

    private func ready() throws -> ReplicaState {
        let session = try Stage(
            routes: [Stage.route("r1"), Stage.route("r2", owner: "bob@desk", match: "X-Dev:bob")]
        ).session()
        let state = ReplicaState()
        state.with { parts in
            parts.session = session
            parts.hasLookedForSession = true
            parts.isPublished = true
            parts.hasReachedDecoy = true
            parts.tunnels = ["r1": 1, "r2": 1]
        }
        return state
    }

    @Test("With Session, publication, decoy and all tunnels it is")
    func isReady() throws {
        #expect(try self.ready().readiness() == .yes)
    }

    @Test(
        "Each thing that is missing is named",
        arguments: [
            Row(name: "stopping", why: "the replica is stopping") { $0.isTerminating = true },
            Row(name: "blind", why: "the session was not read yet") { $0.hasLookedForSession = false },
            Row(name: "no Session", why: "the session is gone") { $0.session = nil },
            Row(name: "unpublished", why: "the replica is not in the session's status yet") { $0.isPublished = false },
            Row(name: "no decoy", why: "the decoy was not reached yet") { $0.hasReachedDecoy = false },
            Row(name: "one tunnel missing", why: "tunnels of bob@desk are missing") { $0.tunnels["r2"] = nil },
            Row(name: "no tunnel", why: "tunnels of ada@laptop, bob@desk are missing") { $0.tunnels = [:] },
            Row(name: "stopping comes first", why: "the replica is stopping") { parts in
                parts = .init()
                parts.isTerminating = true
            },
        ]
    )
    func notReady(row: Row) throws {
        let state = try self.ready()
        state.with(row.change)
        #expect(state.readiness() == .no(row.why))
    }

    @Test(
        "Once it was ready, a laptop that goes or comes does not take it from the endpoints, however young it is"
    )
    func staysReady() throws {
        let state = try self.ready()
        #expect(state.readiness() == .yes)
        state.with { $0.tunnels = [:] }
        #expect(state.readiness() == .yes)
    }

    @Test("A stopping replica whose Pod is being deleted stays ready: it may be the last endpoint kube-proxy knows")
    func deleted() async throws {
        let stage = try Stage()
        stage.putPod("a")
        let replica = try TestReplica("a", stage)
        replica.look()
        replica.hold(["r1": 1])
        replica.reachDecoy()
        await replica.lookAndStep()
        #expect(replica.state.readiness() == .yes)
        replica.terminate()
        await replica.lookAndStep()
        #expect(replica.state.readiness() == .no("the replica is stopping"))
        stage.putPod("a", isTerminating: true)
        await replica.lookAndStep()
        #expect(replica.state.readiness() == .yes)
    }

    @Test("Tunnels are waited for five seconds and no longer; everything else is needed for good")
    func patience() async throws {
        let stage = try Stage()
        let replica = try TestReplica("a", stage)
        replica.reachDecoy()
        await replica.lookAndStep(after: .seconds(5))
        await replica.lookAndStep()
        #expect(replica.state.readiness() == .no("tunnels of ada@laptop are missing"))
        await replica.lookAndStep(after: .milliseconds(1))
        #expect(replica.state.readiness() == .yes)
        replica.state.with { $0.hasReachedDecoy = false }
        #expect(replica.state.readiness() == .no("the decoy was not reached yet"))
    }
}
