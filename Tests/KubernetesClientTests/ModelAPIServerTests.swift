import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Testing

@Suite("The model of an API server", .timeLimit(.minutes(5)))
struct ModelAPIServerTests {
    private let server = ModelAPIServer()
    private let client: KubernetesClient

    init() {
        self.client = KubernetesClient(transport: self.server, namespace: "shop")
    }

    private var services: ResourceClient { self.client.resources(.services) }

    private func service(_ name: String) -> DynamicObject {
        DynamicObject(.services, name: name, ["spec": ["selector": ["app": "leaf"], "ports": [["port": 80]]]])
    }

    @Test("Objects get a UID, a version, a namespace and a Service's defaults")
    func create() async throws {
        let made = try await self.services.create(self.service("leaf"))
        #expect(!made.uid.isEmpty && !made.resourceVersion.isEmpty)
        #expect(made.namespace == "shop")
        #expect(made[path: "spec", "clusterIP"]?.string?.hasPrefix("10.96.0.") == true)
        #expect(made[path: "spec", "ports"]?[0]?["targetPort"] == 80)
        await #expect(throws: KubernetesError(.alreadyExists, "")) {
            try await self.services.create(self.service("leaf"))
        }
        _ = try await self.services.create(self.service("dry"), dryRun: true)
        #expect(try await self.services.find("dry") == nil)
    }

    @Test("A failed test changes nothing; a change moves the version, no change does not")
    func jsonPatch() async throws {
        let made = try await self.services.create(self.service("leaf"))
        await #expect(throws: KubernetesError(.invalid, "")) {
            try await self.services.patch(
                "leaf",
                .json([.replace("/spec/selector", [:]), .test("/spec/type", "NodePort")])
            )
        }
        #expect(try await self.services.get("leaf") == made)
        let same = try await self.services.patch("leaf", .json([.replace("/spec/selector", ["app": "leaf"])]))
        #expect(same.resourceVersion == made.resourceVersion)
        let other = try await self.services.patch("leaf", .json([.replace("/spec/selector", ["app": "x"])]))
        #expect(other.resourceVersion != made.resourceVersion)
        #expect(other.uid == made.uid)
    }

    @Test("A merge with an old version loses, one with the current version wins once")
    func compareAndSwap() async throws {
        let made = try await self.services.create(self.service("leaf"))
        let patch = Patch.merge(["metadata": ["resourceVersion": .string(made.resourceVersion), "labels": ["a": "b"]]])
        _ = try await self.services.patch("leaf", patch)
        await #expect(throws: KubernetesError(.conflict, "")) { try await self.services.patch("leaf", patch) }
    }

    @Test("Deletes obey their preconditions")
    func preconditions() async throws {
        let made = try await self.services.create(self.service("leaf"))
        await #expect(throws: KubernetesError(.conflict, "")) { try await self.services.delete("leaf", uid: "other") }
        await #expect(throws: KubernetesError(.conflict, "")) {
            try await self.services.delete("leaf", resourceVersion: "1")
        }
        try await self.services.delete("leaf", uid: made.uid, resourceVersion: made.resourceVersion)
        await #expect(throws: KubernetesError(.notFound, "")) { try await self.services.delete("leaf") }
    }

    @Test("Owned objects go with their last owner")
    func garbage() async throws {
        let a = try await self.services.create(self.service("a"))
        let b = try await self.services.create(self.service("b"))
        func owners(_ objects: DynamicObject...) -> JSONValue { .array(objects.map { ["uid": .string($0.uid)] }) }
        let maps = self.client.resources(.configMaps)
        let one = try await maps.create(
            DynamicObject(.configMaps, name: "one", ["metadata": ["ownerReferences": owners(a)]])
        )
        _ = try await maps.create(
            DynamicObject(.configMaps, name: "two", ["metadata": ["ownerReferences": owners(a, b)]])
        )
        _ = try await maps.create(
            DynamicObject(.configMaps, name: "three", ["metadata": ["ownerReferences": owners(one)]])
        )
        try await self.services.delete("a")
        #expect(try await maps.list().items.map(\.name) == ["two"])
        try await self.services.delete("b")
        #expect(try await maps.list().items.isEmpty)
    }

    @Test("An object with finalizers is marked, and goes when they are gone")
    func finalizers() async throws {
        let maps = self.client.resources(.configMaps)
        _ = try await maps.create(DynamicObject(.configMaps, name: "m", ["metadata": ["finalizers": ["x"]]]))
        try await maps.delete("m")
        #expect(try await maps.get("m").isTerminating)
        _ = try await maps.patch("m", .merge(["metadata": ["finalizers": []]]))
        #expect(try await maps.find("m") == nil)
    }

    @Test("Status is written through its subresource only")
    func status() async throws {
        _ = try await self.services.create(self.service("leaf"))
        let main = try await self.services.patch(
            "leaf",
            .merge(["status": ["a": 1], "metadata": ["labels": ["b": "c"]]])
        )
        #expect(main["status"] == nil && main.labels == ["b": "c"])
        let sub = try await self.services.patch(
            "leaf",
            .merge(["status": ["a": 1], "metadata": ["labels": ["b": "d"]]]),
            subresource: "status"
        )
        #expect(sub["status"] == ["a": 1] && sub.labels == ["b": "c"])
    }

    @Test("Apply creates, then merges")
    func apply() async throws {
        _ = try await self.services.apply(self.service("leaf"), as: "t")
        var object = self.service("leaf")
        object["metadata"]?["labels"] = ["x": "y"]
        #expect(try await self.services.apply(object, as: "t").labels == ["x": "y"])
    }

    @Test("A new resource type is served once its definition is there")
    func definitions() async throws {
        let type = ResourceType(group: "detour.dev", kind: "Session", plural: "sessions")
        let sessions = self.client.resources(type)
        #expect(try await self.client.serves(type) == false)
        await #expect(throws: KubernetesError(.notFound, "")) { try await sessions.list() }
        let spec: JSONValue = [
            "group": "detour.dev", "scope": "Namespaced", "names": ["plural": "sessions", "kind": "Session"],
            "versions": [["name": "v1", "subresources": ["status": [:]]]],
        ]
        _ = try await self.client.resources(.customResourceDefinitions).create(
            DynamicObject(.customResourceDefinitions, name: "sessions.detour.dev", ["spec": spec])
        )
        #expect(try await self.client.serves(type))
        _ = try await sessions.create(DynamicObject(type, name: "s"))
        #expect(try await sessions.list().items.map(\.kind) == ["Session"])
    }

    @Test("What is forbidden is refused, and says so when asked")
    func forbidden() async throws {
        self.server.change { $0.forbidden = ["create services", "create pods/portforward"] }
        await #expect(throws: KubernetesError(.forbidden, "")) { try await self.services.create(self.service("leaf")) }
        #expect(try await self.client.canI("create", .pods, subresource: "portforward").allowed == false)
        #expect(try await self.client.canI("get", .pods, subresource: "portforward").allowed)
    }

    @Test("Faults: a lost request did nothing, a lost answer did")
    func faults() async throws {
        self.server.setFault { $0.method == .post ? .lost : nil }
        await #expect(throws: KubernetesError(.unreachable, "")) { try await self.services.create(self.service("a")) }
        #expect(try await self.services.find("a") == nil)
        self.server.setFault { $0.method == .post ? .answerLost : nil }
        await #expect(throws: KubernetesError(.unreachable, "")) { try await self.services.create(self.service("a")) }
        #expect(try await self.services.find("a") != nil)
        self.server.setFault { _ in .answer(409, reason: "Conflict", message: "m") }
        await #expect(throws: KubernetesError(.conflict, "")) { try await self.services.get("a") }
    }

    @Test("Lists are cut in pages")
    func paging() async throws {
        self.server.change { cluster in
            for index in 0..<1234 { cluster.put(DynamicObject(.pods, name: "p\(index)", namespace: "shop")) }
        }
        #expect(Set(try await self.client.resources(.pods).list().items.map(\.name)).count == 1234)
        #expect(self.server.requests.count == 3)
    }
}
