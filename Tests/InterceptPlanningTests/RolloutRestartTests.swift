import KubernetesModel
import Testing

@testable import InterceptPlanning

@Suite("Restarting a workload")
struct RolloutRestartTests {
    private func pod(_ name: String, owner kind: String?, _ owner: String = "", hash: String? = nil) -> DynamicObject {
        var metadata: JSONValue = [:]
        if let kind {
            metadata["ownerReferences"] = [["kind": .string(kind), "name": .string(owner), "controller": true]]
        }
        if let hash { metadata["labels"] = ["pod-template-hash": .string(hash)] }
        return DynamicObject(.pods, name: name, namespace: "shop", ["metadata": metadata])
    }

    @Test("finds what keeps the Pods, each once; Pods that nobody keeps, Jobs and bare ReplicaSets are left out")
    func workloads() {
        let pods = [
            self.pod("a", owner: "ReplicaSet", "leaf-77", hash: "77"),
            self.pod("b", owner: "ReplicaSet", "leaf-78", hash: "78"), self.pod("c", owner: "StatefulSet", "db"),
            self.pod("d", owner: "DaemonSet", "agent"), self.pod("e", owner: "Job", "once"), self.pod("f", owner: nil),
            self.pod("g", owner: "ReplicaSet", "bare"),
        ]
        let found = RolloutRestart.workloads(of: pods)
        #expect(found.map(\.description) == ["daemonset/agent", "deployment/leaf", "statefulset/db"])
        #expect(found.map(\.type) == [.daemonSets, .deployments, .statefulSets])
    }

    @Test("changes one annotation of the template, and nothing else")
    func patch() {
        let patch = RolloutRestart(.deployment, "leaf").patch(at: "2026-01-02T03:04:05Z")
        let annotations: JSONValue = ["kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"]
        #expect(patch == .merge(["spec": ["template": ["metadata": ["annotations": annotations]]]]))
    }

    @Test(
        "is not tried where it would restart nothing",
        arguments: [
            ("{\"paused\":true}", "paused"), ("{\"strategy\":{\"type\":\"Recreate\"}}", "Recreate"),
            ("{\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0}}}", "only Pod"),
            ("{\"replicas\":2,\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0}}}", ""),
            ("{\"updateStrategy\":{\"type\":\"OnDelete\"}}", "OnDelete"),
            ("{\"updateStrategy\":{\"rollingUpdate\":{\"partition\":2}}}", "partition of 2"), ("{\"replicas\":2}", ""),
            ("{\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"partition\":0}}}", ""),
        ]
    )
    func obstacles(spec: String, word: String) throws {
        let spec = try JSONValue(parsing: spec)
        let object = DynamicObject(.deployments, name: "leaf", namespace: "shop", ["spec": spec])
        let obstacle = RolloutRestart(.deployment, "leaf").obstacle(object)
        #expect(word.isEmpty ? obstacle == nil : obstacle?.contains(word) == true)
    }

    private func progress(
        _ kind: RolloutRestart.Kind,
        _ status: JSONValue,
        replicas: JSONValue? = 2,
        generation: Int64 = 3
    ) -> RolloutRestart.Progress {
        var object = DynamicObject(.deployments, name: "leaf", namespace: "shop")
        object["metadata"]?["generation"] = .integer(generation)
        object["spec"] = [:]
        object["spec"]?["replicas"] = replicas
        object["status"] = status
        return RolloutRestart(kind, "leaf").progress(object)
    }

    @Test("of a Deployment is over when all Pods are new and available and no old one is left")
    func deployment() {
        func status(_ updated: Int64, _ all: Int64, _ available: Int64, observed: Int64 = 3) -> JSONValue {
            [
                "observedGeneration": .integer(observed), "updatedReplicas": .integer(updated),
                "replicas": .integer(all), "availableReplicas": .integer(available),
            ]
        }
        #expect(
            self.progress(.deployment, status(2, 2, 2, observed: 2)) == .waiting("the change has not been seen yet")
        )
        #expect(self.progress(.deployment, status(1, 3, 2)) == .waiting("1 of 2 Pods are new"))
        #expect(self.progress(.deployment, status(2, 3, 2)) == .waiting("1 old Pods are ending"))
        #expect(self.progress(.deployment, status(2, 2, 1)) == .waiting("1 of 2 new Pods are available"))
        #expect(self.progress(.deployment, status(2, 2, 2)) == .done)
        #expect(self.progress(.deployment, status(1, 1, 1), replicas: nil) == .done)
        var stuck = status(1, 3, 2)
        stuck["conditions"] = [["reason": "ProgressDeadlineExceeded", "message": "too long"]]
        #expect(self.progress(.deployment, stuck) == .failed("too long"))
    }

    @Test("of a StatefulSet and of a DaemonSet is over by their own counts")
    func others() {
        func sets(_ updated: Int64, _ ready: Int64, current: String) -> JSONValue {
            [
                "observedGeneration": 3, "updatedReplicas": .integer(updated), "readyReplicas": .integer(ready),
                "currentRevision": .string(current), "updateRevision": "new",
            ]
        }
        #expect(self.progress(.statefulSet, sets(1, 2, current: "old")) == .waiting("1 of 2 Pods are new"))
        #expect(self.progress(.statefulSet, sets(2, 1, current: "old")) == .waiting("1 of 2 new Pods are available"))
        #expect(self.progress(.statefulSet, sets(0, 2, current: "new")) == .done)
        func daemons(_ updated: Int64, _ available: Int64) -> JSONValue {
            [
                "observedGeneration": 3, "desiredNumberScheduled": 3, "updatedNumberScheduled": .integer(updated),
                "numberAvailable": .integer(available),
            ]
        }
        #expect(self.progress(.daemonSet, daemons(2, 3)) == .waiting("2 of 3 Pods are new"))
        #expect(self.progress(.daemonSet, daemons(3, 2)) == .waiting("2 of 3 new Pods are available"))
        #expect(self.progress(.daemonSet, daemons(3, 3)) == .done)
    }
}
