import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing
import TrafficMatch

@testable import Interceptor

/// A model cluster with one intercepted Service in it.
struct Stage: Sendable {
    static let names = InterceptNames(namespace: "shop", service: "leaf")
    static let incarnation = String(repeating: "a1", count: 20)
    static let original = OriginalService(
        selector: ["app": "leaf"],
        ports: [["name": "http", "port": 80, "protocol": "TCP", "targetPort": "web"]]
    )

    let server: ModelAPIServer
    /// The Service as it was before anything happened.
    let service: DynamicObject
    /// Where the Session is kept.
    let kind: SessionKind

    static func route(
        _ id: String = "r1",
        owner: String = "ada@laptop",
        match: String = "X-C6O-INTERCEPT:yes",
        epoch: Int64 = 1,
        ttl: Int = 60,
        onRevert: Route.OnRevert = .yield
    ) throws -> Route {
        Route(
            id: id,
            owner: owner,
            ports: [80],
            match: try RequestMatch(headers: [HeaderMatch(parsing: match)]),
            fingerprint: "f-\(id)",
            epoch: epoch,
            ttlSeconds: ttl,
            onRevert: onRevert
        )
    }

    /// A cluster in which the Service is hijacked, or about to be.
    init(
        _ kind: SessionKind = .resource,
        routes: [Route]? = nil,
        isHijacked: Bool = true,
        change: (inout Session) -> Void = { _ in }
    ) throws {
        var cluster = ModelCluster(types: ModelCluster.builtIn + (kind == .resource ? [.sessions] : []))
        let service = cluster.put(
            DynamicObject(
                .services,
                name: "leaf",
                namespace: "shop",
                [
                    "spec": [
                        "type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": ["app": "leaf"],
                        "ports": Self.original.ports,
                    ]
                ]
            )
        )
        var session = Session(
            names: Self.names,
            serviceUID: service.uid,
            incarnation: Self.incarnation,
            original: Self.original,
            routes: try routes ?? [Self.route()],
            settings: InterceptorSettings(image: "detour:test", replicas: 2, drainSeconds: 30),
            kind: kind
        )
        change(&session)
        let status: JSONValue = [
            "heartbeats": .object(session.heartbeats.mapValues { .integer($0) }),
            "suspended": .bool(session.isSuspended),
            "replicas": .object(session.replicas.mapValues(\.json)),
        ]
        var object = session.object
        switch (kind, SessionConfigMap.merging(status: status, into: object)) {
        case (.configMap, .merge(let merge)): object["data"] = object.json.merging(merge)["data"]
        default: object["status"] = status
        }
        cluster.put(object)
        if isHijacked {
            cluster.put(DynamicObject(try service.json.applying(ServiceSwap(session).hijack(service))))
        }
        self.server = ModelAPIServer(cluster)
        self.service = service
        self.kind = kind
    }

    /// A client that does not wait between its tries.
    func store(_ transport: (any KubernetesTransport)? = nil) -> SessionStore {
        var policy = RetryPolicy()
        policy.sleep = { _ in }
        let client = KubernetesClient(transport: transport ?? self.server, namespace: "shop", policy: policy)
        return SessionStore(client: client, names: Self.names, kinds: [self.kind])
    }

    func session() throws -> Session? {
        try self.server.cluster[self.kind.type, "shop", Self.names.session].map(Session.init)
    }

    /// What kubectl does, as somebody's.
    func deleteSession() {
        self.server.change { cluster in
            _ = cluster.handle(.delete(self.kind.type, in: "shop", name: Self.names.session))
        }
    }

    func leaf() throws -> DynamicObject {
        try #require(self.server.cluster[.services, "shop", "leaf"])
    }

    var isHijacked: Bool {
        get throws { try self.swap.isHijacked(self.leaf()) }
    }

    var swap: ServiceSwap { ServiceSwap(incarnation: Self.incarnation, original: Self.original) }

    /// The Service is what it was; of its metadata only what the server counts may differ.
    func expectOriginal(_ location: SourceLocation = #_sourceLocation) throws {
        var after = try self.leaf().json
        var before = self.service.json
        for key in ["resourceVersion", "generation", "managedFields"] {
            after["metadata"]?[key] = nil
            before["metadata"]?[key] = nil
        }
        #expect(after.differences(from: before).isEmpty, sourceLocation: location)
    }

    /// Puts an interceptor Pod, as its kubelet and the API server would show it.
    func putPod(_ uid: String, isReady: Bool = true, isTerminating: Bool = false) {
        var metadata: [String: JSONValue] = [
            "uid": .string(uid), "labels": JSONValue(Marks.selector(incarnation: Self.incarnation)),
        ]
        if isTerminating { metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z" }
        let pod = DynamicObject(
            .pods,
            name: "pod-\(uid)",
            namespace: "shop",
            [
                "metadata": .object(metadata),
                "status": [
                    "phase": "Running",
                    "conditions": [["type": "Ready", "status": isReady ? "True" : "False"]],
                ],
            ]
        )
        self.server.change { _ = $0.put(pod) }
    }

    /// Puts any object, as somebody made it.
    func put(_ object: DynamicObject) {
        self.server.change { _ = $0.put(object) }
    }

    /// Puts all that the Session owns, as its client makes it.
    func putOwned() throws {
        guard let session = try self.session() else { return }
        let manifests = InterceptManifests(session: session)
        for object in OwnedObject.allCases { self.put(manifests.manifest(object, decoyAddress: "10.96.0.10")) }
    }

    private static let ownedTypes: [ResourceType] = [
        .services, .serviceAccounts, .roles, .roleBindings, .configMaps, .podDisruptionBudgets, .deployments,
    ]

    /// What is there of all that the Session owns, whatever became of the Session.
    var owned: [DynamicObject] { Self.ownedTypes.flatMap { Self.owned($0, in: self.server.cluster) } }

    private static func owned(_ type: ResourceType, in cluster: ModelCluster) -> [DynamicObject] {
        let labels = Marks.selector(incarnation: Self.incarnation)
        return cluster.all(type).filter { object in
            object.name != Self.names.session && labels.allSatisfy { object.labels[$0.key] == $0.value }
        }
    }

    /// The kubelet ends the Pods, whose Deployment is gone.
    func endPods() {
        self.server.change { cluster in
            for pod in cluster.all(.pods) { _ = cluster.handle(.delete(.pods, in: "shop", name: pod.name)) }
        }
    }

    /// The real collector takes what has owners none of which is there, also what was made after these were gone; that of the
    /// model looks at the end of an owner only.
    func collectGarbage() {
        self.server.change { cluster in
            let owners = ([self.kind.type, .pods] as [ResourceType]).flatMap { cluster.all($0) }.map(\.uid)
            for type in Self.ownedTypes {
                for object in Self.owned(type, in: cluster) {
                    let uids = (object[path: "metadata", "ownerReferences"]?.array ?? []).compactMap {
                        $0["uid"]?.string
                    }
                    guard !uids.isEmpty, !uids.contains(where: owners.contains) else { continue }
                    _ = cluster.handle(.delete(type, in: "shop", name: object.name))
                }
            }
        }
    }

    /// What the Service's users see changed behind everybody's back.
    func edit(_ body: @Sendable (inout DynamicObject) -> Void) {
        self.server.change { cluster in
            guard var service = cluster[.services, "shop", "leaf"] else { return }
            body(&service)
            cluster.put(service)
        }
    }
}
