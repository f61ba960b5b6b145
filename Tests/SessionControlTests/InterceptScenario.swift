import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing
import TrafficMatch

/// An intercept of one Service, as its client goes through it against the model of a cluster.
protocol InterceptScenario {}

private final class Calls: Sendable {
    let count = Mutex(0)
}

extension InterceptScenario {
    var names: InterceptNames { InterceptNames(namespace: "shop", service: "leaf") }

    /// A cluster that knows Sessions, or one that does not: there they are kept in ConfigMaps.
    func world(_ kind: SessionKind) -> (ModelCluster, DynamicObject) {
        var cluster = ModelCluster(types: ModelCluster.builtIn + (kind == .resource ? [.sessions] : []))
        let service = cluster.put(
            DynamicObject(
                .services,
                name: "leaf",
                namespace: "shop",
                [
                    "spec": [
                        "type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": ["app": "leaf"],
                        "ports": [["name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"]],
                    ]
                ]
            )
        )
        return (cluster, service)
    }

    /// What an intercept does to the cluster, from the first write to the last.
    func intercept(_ store: SessionStore, _ service: DynamicObject, _ kind: SessionKind) async throws {
        _ = try await self.hijack(store, service, kind)
        try await store.update { $0.leaving(routeID: "r1", reason: "done") }
        let outcome = try await SessionEnding(store: store).settle(patience: .zero)
        #expect(outcome == .gone)
    }

    /// The first half of it.
    func hijack(_ store: SessionStore, _ service: DynamicObject, _ kind: SessionKind) async throws -> Session {
        let session = try await self.session(store, service, kind)
        let controller = SessionController(store: store, role: .client)
        _ = try await controller.converge(on: session.incarnation)
        var (now, waiting, _) = try await controller.converge(on: session.incarnation) { _ in true }
        while waiting == .proof {
            (now, waiting, _) = try await controller.converge(on: session.incarnation) { _ in true }
        }
        let swapped = try #require(now.service)
        #expect(ServiceSwap(session).isHijacked(swapped))
        return try #require(try await store.find())
    }

    /// Its beginning: the Session alone.
    func session(_ store: SessionStore, _ service: DynamicObject, _ kind: SessionKind) async throws -> Session {
        let target = try InterceptTarget(service)
        let route = Route(
            id: "r1",
            owner: "ada@laptop",
            ports: [80],
            match: try RequestMatch(headers: [HeaderMatch(parsing: "X-C6O-INTERCEPT:yes")]),
            fingerprint: "ff"
        )
        let session = Session(
            names: self.names,
            serviceUID: target.uid,
            incarnation: String(repeating: "a1", count: 20),
            original: target.original,
            routes: [route],
            settings: InterceptorSettings(image: "detour:test", replicas: 2),
            kind: kind
        )
        _ = try await store.create(session)
        return session
    }

    /// A server whose clients die at a point; it counts calls until then.
    func server(_ cluster: ModelCluster, dyingAt point: KillPoint?) -> (ModelAPIServer, @Sendable () -> Int) {
        let calls = Calls()
        let server = ModelAPIServer(
            cluster,
            fault: { _ in
                let call = calls.count.withLock { count in
                    defer { count += 1 }
                    return count
                }
                guard let point, call >= point.call else { return nil }
                return call == point.call && point.reachesServer ? .answerLost : .lost
            }
        )
        return (server, { calls.count.withLock { $0 } })
    }

    /// A client that does not wait between its tries.
    func store(_ transport: any KubernetesTransport) -> SessionStore {
        var policy = RetryPolicy()
        policy.sleep = { _ in }
        let client = KubernetesClient(transport: transport, namespace: "shop", policy: policy)
        return SessionStore(client: client, names: self.names)
    }

    /// An edit by hand after which nobody can read the Session's members; the rest of it is as it was.
    func damage(_ server: ModelAPIServer, _ kind: SessionKind) {
        let name = self.names.session
        server.change { cluster in
            guard var object = cluster[kind.type, "shop", name] else { return }
            switch kind {
            case .resource: object["spec"]?["routes"] = [["id": 5]]
            case .configMap: object["data"]?["members"] = "phase: Active"
            }
            cluster.put(object)
        }
    }

    /// What kubectl does, as somebody's.
    func deleteSession(_ server: ModelAPIServer, _ kind: SessionKind) {
        let name = self.names.session
        server.change { _ = $0.handle(.delete(kind.type, in: "shop", name: name)) }
    }

    /// Everything of ours is gone, and the Service is what it was.
    func expectUntouched(_ server: ModelAPIServer, _ before: DynamicObject) throws {
        var after = try #require(server.cluster[.services, "shop", "leaf"]).json
        var expected = before.json
        for key in ["resourceVersion", "managedFields", "generation"] {
            after["metadata"]?[key] = nil
            expected["metadata"]?[key] = nil
        }
        #expect(after.differences(from: expected).isEmpty)
        for type in [ResourceType.sessions, .deployments, .configMaps, .serviceAccounts, .roles, .roleBindings] {
            #expect(server.cluster.all(type).isEmpty, "\(type.plural) left")
        }
        #expect(server.cluster.all(.services).map(\.name) == ["leaf"])
    }
}
