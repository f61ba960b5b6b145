import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing

@Suite("The store of a Session, whatever kind of object holds it")
struct SessionStoreTests: InterceptScenario {
    /// Makes the definition of Sessions known, as an administrator does who comes late.
    private func define(_ server: ModelAPIServer) {
        server.change { $0.types.append(.sessions) }
    }

    @Test("A Session in a ConfigMap goes on and ends there, although the definition was made meanwhile")
    func definedLater() async throws {
        let (cluster, service) = self.world(.configMap)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        _ = try await self.hijack(store, service, .configMap)
        self.define(server)
        #expect(try await self.store(server).find()?.kind == .configMap)
        try await self.store(server).update { $0.leaving(routeID: "r1", reason: "done") }
        #expect(try await SessionEnding(store: self.store(server)).settle(patience: .zero) == .gone)
        try self.expectUntouched(server, service)
    }

    @Test("A second one is seen from either side, and a close ends both", arguments: SessionKind.allCases)
    func second(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let first = try await self.hijack(store, service, kind)
        #expect(try await store.second(to: first) == nil)
        self.define(server)
        var other = first
        other.kind = kind == .resource ? .configMap : .resource
        other.incarnation = String(repeating: "b2", count: 20)
        let second = try await store.create(other)
        #expect(try await store.second(to: first)?.uid == second.uid)
        #expect(try await store.second(to: second)?.uid == first.uid)
        for kind in SessionKind.allCases {
            #expect(try await store.preferring(kind).find()?.kind == kind)
        }
        #expect(try await SessionEnding(store: store).close(reason: "tidy", force: false, patience: .zero) == .gone)
        try self.expectUntouched(server, service)
    }

    @Test("What an intercept of the other kind made is not cleared away as a leftover")
    func notALeftover() async throws {
        let (cluster, service) = self.world(.configMap)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        var other = try await self.hijack(store, service, .configMap)
        self.define(server)
        other.kind = .resource
        other.incarnation = String(repeating: "b2", count: 20)
        _ = try await store.create(other)
        // The Service given back by hand: what the first one made then looks like nobody's.
        server.change { _ = $0.put(service) }
        let controller = SessionController(store: store.preferring(.resource), role: .client)
        _ = try? await controller.observe(other.incarnation, listsOwned: true)
        #expect(server.cluster[.deployments, "shop", self.names.interceptor] != nil)
    }

    @Test("A ConfigMap of that name that is no Session is none, and is not taken for one")
    func stranger() async throws {
        let (cluster, service) = self.world(.configMap)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        server.change { _ = $0.put(DynamicObject(.configMaps, name: self.names.session, namespace: "shop")) }
        #expect(try await store.find() == nil)
        let error = await #expect(throws: SessionControlError.self) {
            _ = try await self.hijack(store, service, .configMap)
        }
        #expect("\(try #require(error))".contains("ConfigMap intercept-shop-leaf in namespace shop exists"))
        #expect(try await SessionEnding(store: store).close(reason: "tidy", force: true) == .nothingToDo)
        #expect(server.cluster[.configMaps, "shop", self.names.session] != nil)
    }

    @Test("Who writes a status at the same moment as somebody else writes it again", arguments: SessionKind.allCases)
    func statusRace(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service, kind)
        let rounds = Mutex(0)
        server.setFault { request in
            guard request.method == .patch,
                rounds.withLock({
                    $0 += 1; return $0 < 3
                }), kind == .configMap
            else {
                return nil
            }
            return .answer(409, reason: "Conflict", message: "the object has been modified")
        }
        try await store.mergeStatus(["heartbeats": ["r1": 5]], of: session)
        try await store.mergeStatus(["heartbeats": ["r2": 6]], of: session)
        #expect(try await store.find()?.heartbeats == ["r1": 5, "r2": 6])
    }

    @Test("A status of a Session that was made anew is a conflict, not a write", arguments: SessionKind.allCases)
    func statusOfAnother(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        var session = try await self.hijack(store, service, kind)
        session.uid = "another"
        let error = await #expect(throws: KubernetesError.self) {
            try await store.mergeStatus(["suspended": true], of: session)
        }
        #expect(error?.isConflict == true)
        #expect(try await store.find()?.isSuspended == false)
    }

    @Test(
        "A server that refuses before it looks whether it knows Sessions has none; one that knows them says who may not"
    )
    func refusedBeforeLooking() async throws {
        let (cluster, _) = self.world(.configMap)
        let (server, _) = self.server(cluster, dyingAt: nil)
        server.setFault { request in
            guard request.segments.contains("detour.dev"), request.segments.count > 3 else { return nil }
            return .answer(403, reason: "Forbidden", message: "not you")
        }
        let store = self.store(server)
        #expect(try await store.find() == nil)
        #expect(try await SessionInventory(client: store.client).contents().unseen.isEmpty)
        self.define(server)
        let error = await #expect(throws: KubernetesError.self) { try await store.find() }
        #expect(error?.isForbidden == true)
        #expect(try await SessionInventory(client: store.client).contents().unseen == [.resource])
    }

    @Test("The inventory has Sessions of both kinds, and what else is in ConfigMaps is none of its business")
    func inventory() async throws {
        let (cluster, service) = self.world(.configMap)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let leaf = try await self.hijack(self.store(server), service, .configMap)
        self.define(server)
        var core = Session(
            names: InterceptNames(namespace: "shop", service: "core"),
            serviceUID: "u",
            incarnation: leaf.incarnation,
            original: leaf.original,
            routes: [],
            settings: leaf.settings
        )
        core = try await SessionStore(client: self.store(server).client, names: core.names).create(core)
        let inventory = SessionInventory(client: self.store(server).client)
        let contents = try await inventory.contents()
        #expect(contents.sessions.map(\.service) == ["core", "leaf"])
        #expect(contents.sessions.map(\.kind) == [.resource, .configMap])
        #expect(contents.damaged.isEmpty && contents.unseen.isEmpty)
        #expect(try await inventory.session(named: "leaf").uid == leaf.uid)
    }

    @Test("Who may list neither kind is told so; who may list one sees that")
    func unseen() async throws {
        let (cluster, service) = self.world(.resource)
        let (server, _) = self.server(cluster, dyingAt: nil)
        _ = try await self.hijack(self.store(server), service, .resource)
        let inventory = SessionInventory(client: self.store(server).client)
        server.change { $0.forbidden = ["list configmaps"] }
        let contents = try await inventory.contents()
        #expect(contents.sessions.count == 1)
        #expect(contents.unseen == [.configMap])
        server.change { $0.forbidden = ["list configmaps", "list sessions"] }
        await #expect(throws: KubernetesError.self) { try await inventory.contents() }
    }
}
