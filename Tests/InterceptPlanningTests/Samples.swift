import InterceptPlanning
import KubernetesModel
import TrafficMatch

/// What the tests of this target work on.
enum Sample {
    static let ports: JSONValue = [
        ["name": "http", "port": 80, "protocol": "TCP", "targetPort": "web", "nodePort": 30_080],
        ["name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9090, "nodePort": 30_090],
    ]
    static let selector = ["app": "leaf", "tier": "backend"]
    static let incarnation = String(repeating: "a1", count: 20)

    static func service(
        selector: [String: String] = selector,
        ports: JSONValue = ports,
        annotations: [String: JSONValue]? = nil,
        spec extra: [String: JSONValue] = [:]
    ) -> DynamicObject {
        var spec: [String: JSONValue] = [
            "type": "NodePort", "clusterIP": "10.96.7.7", "selector": JSONValue(selector), "ports": ports,
            "sessionAffinity": "None",
        ]
        spec.merge(extra) { $1 }
        var metadata: [String: JSONValue] = ["uid": "service-uid", "resourceVersion": "7"]
        metadata["annotations"] = annotations.map { .object($0) }
        return DynamicObject(
            .services,
            name: "leaf",
            namespace: "shop",
            ["metadata": .object(metadata), "spec": .object(spec)]
        )
    }

    static func match(_ text: String = "X-C6O-INTERCEPT:yes") throws -> RequestMatch {
        try RequestMatch(headers: [HeaderMatch(parsing: text)])
    }

    static func route(
        _ id: String = "r1",
        owner: String = "ada@laptop",
        match: String = "X-C6O-INTERCEPT:yes",
        ports: [Int] = [80]
    ) throws -> Route {
        Route(id: id, owner: owner, ports: ports, match: try self.match(match), fingerprint: "ff00", ttlSeconds: 3)
    }

    static func session(routes: [Route]? = nil, replicas: Int = 2) throws -> Session {
        var session = Session(
            names: InterceptNames(namespace: "shop", service: "leaf"),
            serviceUID: "service-uid",
            incarnation: self.incarnation,
            original: OriginalService(selector: self.selector, ports: self.ports),
            routes: try routes ?? [self.route()],
            settings: InterceptorSettings(image: "docker.io/detour/detour:test", replicas: replicas, drainSeconds: 60)
        )
        session.uid = "session-uid"
        session.resourceVersion = "12"
        return session
    }

    /// The Service as the hijack leaves it.
    static func hijacked(_ service: DynamicObject = service()) throws -> DynamicObject {
        DynamicObject(try service.json.applying(ServiceSwap(try self.session()).hijack(service)))
    }
}
