import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import Testing

@testable import Intercept

@Suite("Why an interceptor Pod does not start")
struct PodTroubleTests {
    private func find(
        waiting reason: String? = nil,
        message: String = "",
        events: [JSONValue] = [],
        conditions: JSONValue = []
    ) async throws -> InterceptError? {
        let scene = Scene()
        scene.server.change { cluster in
            var status: JSONValue = ["phase": "Pending"]
            if let reason {
                status["containerStatuses"] = [
                    ["state": ["waiting": ["reason": .string(reason), "message": .string(message)]]]
                ]
            }
            cluster.put(
                DynamicObject(
                    .pods,
                    name: "interceptor-leaf-x",
                    namespace: "shop",
                    [
                        "metadata": ["uid": "pod-uid", "labels": JSONValue(Marks.selector(incarnation: "a1"))],
                        "status": status,
                    ]
                )
            )
            for (number, event) in events.enumerated() {
                var object = DynamicObject(.events, name: "e\(number)", namespace: "shop")
                object["involvedObject"] = ["uid": "pod-uid"]
                object["type"] = "Warning"
                object["message"] = event
                cluster.put(object)
            }
            cluster.put(
                DynamicObject(
                    .deployments,
                    name: "interceptor-leaf",
                    namespace: "shop",
                    ["status": ["conditions": conditions]]
                )
            )
        }
        return try await PodTrouble(client: scene.client, namespace: "shop", image: "r.example/detour:1")
            .find(deployment: "interceptor-leaf", podQuery: Marks.podQuery(incarnation: "a1"))
    }

    @Test("A Pod that is merely starting is no trouble", arguments: [nil, "ContainerCreating", "PodInitializing"])
    func hope(reason: String?) async throws {
        #expect(try await self.find(waiting: reason) == nil)
    }

    @Test(
        "An image that cannot be pulled is told in the registry's words, with both ways to bring it",
        arguments: ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]
    )
    func imagePull(reason: String) async throws {
        let words: JSONValue = "Failed to pull image \"r.example/detour:1\": 401 Unauthorized: authentication required"
        let error = try #require(
            try await self.find(
                waiting: reason,
                message: "Back-off pulling image",
                events: ["Error: ErrImagePull", words]
            )
        )
        #expect(error.code == .imagePull)
        #expect(error.message.contains("r.example/detour:1 (\(reason))"))
        #expect(error.message.contains("401 Unauthorized"))
        #expect(error.message.contains("detour image push REGISTRY/NAME"))
        #expect(error.message.contains("detour image save FILE"))
    }

    @Test("Without an event the kubelet's message is told")
    func noEvent() async throws {
        let error = try await self.find(waiting: "ImagePullBackOff", message: "Back-off pulling image \"x\"")
        #expect(error?.message.contains("Back-off pulling image \"x\"") == true)
    }

    @Test(
        "A Pod that does not run is told with the way to its log",
        arguments: ["CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"]
    )
    func crash(reason: String) async throws {
        let error = try #require(try await self.find(waiting: reason, message: "back-off 10s"))
        #expect(error.code == .notReady)
        #expect(error.message.contains("(\(reason)): back-off 10s"))
        #expect(error.message.contains("kubectl logs interceptor-leaf-x -n shop --previous"))
    }

    @Test("A Pod that admission or quota refuses is told from the Deployment's condition")
    func refusal() async throws {
        let condition: JSONValue = [
            "type": "ReplicaFailure", "status": "True", "message": "exceeded quota: compute-resources",
        ]
        let error = try await self.find(conditions: [["type": "Progressing", "status": "True"], condition])
        #expect(error?.code == .notReady)
        #expect(error?.message == "the cluster refuses the interceptor's Pods: exceeded quota: compute-resources")
    }

    @Test("A condition that is over is no trouble")
    func pastRefusal() async throws {
        #expect(try await self.find(conditions: [["type": "ReplicaFailure", "status": "False"]]) == nil)
    }
}
