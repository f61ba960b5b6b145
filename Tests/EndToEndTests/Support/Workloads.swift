import ClusterTestSupport
import Foundation
import KubernetesModel

/// Workloads of two ports and several Services, in a namespace of their own.
struct Workloads {
    let namespace: String

    /// A Pod whose port `http` is answered by `http/NAME`, whose port `admin` by `admin/NAME`, and whose port `grpc` echoes.
    private static func template(_ app: String) -> JSONValue {
        var containers: [JSONValue] = [("http", 8080), ("admin", 8081)].map { (name: String, port: Int64) in
            [
                "name": .string(name), "image": "docker.io/local/shop:1", "imagePullPolicy": "IfNotPresent",
                "env": [
                    ["name": "SHOP_ROLE", "value": .string(name)], ["name": "SHOP_PORT", "value": .string("\(port)")],
                ],
                "ports": [["name": .string(name), "containerPort": .integer(port)]],
                "readinessProbe": ["httpGet": ["path": "/healthz", "port": .string(name)], "periodSeconds": 1],
                "securityContext": ["runAsNonRoot": true],
            ]
        }
        containers.append([
            "name": "grpc", "image": "docker.io/local/fixtures:1", "imagePullPolicy": "IfNotPresent",
            "args": ["serve", "grpc", "--port", "8082"], "ports": [["name": "grpc", "containerPort": 8082]],
            "readinessProbe": ["tcpSocket": ["port": "grpc"], "periodSeconds": 1],
            "securityContext": ["runAsNonRoot": true],
        ])
        return [
            "metadata": ["labels": ["app": .string(app)]],
            "spec": ["automountServiceAccountToken": false, "containers": .array(containers)],
        ]
    }

    private func workload(_ kind: String, _ name: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
        let spec: [String: JSONValue] = [
            "selector": ["matchLabels": ["app": .string(name)]], "template": Self.template(name),
        ]
        return [
            "apiVersion": "apps/v1", "kind": .string(kind), "metadata": self.metadata(name),
            "spec": .object(spec.merging(more) { $1 }),
        ]
    }

    private func service(_ name: String, to app: String, _ ports: [JSONValue], headless: Bool = false) -> JSONValue {
        var spec: JSONValue = ["selector": ["app": .string(app)], "ports": .array(ports)]
        if headless { spec["clusterIP"] = "None" }
        return ["apiVersion": "v1", "kind": "Service", "metadata": self.metadata(name), "spec": spec]
    }

    private func metadata(_ name: String) -> JSONValue {
        ["name": .string(name), "namespace": .string(self.namespace)]
    }

    /// Deployment `pair` behind Services `pair` and `pair-too`; StatefulSet `ordered` behind `ordered` and a headless one.
    func make() async throws {
        let http: JSONValue = ["name": "http", "port": 80, "targetPort": "http"]
        let admin: JSONValue = ["name": "admin", "port": 81, "targetPort": "admin"]
        let grpc: JSONValue = ["name": "grpc", "port": 82, "targetPort": "grpc"]
        try await Cluster.apply(
            [
                ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(self.namespace)]],
                self.workload("Deployment", "pair"), self.service("pair", to: "pair", [http, admin, grpc]),
                self.service("pair-too", to: "pair", [["name": "http", "port": 80, "targetPort": 8080]]),
                self.workload("StatefulSet", "ordered", ["serviceName": "ordered-headless"]),
                self.service("ordered", to: "ordered", [http, admin]),
                self.service("ordered-headless", to: "ordered", [http], headless: true),
            ],
            in: self.namespace
        )
        for workload in ["deployment/pair", "statefulset/ordered"] {
            try await Cluster.kubectl("rollout", "status", workload, "-n", self.namespace, "--timeout=90s")
        }
    }

    /// Nothing here depends on when its Pods have ended.
    func remove() async throws {
        try await Cluster.kubectl("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found")
    }

    /// An intercept of one of them as somebody's.
    func intercept(_ words: [String], user: String) async throws -> RunningProcess {
        var environment = try await Cluster.environment()
        environment["USER"] = user
        return try RunningProcess(
            [Cluster.detour, "intercept"] + words + ["-n", self.namespace, "--drain", "1s"],
            environment: environment
        )
    }

    /// Waits until kube-proxy leads a request to where it is to go: a moment after `ready`, longer on a busy machine.
    func untilAnswered(by answer: String, _ url: String, _ flags: [String] = []) async throws {
        var last = ""
        do {
            try await Cluster.eventually("\(answer) answers", within: .seconds(15)) {
                last = try await self.answeredBy(url, flags)
                return last == answer
            }
        } catch let failure as ShellFailure {
            throw ShellFailure(description: "\(failure); the last answer: \(last)")
        }
    }

    /// Who answers one request on a connection of its own; `nobody: …` when that is not told.
    func answeredBy(_ url: String, _ flags: [String] = [], path: String = "/n/7") async throws -> String {
        try await Shop.whoAnswers(url, path, flags)
    }
}
