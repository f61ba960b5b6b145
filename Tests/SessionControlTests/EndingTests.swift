import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing

@Suite("However an intercept ends, nothing of it is left, and nothing of others is touched")
struct EndingTests: InterceptScenario {
    @Test("While the garbage collector sleeps, an end leaves nothing all the same", arguments: SessionKind.allCases)
    func slowCollector(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        try await self.intercept(self.store(server), service, kind)
        try self.expectUntouched(server, service)
    }

    @Test(
        "What an earlier incarnation left is cleared away by the next; what is a stranger's is refused",
        arguments: SessionKind.allCases
    )
    func leftovers(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        @Sendable func role(_ labels: [String: JSONValue]) -> DynamicObject {
            DynamicObject(
                .roles,
                name: self.names.interceptor,
                namespace: "shop",
                ["metadata": ["labels": .object(labels)], "rules": []]
            )
        }
        server.change { cluster in
            _ = cluster.put(
                role(["app.kubernetes.io/managed-by": "detour", Marks.sessionLabel: "earlier"])
            )
        }
        try await self.intercept(self.store(server), service, kind)
        try self.expectUntouched(server, service)

        server.change { _ = $0.put(role(["app.kubernetes.io/managed-by": "helm"])) }
        await #expect(throws: SessionControlError.self) { try await self.intercept(self.store(server), service, kind) }
        #expect(server.cluster[.roles, "shop", self.names.interceptor] != nil)
    }

    @Test("Even when Session and annotation are both gone: the decoy knows", arguments: SessionKind.allCases)
    func decoyAlone(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        _ = try await self.hijack(store, service, kind)
        server.change { cluster in
            guard var leaf = cluster[.services, "shop", "leaf"] else { return }
            leaf["metadata"]?["annotations"] = nil
            cluster.put(leaf)
        }
        self.deleteSession(server, kind)
        #expect(try await SessionEnding(store: store).close(reason: "tidy", force: false, patience: .zero) == .gone)
        let leaf = try #require(server.cluster[.services, "shop", "leaf"])
        #expect(leaf["spec"] == service["spec"])
    }

    @Test(
        "A swap that the server will never take is reported with the server's own words, and is tried once",
        arguments: SessionKind.allCases
    )
    func refusedSwap(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, calls) = self.server(cluster, dyingAt: nil)
        server.setFault { request in
            request.method == .patch && request.segments.last == "leaf"
                ? .answer(422, reason: "Invalid", message: "admission: no swaps on Fridays") : nil
        }
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await self.hijack(self.store(server), service, kind)
        }
        #expect("\(try #require(error))".contains("no swaps on Fridays"))
        #expect(calls() < 50)
    }

    @Test("What its Pods need stays for as long as there are any", arguments: SessionKind.allCases)
    func endingPods(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service, kind)
        server.change { cluster in
            let labels = JSONValue(Marks.selector(incarnation: session.incarnation))
            let metadata: JSONValue = ["labels": labels, "deletionTimestamp": "2026-01-01T00:00:00Z"]
            cluster.put(DynamicObject(.pods, name: "p", namespace: "shop", ["metadata": metadata]))
        }
        #expect(try await SessionEnding(store: store).close(reason: "tidy", force: false, patience: .zero) == .ending)
        #expect(server.cluster.all(.deployments).isEmpty)
        #expect(server.cluster.all(.roleBindings).count == 1)
        #expect(server.cluster.all(.services).map(\.name).sorted() == ["interceptor-leaf-decoy", "leaf"])
    }

    @Test("That the Service is back is told at once, while there are Pods still", arguments: SessionKind.allCases)
    func restoredAtOnce(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service, kind)
        // A replica that holds connections of others: it would be waited for.
        let pod = server.change { cluster in
            let labels = JSONValue(Marks.selector(incarnation: session.incarnation))
            return cluster.put(DynamicObject(.pods, name: "p", namespace: "shop", ["metadata": ["labels": labels]]))
        }
        let replica: JSONValue = ["pod": "p", "fingerprint": "ff", "drained": false]
        try await store.mergeStatus(["replicas": .object([pod.uid: replica])], of: session)
        let told = Mutex<[JSONValue?]>([])
        let ending = SessionEnding(store: store) {
            let leaf = server.cluster[.services, "shop", "leaf"]
            told.withLock { $0.append(leaf?[path: "spec", "selector"]) }
            // What is waited for.
            server.change { cluster in
                for pod in cluster.all(.pods) { _ = cluster.handle(.delete(.pods, in: "shop", name: pod.name)) }
            }
        }
        #expect(try await ending.close(reason: "tidy", force: false) == .gone)
        let first = try #require(told.withLock { $0.first })
        #expect(first == ["app": "leaf"])
    }

    @Test("Whoever ends one incarnation leaves the next one alone", arguments: SessionKind.allCases)
    func anotherIncarnation(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        var session = try await self.hijack(store, service, kind)
        session.incarnation = String(repeating: "b2", count: 20)
        let content = session.object
        server.change { cluster in
            cluster.put(service)
            guard var object = cluster[kind.type, "shop", self.names.session] else { return }
            for key in ["spec", "data"] { object[key] = content[key] }
            cluster.put(object)
        }
        let before = try #require(server.cluster[kind.type, "shop", self.names.session])
        let controller = SessionController(store: store, role: .client)
        _ = try await controller.converge(on: String(repeating: "a1", count: 20), wasHijacked: true)
        #expect(try await SessionEnding(store: store).settle(patience: .zero) == nil)
        #expect(server.cluster[kind.type, "shop", self.names.session] == before)
    }

    @Test(
        "A Service that points to an interceptor, and whose original nobody knows, is no success",
        arguments: SessionKind.allCases
    )
    func nobodyKnows(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        _ = try await self.hijack(store, service, kind)
        server.change { cluster in
            guard var leaf = cluster[.services, "shop", "leaf"] else { return }
            leaf["metadata"]?["annotations"] = nil
            cluster.put(leaf)
        }
        self.deleteSession(server, kind)
        try await store.services.delete(self.names.decoy)
        let error = await #expect(throws: SessionControlError.self) {
            try await SessionEnding(store: store).close(reason: "tidy", force: true)
        }
        #expect("\(try #require(error))".contains("kubectl edit service leaf -n shop"))
    }

    @Test(
        "A Session that nobody can read is listed as such, and goes by force only, after the Service is restored",
        arguments: SessionKind.allCases
    )
    func damaged(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        _ = try await self.hijack(store, service, kind)
        self.damage(server, kind)
        let inventory = SessionInventory(client: store.client)
        let contents = try await inventory.contents()
        #expect(contents.sessions.isEmpty)
        #expect(contents.damaged.map(\.service) == ["leaf"])
        #expect(try await inventory.interceptedServices() == ["leaf"])
        #expect(try await inventory.service(named: "leaf") == "leaf")
        await #expect(throws: PlanningError.self) {
            try await SessionEnding(store: store).close(reason: "tidy", force: false)
        }
        #expect(try await SessionEnding(store: store).close(reason: "tidy", force: true) == .gone)
        try self.expectUntouched(server, service)
    }

    @Test(
        "A damaged Session that is the last to know the original is not deleted by force either",
        arguments: SessionKind.allCases
    )
    func damagedIsLast(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        _ = try await self.hijack(store, service, kind)
        try await store.services.delete(self.names.decoy)
        self.damage(server, kind)
        server.change { cluster in
            guard var leaf = cluster[.services, "shop", "leaf"] else { return }
            leaf["metadata"]?["annotations"] = nil
            cluster.put(leaf)
        }
        let error = await #expect(throws: SessionControlError.self) {
            try await SessionEnding(store: store).close(reason: "tidy", force: true)
        }
        #expect("\(try #require(error))".contains(kind == .configMap ? "data.ops" : "spec.restore-service"))
        #expect(server.cluster[kind.type, "shop", self.names.session] != nil)
    }

    @Test(
        "What is made anew is owned by the Pods that are there, too; one that is refused keeps no other from being made",
        arguments: SessionKind.allCases
    )
    func madeAnew(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service, kind)
        server.change { cluster in
            let labels = JSONValue(Marks.selector(incarnation: session.incarnation))
            cluster.put(
                DynamicObject(.pods, name: "p", namespace: "shop", ["metadata": ["labels": labels, "uid": "pod-uid"]])
            )
        }
        try await store.services.delete(self.names.decoy)
        try await store.client.resources(.roles, in: "shop").delete(self.names.interceptor)
        server.setFault { request in
            request.method == .post && request.segments.last == "services"
                ? .answer(422, reason: "Invalid", message: "the address is taken") : nil
        }
        let error = await #expect(throws: KubernetesError.self) {
            try await SessionController(store: store, role: .client)
                .converge(on: session.incarnation, wasHijacked: true)
        }
        #expect("\(try #require(error))".contains("the address is taken"))
        let role = try #require(server.cluster[.roles, "shop", self.names.interceptor])
        let owners = role[path: "metadata", "ownerReferences"]?.array ?? []
        #expect(owners.compactMap { $0["uid"]?.string } == [session.uid, "pod-uid"])
    }

    @Test("Who leaves after the Session was deleted clears away what it owned", arguments: SessionKind.allCases)
    func leavingAfterDeletion(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service, kind)
        self.deleteSession(server, kind)
        #expect(try await SessionEnding(store: store).settle(session, patience: .seconds(1)) == .gone)
        try self.expectUntouched(server, service)
    }

    @Test(
        "A decoy that somebody deleted is made anew at the address that the interceptor knows",
        arguments: SessionKind.allCases
    )
    func decoyMadeAnew(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service, kind)
        let before = try await store.services.get(self.names.decoy)
        try await store.services.delete(self.names.decoy)
        _ = try await SessionController(store: store, role: .client)
            .converge(on: session.incarnation, wasHijacked: true)
        #expect(try await store.services.get(self.names.decoy)["spec"] == before["spec"])
    }

    /// The server refuses the address of a second one as taken, before it sees that the name is.
    @Test("A decoy that somebody else has made meanwhile is no trouble; an address that is another's is")
    func decoyMadeMeanwhile() async throws {
        let (cluster, service) = self.world(.resource)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service, .resource)
        let controller = SessionController(store: store, role: .client)
        let stale = Observation(session: session, service: try await store.services.find(self.names.service))
        #expect(try await controller.run(.create(.decoy), stale))

        var other = try await store.services.get(self.names.decoy)
        try await store.services.delete(self.names.decoy)
        other["metadata"] = ["name": "other", "namespace": .string(self.names.namespace)]
        _ = try await store.services.create(other)
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await controller.run(.create(.decoy), stale)
        }
        #expect(error?.message.contains("already allocated") == true)
    }
}
