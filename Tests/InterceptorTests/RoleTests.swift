import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@testable import Interceptor

@Suite("A replica with the Role that an intercept gives it, and nothing else")
struct RoleTests {
    private func role(_ session: Session) -> DynamicObject { InterceptManifests(session: session).manifest(.role) }

    @Test("Claims, publishes itself, beats, expires, restores, drains and deletes", arguments: SessionKind.allCases)
    func life(kind: SessionKind) async throws {
        let stage = try Stage(kind, routes: [Stage.route(ttl: 5)])
        stage.putPod("a")
        let session = try #require(try stage.session())
        let manifests = InterceptManifests(session: session)
        for object in OwnedObject.allCases { stage.put(manifests.manifest(object)) }
        let refusals = Refusals()
        let transport = Watched(base: RoleTransport(stage.server, role: self.role(session)), refusals: refusals)
        let replica = try TestReplica("a", stage, transport: transport)
        replica.look()
        replica.hold(["r1": 1])
        replica.reachDecoy()
        await replica.step()
        await replica.lookAndStep()
        #expect(try stage.session()?.replicas.keys.sorted() == ["a"])
        #expect(try stage.session()?.heartbeats == ["r1": 1])
        let decoy = stage.server.cluster[.services, "shop", Stage.names.decoy]
        #expect(decoy?[path: "metadata", "ownerReferences"]?.array?.count == 2)

        replica.hold([:])
        for _ in 0..<8 { await replica.lookAndStep(after: .seconds(5)) }
        try stage.expectOriginal()
        #expect(try stage.session() == nil)
        #expect(refusals.all.isEmpty, "\(refusals.all)")
    }

    @Test("Suspends when it is the last to stop, and swaps again", arguments: SessionKind.allCases)
    func suspension(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let refusals = Refusals()
        let session = try #require(try stage.session())
        let transport = Watched(base: RoleTransport(stage.server, role: self.role(session)), refusals: refusals)
        stage.putPod("a", isTerminating: true)
        let first = try TestReplica("a", stage, transport: transport)
        first.terminate()
        await first.lookAndStep()
        #expect(try stage.session()?.isSuspended == true)
        try stage.expectOriginal()
        stage.putPod("b")
        let second = try TestReplica("b", stage, transport: transport)
        second.look()
        second.reachDecoy()
        second.hold(["r1": 1])
        await second.step()
        for _ in 0..<3 { await second.lookAndStep() }
        #expect(try stage.isHijacked)
        #expect(try stage.session()?.isSuspended == false)
        #expect(refusals.all.isEmpty, "\(refusals.all)")
    }
}
