import KubernetesModel

@testable import InterceptPlanning

/// A namespace in which nothing stops or hurts an intercept of `leaf`; tests make it ill.
enum Patient {
    static let image = "docker.io/detour/detour:0.1.0"
    static let names = InterceptNames(namespace: "shop", service: "leaf")

    static var healthy: Surroundings {
        var seen = Surroundings(names: self.names, image: self.image, programVersion: "0.1.0")
        seen.service = self.service("leaf")
        seen.services = [self.service("leaf"), self.service("core", selector: ["app": "core"])]
        seen.pods = [
            self.pod("leaf-1", app: "leaf"), self.pod("leaf-2", app: "leaf"), self.pod("core-1", app: "core"),
            // Somebody intercepts another Service with the same image: the nodes can pull it.
            self.pod("interceptor-other-1", app: "interceptor", image: self.image),
        ]
        seen.pods?[3]["metadata"]?["labels"] = JSONValue(Marks.selector(incarnation: "other"))
        seen.namespace = DynamicObject(
            .namespaces,
            name: "shop",
            ["metadata": ["labels": ["kubernetes.io/metadata.name": "shop"]]]
        )
        seen.disruptionBudgets = [
            self.object(
                .podDisruptionBudgets,
                "leaf",
                spec: ["selector": ["matchLabels": ["app": "leaf"]]],
                status: ["disruptionsAllowed": 1]
            )
        ]
        seen.definition = .served(SessionDefinition.manifest)
        seen.apiServers = [.init(address: "192.0.2.10", port: 6443)]
        seen.version = ServerVersion(major: 1, minor: 30, gitVersion: "v1.30.1")
        return seen
    }

    static func object(
        _ type: ResourceType,
        _ name: String,
        spec: JSONValue = [:],
        status: JSONValue = [:]
    ) -> DynamicObject {
        DynamicObject(type, name: name, namespace: "shop", ["spec": spec, "status": status])
    }

    static func service(_ name: String, selector: [String: String] = ["app": "leaf"]) -> DynamicObject {
        DynamicObject(
            .services,
            name: name,
            namespace: "shop",
            [
                "metadata": ["uid": .string("uid-of-\(name)"), "resourceVersion": "7"],
                "spec": [
                    "selector": JSONValue(selector), "clusterIP": "10.96.0.9",
                    "ports": [["name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"]],
                ],
            ]
        )
    }

    static func pod(_ name: String, app: String, image: String = "leaf:1", port: Int64 = 8080) -> DynamicObject {
        DynamicObject(
            .pods,
            name: name,
            namespace: "shop",
            [
                "metadata": [
                    "uid": .string("uid-of-\(name)"), "labels": ["app": .string(app), "pod-template-hash": "5d4"],
                    "ownerReferences": [
                        ["kind": "ReplicaSet", "name": .string("\(app)-5d4"), "controller": true]
                    ],
                ],
                "spec": [
                    "nodeName": "node1",
                    "containers": [
                        [
                            "name": "main", "image": .string(image),
                            "ports": [["name": "web", "containerPort": .integer(port)]],
                        ]
                    ],
                ],
                "status": [
                    "phase": "Running", "podIP": "10.244.0.6", "conditions": [["type": "Ready", "status": "True"]],
                ],
            ]
        )
    }

    /// A policy that selects Pods by an `app` label; nil for all of them.
    static func policy(_ name: String, app: String? = nil, _ spec: [String: JSONValue]) -> DynamicObject {
        var spec = spec
        spec["podSelector"] = app.map { ["matchLabels": ["app": .string($0)]] } ?? [:]
        return self.object(.networkPolicies, name, spec: .object(spec))
    }

    static func quota(_ hard: JSONValue, used: JSONValue = [:], spec: [String: JSONValue] = [:]) -> DynamicObject {
        self.object(.resourceQuotas, "team", spec: .object(spec), status: ["hard": hard, "used": used])
    }

    static func limits(_ members: [String: JSONValue], of type: String = "Container") -> DynamicObject {
        var members = members
        members["type"] = .string(type)
        return self.object(.limitRanges, "limits", spec: ["limits": [.object(members)]])
    }

    /// The Session of `leaf`, with a route of Ada's.
    static func session(_ change: (inout Session) -> Void = { _ in }) throws -> DynamicObject {
        var session = Session(
            names: self.names,
            serviceUID: "uid-of-leaf",
            incarnation: Sample.incarnation,
            original: OriginalService(
                selector: ["app": "leaf"],
                ports: self.service("leaf")[path: "spec", "ports"] ?? []
            ),
            routes: [try Sample.route()],
            settings: InterceptorSettings(image: self.image, replicas: 2)
        )
        change(&session)
        return session.object
    }

    /// One of its interceptor's Pods.
    static func interceptorPod(waiting: JSONValue? = nil) -> DynamicObject {
        var pod = self.pod("interceptor-leaf-x", app: "interceptor", image: self.image)
        pod["metadata"]?["labels"] = JSONValue(Marks.selector(incarnation: Sample.incarnation))
        if let waiting {
            pod["status"] = ["phase": "Pending", "containerStatuses": [["state": ["waiting": waiting]]]]
        }
        return pod
    }

    /// The Service as the hijack of that Session leaves it.
    static func hijacked() throws -> DynamicObject {
        let service = self.service("leaf")
        let swap = ServiceSwap(try Session(self.session()))
        return DynamicObject(try service.json.applying(swap.hijack(service)))
    }
}

extension Surroundings {
    /// Changes every Pod of the original.
    mutating func changeOriginals(_ change: (inout DynamicObject) -> Void) {
        self.pods = self.pods?.map { pod in
            var pod = pod
            if pod.labels["app"] == "leaf" { change(&pod) }
            return pod
        }
    }
}
