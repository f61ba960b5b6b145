import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@Suite("With the Role that is installed, and nothing else")
struct RoleTests: InterceptScenario {
    private func role(_ kind: SessionKind, services: [String]) throws -> DynamicObject {
        let installed = Installation.namespace(
            "shop",
            subjects: [],
            services: services,
            keepsConfigMaps: kind == .configMap
        )
        return try #require(installed.items.first).manifest
    }

    @Test(
        "A developer makes an intercept, lists it and closes it, and nothing is left",
        arguments: SessionKind.allCases,
        [[], ["leaf"]] as [[String]]
    )
    func developer(kind: SessionKind, services: [String]) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(RoleTransport(server, role: try self.role(kind, services: services)))
        _ = try await self.hijack(store, service, kind)
        let inventory = SessionInventory(client: store.client)
        #expect(try await inventory.contents().sessions.map(\.service) == ["leaf"])
        #expect(try await inventory.contents().unseen.isEmpty)
        #expect(try await inventory.interceptedServices() == ["leaf"])
        let outcome = try await SessionEnding(store: store).close(reason: "tidy", force: false, patience: .zero)
        // Without the names of its objects, the collector deletes them, here at once.
        #expect(outcome == .gone)
        try self.expectUntouched(server, service)
    }

    @Test(
        "By name, what an intercept made is deleted at once although the collector sleeps",
        arguments: SessionKind.allCases
    )
    func slowCollector(kind: SessionKind) async throws {
        var (cluster, service) = self.world(kind)
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(RoleTransport(server, role: try self.role(kind, services: ["leaf"])))
        try await self.intercept(store, service, kind)
        try self.expectUntouched(server, service)
    }

    @Test(
        "Where what interceptors run as is prepared, a developer who may not write Roles intercepts, and that stays",
        arguments: SessionKind.allCases
    )
    func prepared(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let items = Installation.namespace(
            "shop",
            subjects: [],
            services: ["leaf"],
            keepsConfigMaps: kind == .configMap,
            preparesInterceptors: true
        ).items
        let prepared = items.dropLast().map(\.manifest)
        server.change { cluster in for object in prepared { cluster.put(object) } }
        let before = server.cluster.all(.roles)
        let store = self.store(RoleTransport(server, role: try #require(items.last).manifest))
        let session = try await self.hijack(store, service, kind)
        #expect(session.phase == .active)
        try await store.update { $0.leaving(routeID: "r1", reason: "done") }
        #expect(try await SessionEnding(store: store).settle(patience: .zero) == .gone)
        #expect(server.cluster.all(.roles) == before)
        #expect(server.cluster.all(.serviceAccounts).count == 1)
        #expect(server.cluster.all(.deployments).isEmpty)
        #expect(server.cluster[.services, "shop", "leaf"]?["spec"] == service["spec"])
    }

    @Test("Other Services are out of reach of a Role that keeps Sessions in ConfigMaps for one")
    func otherService() async throws {
        let (cluster, service) = self.world(.configMap)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(RoleTransport(server, role: try self.role(.configMap, services: ["core"])))
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await self.hijack(store, service, .configMap)
        }
        #expect(error?.isForbidden == true)
    }
}
