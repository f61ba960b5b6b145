import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@testable import Interceptor

@Suite("What a replica does when others delete the Session or change the Service")
struct OthersTests {
    @Test(
        "A Session deleted by hand restores the Service in the same step, by the annotation",
        arguments: SessionKind.allCases
    )
    func sessionDeleted(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        stage.deleteSession()
        await replica.lookAndStep()
        try stage.expectOriginal()
    }

    @Test(
        "What a replica needs to restore stays until its Pod is gone, whoever deletes the Session",
        arguments: SessionKind.allCases
    )
    func permissionsStay(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        stage.putPod("a")
        let session = try #require(try stage.session())
        let manifests = InterceptManifests(session: session, disruptionBudgetType: .podDisruptionBudgets)
        for object in OwnedObject.allCases { stage.put(manifests.manifest(object, decoyAddress: "10.96.0.10")) }
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        #expect(try stage.session()?.replicas["a"] != nil)
        stage.deleteSession()
        func left() -> [OwnedObject] {
            OwnedObject.allCases.filter { object in
                let (type, name) = manifests.identity(object)
                return stage.server.cluster[type, "shop", name] != nil
            }
        }
        #expect(left() == [.decoy, .serviceAccount, .role, .roleBinding])
        try await stage.store().client.resources(.pods, in: "shop").delete("pod-a")
        #expect(left().isEmpty)
    }

    @Test("Without the annotation it restores by its own settings", arguments: SessionKind.allCases)
    func annotationDeletedToo(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        stage.edit { $0["metadata"]?["annotations"] = nil }
        stage.deleteSession()
        await replica.lookAndStep()
        try stage.expectOriginal()
    }

    @Test(
        "A Session of another incarnation counts as none, and that one's hijack is left alone",
        arguments: SessionKind.allCases
    )
    func otherIncarnation(kind: SessionKind) async throws {
        let stage = try Stage(kind) { $0.incarnation = String(repeating: "b2", count: 20) }
        let before = try stage.leaf()
        let replica = try TestReplica("a", stage)
        for _ in 0..<5 { await replica.lookAndStep(after: .seconds(1)) }
        #expect(try stage.leaf() == before)
        #expect(try stage.session()?.phase == .active)
    }

    @Test("A revert by someone else closes the Session and names the manager", arguments: SessionKind.allCases)
    func foreignRevert(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        stage.edit { service in
            service["spec"]?["selector"] = ["app": "leaf"]
            service["metadata"]?["managedFields"] = [
                ["manager": "detour", "time": "2026-01-01T00:00:09Z", "fieldsV1": ["f:spec": .object([:])]],
                ["manager": "argocd-controller", "time": "2026-01-01T00:00:08Z", "fieldsV1": ["f:spec": .object([:])]],
                ["manager": "kubectl-edit", "time": "2026-01-01T00:00:01Z", "fieldsV1": ["f:spec": .object([:])]],
            ]
        }
        await replica.lookAndStep()
        let session = try #require(try stage.session())
        #expect(session.phase == .closing)
        #expect(session.closeReason == "the service's selector was changed back by argocd-controller")
        await replica.lookAndStep()
        #expect(try stage.leaf()[path: "spec", "ports"] == Stage.original.ports)
        #expect(try stage.leaf().annotations.isEmpty)
    }

    @Test(
        "A foreign selector put there while the Service was given back ends the intercept, and stays",
        arguments: SessionKind.allCases
    )
    func editedWhileSuspended(kind: SessionKind) async throws {
        let stage = try Stage(kind, isHijacked: false) { $0.isSuspended = true }
        stage.edit { $0["spec"]?["selector"] = ["app": "leaf-v2"] }
        stage.putPod("a")
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        await replica.lookAndStep()
        #expect(try stage.session()?.phase == .closing)
        #expect(try stage.session()?.closeReason.contains("while it was restored") == true)
        #expect(try stage.leaf()[path: "spec", "selector"] == ["app": "leaf-v2"])
    }

    @Test("A swap that came between looking and restoring is not restored by halves", arguments: SessionKind.allCases)
    func swappedAgainMeanwhile(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let hijacked = try stage.leaf()
        let replica = try TestReplica("a", stage)
        stage.deleteSession()
        stage.edit { $0["spec"]?["selector"] = ["app": "leaf"] }
        replica.look()
        stage.edit { $0 = hijacked }
        await replica.step()
        #expect(try stage.leaf()["spec"] == hijacked["spec"])
        #expect(try stage.leaf().annotations == hijacked.annotations)
        await replica.lookAndStep()
        try stage.expectOriginal()
    }

    @Test("An annotation that somebody made between looking and restoring stays", arguments: SessionKind.allCases)
    func annotatedMeanwhile(kind: SessionKind) async throws {
        let stage = try Stage(kind) { $0.phase = .closing }
        let replica = try TestReplica("a", stage)
        replica.look()
        stage.edit { $0["metadata"]?["annotations"]?["team"] = "red" }
        await replica.step()
        await replica.lookAndStep()
        #expect(try stage.leaf()["spec"] == stage.service["spec"])
        #expect(try stage.leaf().annotations == ["team": "red"])
    }

    @Test("An annotation that somebody made between looking and swapping stays", arguments: SessionKind.allCases)
    func annotatedBeforeSwap(kind: SessionKind) async throws {
        let stage = try Stage(kind, isHijacked: false)
        let view = try stage.leaf()
        stage.edit { $0["metadata"]?["annotations"] = ["team": "red"] }
        let controller = SessionController(store: stage.store(), role: .client)
        _ = try await controller.run(
            .hijack(stage.swap.hijack(view)),
            Observation(session: try stage.session(), service: view)
        )
        #expect(try stage.leaf().annotations["team"] == "red")
        #expect(try !stage.isHijacked)
    }

    @Test("A Service that was deleted ends the Session, and nothing is left of it", arguments: SessionKind.allCases)
    func serviceDeleted(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        try await stage.store().services.delete("leaf")
        for _ in 0..<8 { await replica.lookAndStep(after: .seconds(1)) }
        #expect(try stage.session() == nil)
    }

    @Test("A Service that was not seen yet is not taken for a deleted one", arguments: SessionKind.allCases)
    func serviceNotSeen(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let replica = try TestReplica("a", stage)
        replica.seeSession()
        await replica.step()
        #expect(try stage.session()?.phase == .active)
    }

    @Test("A failing API server is asked again until the Service is restored", arguments: SessionKind.allCases)
    func persistence(kind: SessionKind) async throws {
        let stage = try Stage(kind) { $0.phase = .closing }
        let replica = try TestReplica("a", stage)
        stage.server.setFault { $0.method == .patch ? .answer(500, reason: "InternalError", message: "etcd") : nil }
        for _ in 0..<3 { await replica.lookAndStep() }
        #expect(try stage.isHijacked)
        stage.server.setFault { _ in nil }
        await replica.lookAndStep()
        try stage.expectOriginal()
    }
}
