import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import Synchronization
import Testing

@testable import Intercept

@Suite("--restart-target", .timeLimit(.minutes(5)))
struct TargetRestartTests {
    private static let old = DynamicObject(
        .pods,
        name: "leaf-1-x",
        namespace: "shop",
        [
            "metadata": [
                "labels": ["app": "leaf", "pod-template-hash": "1"],
                "ownerReferences": [["kind": "ReplicaSet", "name": "leaf-1", "controller": true]],
            ]
        ]
    )

    private static func deployment(_ status: JSONValue, spec: JSONValue = ["replicas": 1]) -> DynamicObject {
        DynamicObject(.deployments, name: "leaf", namespace: "shop", ["spec": spec, "status": status])
    }

    private static let ready: JSONValue = [
        "observedGeneration": 100, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
    ]

    private func scene(_ deployment: DynamicObject = deployment(ready)) -> Scene {
        let scene = Scene()
        scene.server.change { cluster in
            cluster.put(Self.old)
            cluster.put(deployment)
        }
        return scene
    }

    @Test("makes the change that kubectl makes, and says that it is over when no Pod of before is left")
    func restarts() async throws {
        let scene = self.scene()
        let (said, saying) = AsyncStream.makeStream(of: InterceptEvent.self)
        let steps = Mutex(0)
        let clock = StepClock {
            let step = steps.withLock { step in
                step += 1
                return step
            }
            scene.server.change { cluster in
                guard var deployment = cluster[.deployments, "shop", "leaf"] else { return }
                // Seen, replaced, and the old Pod gone, one after the other.
                if step == 1 {
                    deployment["status"] = ["observedGeneration": 100, "replicas": 2, "updatedReplicas": 1]
                }
                if step == 2 { deployment["status"] = Self.ready }
                cluster.put(deployment)
                if step == 3 { _ = cluster.handle(.delete(.pods, in: "shop", name: "leaf-1-x")) }
            }
        }
        scene.server.change { cluster in
            var deployment = Self.deployment(["observedGeneration": 0])
            deployment["spec"]?["template"] = ["metadata": ["annotations": ["keep": "me"]]]
            cluster.put(deployment)
        }
        let restart = TargetRestart(
            client: scene.client,
            names: Scene.names,
            clock: clock,
            events: { saying.yield($0) },
            now: { "T" }
        )
        try await restart.run(selector: ["app": "leaf"])
        saying.finish()
        #expect(
            await said.reduce(into: []) { $0.append($1) } == [
                .step("restarting deployment/leaf"), .targetRestarted(["deployment/leaf"]),
            ]
        )
        #expect(steps.withLock { $0 } == 3)
        let annotations = scene.server.cluster[.deployments, "shop", "leaf"]?[
            path: "spec",
            "template",
            "metadata",
            "annotations"
        ]
        #expect(annotations == ["keep": "me", "kubectl.kubernetes.io/restartedAt": "T"])
        #expect(scene.writes.count == 1)
    }

    @Test("that does not get there is a warning, not the intercept's end")
    func fails() async throws {
        let scene = self.scene()
        let (said, saying) = AsyncStream.makeStream(of: InterceptEvent.self)
        let clock = StepClock()
        scene.server.change { cluster in cluster.put(Self.deployment(["observedGeneration": 0])) }
        let restart = TargetRestart(
            client: scene.client,
            names: Scene.names,
            clock: clock,
            events: { saying.yield($0) }
        )
        try await restart.run(selector: ["app": "leaf"])
        saying.finish()
        guard case .warning(let text)? = await said.reduce(into: [], { $0.append($1) }).last else {
            return #expect(Bool(false), "no warning")
        }
        #expect(text.contains("deployment/leaf in namespace shop is not restarted: not within 600 s: the change"))
    }

    @Test("asks for its permissions only when it is wanted, and before anything is changed")
    func permissions() async throws {
        let scene = self.scene()
        scene.server.change { $0.forbidden = ["patch deployments"] }
        _ = try await scene.run().join()
        let other = self.scene()
        other.server.change { $0.forbidden = ["patch deployments"] }
        let run = try other.run(change: { $0.restartsTarget = true })
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.code == .forbidden)
        #expect(error?.message.hasPrefix("--restart-target: you may not patch deployments.apps leaf in") == true)
        #expect(error?.message.contains("install -n shop --user YOU --restart deployment/leaf,") == true)
        #expect(other.writes.isEmpty)
    }

    @Test("is refused, before anything is changed, where nothing can be restarted")
    func nothing() async throws {
        let empty = Scene()
        let error = await #expect(throws: InterceptError.self) {
            try await empty.run(change: { $0.restartsTarget = true }).join()
        }
        #expect(error?.code == .noWorkload && empty.writes.isEmpty)
        let paused = self.scene(Self.deployment(Self.ready, spec: ["replicas": 1, "paused": true]))
        let refusal = await #expect(throws: InterceptError.self) {
            try await paused.run(change: { $0.restartsTarget = true }).join()
        }
        #expect(refusal?.message.contains("roll-outs are paused") == true && paused.writes.isEmpty)
    }
}
