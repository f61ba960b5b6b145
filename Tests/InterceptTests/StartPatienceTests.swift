import InterceptPlanning
import KubernetesModel
import Testing

@testable import Intercept

@Suite("Waiting for the interceptor's replicas")
struct StartPatienceTests {
    /// A Pod that waits, for a node where the scheduler says why.
    private static func pod(unschedulable why: String? = nil) -> InterceptorPod {
        let condition: JSONValue? = why.map {
            ["type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": .string($0)]
        }
        let status: JSONValue = ["phase": "Pending", "conditions": .array([condition].compactMap(\.self))]
        return InterceptorPod(DynamicObject(.pods, name: "interceptor-leaf-x", namespace: "shop", ["status": status]))
    }

    @Test("is told of after ten seconds, then every half minute")
    func times() {
        var patience = StartPatience()
        let told = (0...75).filter {
            patience.word(elapsed: .seconds($0), ready: 0, wanted: 2, pods: [Self.pod()], query: "q") != nil
        }
        #expect(told == [10, 40, 70])
    }

    @Test("says how many there are, and what may be missing")
    func words() {
        var patience = StartPatience()
        #expect(
            patience.word(
                elapsed: .seconds(12),
                ready: 1,
                wanted: 2,
                pods: [Self.pod(), Self.pod()],
                query: "kubectl get pods"
            )
                == "waiting: 1 of 2 interceptor replicas ready after 12 s; a node may still be pulling the image "
                + "(kubectl get pods)"
        )
        var none = StartPatience()
        #expect(
            none.word(elapsed: .seconds(10), ready: 0, wanted: 1, pods: [], query: "q")
                == "waiting: 0 of 1 interceptor replica ready after 10 s; there is no Pod of it yet (q)"
        )
        var homeless = StartPatience()
        let why = "0/1 nodes are available: 1 node(s) were unschedulable"
        #expect(
            homeless.word(
                elapsed: .seconds(10),
                ready: 0,
                wanted: 1,
                pods: [Self.pod(unschedulable: "\(why).")],
                query: "q"
            )
                == "waiting: 0 of 1 interceptor replica ready after 10 s; no node takes its Pod: \(why) (q)"
        )
    }
}
