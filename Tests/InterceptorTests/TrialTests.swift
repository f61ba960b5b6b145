import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import Testing

@testable import Interceptor

@Suite("The end of a run on the model: who may help, and what is looked at")
struct TrialTests {
    private func trial(hasOwned: Bool, change: (Stage) -> Void = { _ in }) async throws -> Trial {
        let stage = try Stage(routes: [Stage.route(ttl: 1)])
        if hasOwned { try stage.putOwned() }
        change(stage)
        let trial = Trial(stage, Turnstile(deviations: [:]))
        await trial.settle([])
        return trial
    }

    @Test("Where all replicas are gone another starts and puts everything back, as long as there is a Deployment")
    func another() async throws {
        #expect(try await self.trial(hasOwned: true).problems.isEmpty)
        let problems = try await self.trial(hasOwned: false).problems
        #expect(problems.contains { $0.hasPrefix("session left") })
        #expect(problems.contains { $0.hasPrefix("not restored") })
    }

    @Test("What was made for an intercept has to be gone; the collector takes what only those own who are gone")
    func owned() async throws {
        func stray(_ name: String, owner: JSONValue?) -> DynamicObject {
            var metadata: JSONValue = ["labels": JSONValue(Marks.selector(incarnation: Stage.incarnation))]
            metadata["ownerReferences"] = owner.map { [["uid": $0]] }
            return DynamicObject(.configMaps, name: name, namespace: "shop", ["metadata": metadata])
        }
        let trial = try await self.trial(hasOwned: true) { stage in
            stage.put(stray("late", owner: "gone"))
            stage.put(stray("ownerless", owner: nil))
        }
        #expect(trial.problems == ["left: [\"ConfigMap ownerless\"]"])
    }
}
