import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@testable import Interceptor

@Suite("How a replica that stops gives the Service back")
struct RestoreTests {
    @Test(
        "The last ready replica that stops suspends the Session and restores the Service in the same step",
        arguments: SessionKind.allCases
    )
    func suspending(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        stage.putPod("a", isTerminating: true)
        stage.putPod("b", isReady: false)
        let replica = try TestReplica("a", stage)
        replica.terminate()
        #expect(await !replica.lookAndStep())
        try stage.expectOriginal()
        #expect(try stage.session()?.isSuspended == true)
        #expect(try stage.session()?.phase == .active)
    }

    @Test("While another replica is ready, a stopping one leaves the Service alone", arguments: SessionKind.allCases)
    func notLast(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        stage.putPod("a", isTerminating: true)
        stage.putPod("b")
        let replica = try TestReplica("a", stage)
        replica.terminate()
        for _ in 0..<20 { await replica.lookAndStep(after: .milliseconds(100)) }
        #expect(try stage.isHijacked)
        #expect(try stage.session()?.isSuspended == false)
    }

    @Test(
        "The last replica does not end before the Service is given back, however long the API server is away",
        arguments: SessionKind.allCases
    )
    func lastStays(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        stage.putPod("a", isTerminating: true)
        let replica = try TestReplica("a", stage)
        replica.terminate()
        stage.server.setFault { $0.method == .patch ? .answer(500, reason: "InternalError", message: "etcd") : nil }
        for _ in 0..<20 { #expect(await !replica.lookAndStep(after: .seconds(1))) }
        #expect(try stage.isHijacked)
        stage.server.setFault { _ in nil }
        #expect(await !replica.lookAndStep())
        try stage.expectOriginal()
        await replica.lookAndStep()
        #expect(await replica.lookAndStep(after: .seconds(3)))
    }

    @Test("A stopping replica whose Pod still counts as ready does not swap again", arguments: SessionKind.allCases)
    func stoppingDoesNotResume(kind: SessionKind) async throws {
        let stage = try Stage(kind, isHijacked: false) { $0.isSuspended = true }
        stage.putPod("a", isTerminating: true)
        let replica = try TestReplica("a", stage)
        replica.look()
        replica.hold(["r1": 1])
        replica.reachDecoy()
        replica.state.with { $0.isPublished = true }
        replica.terminate()
        for _ in 0..<3 { await replica.lookAndStep() }
        #expect(replica.state.readiness() == .yes)
        #expect(try !stage.isHijacked)
    }

    @Test("Two that stop together are both the last", arguments: SessionKind.allCases)
    func bothStop(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        stage.putPod("a", isTerminating: true)
        stage.putPod("b", isTerminating: true)
        let replicas = [try TestReplica("a", stage), try TestReplica("b", stage)]
        for replica in replicas { replica.terminate() }
        for replica in replicas { await replica.lookAndStep() }
        try stage.expectOriginal()
        #expect(try stage.session()?.isSuspended == true)
    }

    @Test(
        "The next ready replica swaps again and clears the suspension; one that is not ready does not",
        arguments: SessionKind.allCases
    )
    func resuming(kind: SessionKind) async throws {
        let stage = try Stage(kind, isHijacked: false) { $0.isSuspended = true }
        stage.putPod("c", isReady: false)
        let replica = try TestReplica("c", stage)
        replica.look()
        replica.hold(["r1": 1])
        await replica.lookAndStep()
        replica.reachDecoy()
        await replica.lookAndStep()
        #expect(replica.state.readiness() == .yes)
        #expect(try !stage.isHijacked, "swapped to a Pod that is no ready endpoint yet")
        stage.putPod("c")
        await replica.lookAndStep()
        #expect(try stage.isHijacked)
        #expect(try stage.session()?.isSuspended == false)
    }

    @Test("A swap whose suspension was not cleared is cleared by the next step", arguments: SessionKind.allCases)
    func halfResumed(kind: SessionKind) async throws {
        let stage = try Stage(kind) { $0.isSuspended = true }
        stage.putPod("c")
        let replica = try TestReplica("c", stage)
        replica.reachDecoy()
        replica.look()
        replica.hold(["r1": 1])
        await replica.lookAndStep()
        await replica.lookAndStep()
        #expect(try stage.session()?.isSuspended == false)
        #expect(try stage.isHijacked)
    }

    @Test(
        "A stopping replica does not undo the swap of a successor that its own watch has not shown ready yet",
        arguments: SessionKind.allCases
    )
    func noFlapping(kind: SessionKind) async throws {
        let stage = try Stage(kind, isHijacked: true)
        stage.putPod("a", isTerminating: true)
        stage.putPod("c", isReady: false)
        let old = try TestReplica("a", stage)
        old.terminate()
        old.look()
        stage.putPod("c", isReady: true)
        await old.step()
        #expect(try stage.isHijacked)
    }

    @Test("A suspension is cleared although somebody removed the annotation", arguments: SessionKind.allCases)
    func resumedWithoutAnnotation(kind: SessionKind) async throws {
        let stage = try Stage(kind) { $0.isSuspended = true }
        stage.putPod("c")
        stage.edit { $0["metadata"]?["annotations"] = nil }
        let replica = try TestReplica("c", stage)
        replica.reachDecoy()
        replica.look()
        replica.hold(["r1": 1])
        for _ in 0..<3 { await replica.lookAndStep() }
        #expect(try stage.session()?.isSuspended == false)
        #expect(try ServiceSwap(annotationOf: stage.leaf())?.original == Stage.original)
    }

    @Test(
        "A swap that a successor confirms right before a stopping replica restores it stays, and ends no intercept",
        arguments: SessionKind.allCases
    )
    func confirmedMeanwhile(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        // With an annotation of somebody else's, a restore does not test ours.
        stage.edit { $0["metadata"]?["annotations"]?["team"] = "red" }
        stage.putPod("a", isTerminating: true)
        stage.putPod("c", isReady: false)
        let successor = try TestReplica("c", stage)
        successor.reachDecoy()
        successor.look()
        successor.hold(["r1": 1])
        await successor.lookAndStep()
        let stopping = try TestReplica(
            "a",
            stage,
            transport: HookedTransport(base: stage.server) { request in
                guard request.method == .patch, request.segments.last == "leaf" else { return }
                stage.putPod("c")
                await successor.lookAndStep()
            }
        )
        stopping.terminate()
        await stopping.lookAndStep()
        for _ in 0..<3 {
            await stopping.lookAndStep()
            await successor.lookAndStep()
        }
        #expect(try stage.isHijacked)
        #expect(try stage.session()?.phase == .active)
        #expect(try stage.session()?.isSuspended == false)
    }

    @Test(
        "A Service given back is not taken for a foreign revert by a replica that sees it before the suspension",
        arguments: SessionKind.allCases
    )
    func noFalseRevert(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        stage.putPod("a", isTerminating: true)
        let stopping = try TestReplica("a", stage)
        let watching = try TestReplica("b", stage)
        await watching.lookAndStep()
        stopping.terminate()
        await stopping.lookAndStep()
        watching.seeService()
        await watching.step()
        #expect(try stage.session()?.phase == .active)
        watching.seeSession()
        await watching.step()
        #expect(try stage.session()?.phase == .active)
    }

    @Test(
        "Nor by one that sees the suspension cleared before the swap that came first",
        arguments: SessionKind.allCases
    )
    func noFalseRevertAfterResume(kind: SessionKind) async throws {
        let stage = try Stage(kind, isHijacked: false) { $0.isSuspended = true }
        stage.putPod("c")
        let watching = try TestReplica("b", stage)
        watching.look()
        let successor = try TestReplica("c", stage)
        successor.reachDecoy()
        successor.look()
        successor.hold(["r1": 1])
        await successor.lookAndStep()
        await successor.lookAndStep()
        try #require(try stage.isHijacked)
        watching.seeSession()
        await watching.step()
        #expect(try stage.session()?.phase == .active)
        #expect(try stage.isHijacked)
    }
}
