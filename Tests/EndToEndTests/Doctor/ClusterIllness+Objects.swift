import KubernetesModel

extension ClusterIllness {
    /// The Service that is looked at, with what is not as usual.
    static func service(
        _ spec: [String: JSONValue] = [:],
        name: String = "leaf",
        app: String = "leaf",
        labels: JSONValue = [:],
        annotations: JSONValue = [:]
    ) -> JSONValue {
        let usual: [String: JSONValue] = [
            "selector": ["app": .string(app)], "ports": [["port": 80, "targetPort": 8080, "protocol": "TCP"]],
        ]
        return [
            "apiVersion": "v1", "kind": "Service",
            "metadata": ["name": .string(name), "labels": labels, "annotations": annotations],
            // Null is "not at all".
            "spec": .object(usual.merging(spec) { $1 }.filter { $0.value != .null }),
        ]
    }

    static func object(_ version: String, _ kind: String, _ name: String, _ spec: JSONValue) -> JSONValue {
        [
            "apiVersion": .string(version), "kind": .string(kind), "metadata": ["name": .string(name)], "spec": spec,
        ]
    }

    static func policy(_ name: String, app: String? = nil, _ rules: [String: JSONValue]) -> JSONValue {
        let selector: JSONValue = app.map { ["matchLabels": ["app": .string($0)]] } ?? [:]
        let spec = rules.merging(["podSelector": selector]) { $1 }
        return self.object("networking.k8s.io/v1", "NetworkPolicy", name, .object(spec))
    }

    /// In the version that the oldest servers have, and the newest have no more.
    static func budget(_ name: String, _ selector: JSONValue, _ bound: [String: JSONValue]) -> JSONValue {
        self.object(
            "policy/v1beta1",
            "PodDisruptionBudget",
            name,
            .object(bound.merging(["selector": selector]) { $1 })
        )
    }

    static func quota(_ hard: JSONValue) -> JSONValue { self.object("v1", "ResourceQuota", "team", ["hard": hard]) }

    static func limits(_ limits: JSONValue...) -> JSONValue {
        self.object("v1", "LimitRange", "limits", ["limits": .array(limits)])
    }

    /// Pods beside the leaf's: two that are alike, two that have another port under the same name, one with a mesh's proxy,
    /// one that is never ready.
    static func pods(in namespace: String) -> [JSONValue] {
        func container(_ name: String, port: Int64 = 8080, probe: JSONValue? = nil) -> JSONValue {
            var container: JSONValue = [
                "name": .string(name), "image": "docker.io/local/shop:1", "imagePullPolicy": "IfNotPresent",
                "args": ["--role", "leaf", "--port", .string(String(port))],
                "ports": [["name": "web", "containerPort": .integer(port)]],
            ]
            if let probe { container["readinessProbe"] = probe }
            return container
        }
        func spec(_ containers: JSONValue...) -> JSONValue {
            ["terminationGracePeriodSeconds": 1, "containers": .array(containers)]
        }
        func pod(_ name: String, app: String, _ spec: JSONValue) -> JSONValue {
            var pod = self.object("v1", "Pod", name, spec)
            pod["metadata"]?["labels"] = ["app": .string(app)]
            return pod
        }
        let template: JSONValue = ["metadata": ["labels": ["app": "two"]], "spec": spec(container("main"))]
        return [
            self.object(
                "apps/v1",
                "Deployment",
                "two",
                ["replicas": 2, "selector": ["matchLabels": ["app": "two"]], "template": template]
            ),
            pod("differs-1", app: "differs", spec(container("main"))),
            pod("differs-2", app: "differs", spec(container("main", port: 9090))),
            pod("meshed", app: "meshed", spec(container("main"), container("istio-proxy", port: 15_001))),
            pod(
                "waiting",
                app: "waiting",
                spec(container("main", probe: ["httpGet": ["path": "/", "port": 1]]))
            ),
        ]
    }
}
