import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing
import TrafficMatch

/// How a client's calls end from a certain one on, as if it had been killed there.
struct KillPoint: Sendable, CustomTestStringConvertible {
    var call: Int
    /// Whether the fatal call still reached the server.
    var reachesServer: Bool
    var testDescription: String { "call \(self.call)\(self.reachesServer ? ", after the server did it" : "")" }
}

@Suite("A client killed at any API call leaves nothing that the next one cannot put back")
struct KillPointTests {
    /// More than any scenario here has calls; the last test checks that.
    private static let calls = 80
    private static let killPoints = (0..<calls).flatMap {
        [KillPoint(call: $0, reachesServer: false), KillPoint(call: $0, reachesServer: true)]
    }

    private let names = InterceptNames(namespace: "shop", service: "leaf")

    private func world() -> (ModelCluster, DynamicObject) {
        var cluster = ModelCluster(types: ModelCluster.builtIn + [.sessions])
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
    private func intercept(_ store: SessionStore, _ service: DynamicObject) async throws {
        _ = try await self.hijack(store, service)
        try await store.update { $0.leaving(routeID: "r1", reason: "done") }
        let outcome = try await SessionEnding(store: store).settle(patience: .zero)
        #expect(outcome == .gone)
    }

    /// The first half of it.
    private func hijack(_ store: SessionStore, _ service: DynamicObject) async throws -> Session {
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
            settings: InterceptorSettings(image: "detour:test", replicas: 2)
        )
        _ = try await store.sessions.create(session.object)
        let controller = SessionController(store: store, role: .client)
        _ = try await controller.converge()
        let (now, _) = try await controller.converge(isProven: true)
        let swapped = try #require(now.service)
        #expect(ServiceSwap(session).isHijacked(swapped))
        return try #require(try await store.find())
    }

    /// A server whose clients die at a point; it counts calls until then.
    private func server(_ cluster: ModelCluster, dyingAt point: KillPoint?) -> (ModelAPIServer, @Sendable () -> Int) {
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

    private final class Calls: Sendable {
        let count = Mutex(0)
    }

    private func store(_ server: ModelAPIServer) -> SessionStore {
        SessionStore(client: KubernetesClient(transport: server, namespace: "shop"), names: self.names)
    }

    /// Everything of ours is gone, and the Service is what it was.
    private func expectUntouched(_ server: ModelAPIServer, _ before: DynamicObject) throws {
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

    @Test("By closing the session", .timeLimit(.minutes(1)), arguments: killPoints)
    func close(point: KillPoint) async throws {
        let (cluster, service) = self.world()
        let (server, _) = self.server(cluster, dyingAt: point)
        try? await self.intercept(self.store(server), service)
        server.setFault { _ in nil }
        _ = try await SessionEnding(store: self.store(server)).close(reason: "tidy", force: false, patience: .zero)
        try self.expectUntouched(server, service)
    }

    @Test("By closing the session with force", .timeLimit(.minutes(1)), arguments: killPoints)
    func force(point: KillPoint) async throws {
        let (cluster, service) = self.world()
        let (server, _) = self.server(cluster, dyingAt: point)
        try? await self.intercept(self.store(server), service)
        server.setFault { _ in nil }
        _ = try await SessionEnding(store: self.store(server)).close(reason: "tidy", force: true)
        try self.expectUntouched(server, service)
    }

    @Test("Even when the Session was deleted by hand", .timeLimit(.minutes(1)), arguments: killPoints)
    func sessionDeleted(point: KillPoint) async throws {
        let (cluster, service) = self.world()
        let (server, _) = self.server(cluster, dyingAt: point)
        try? await self.intercept(self.store(server), service)
        server.setFault { _ in nil }
        let store = self.store(server)
        try? await store.sessions.delete(self.names.session)
        _ = try await SessionEnding(store: store).close(reason: "tidy", force: false, patience: .zero)
        try self.expectUntouched(server, service)
    }

    @Test("While the garbage collector sleeps, an end leaves nothing all the same")
    func slowCollector() async throws {
        var (cluster, service) = self.world()
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        try await self.intercept(self.store(server), service)
        try self.expectUntouched(server, service)
    }

    @Test("What an earlier incarnation left is cleared away by the next; what is a stranger's is refused")
    func leftovers() async throws {
        var (cluster, service) = self.world()
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
        try await self.intercept(self.store(server), service)
        try self.expectUntouched(server, service)

        server.change { _ = $0.put(role(["app.kubernetes.io/managed-by": "helm"])) }
        await #expect(throws: SessionControlError.self) { try await self.intercept(self.store(server), service) }
        #expect(server.cluster[.roles, "shop", self.names.interceptor] != nil)
    }

    @Test("Even when Session and annotation are both gone: the decoy knows")
    func decoyAlone() async throws {
        var (cluster, service) = self.world()
        cluster.collectsGarbage = false
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.hijack(store, service)
        server.change { cluster in
            guard var leaf = cluster[.services, "shop", "leaf"] else { return }
            leaf["metadata"]?["annotations"] = nil
            cluster.put(leaf)
        }
        try await store.sessions.delete(self.names.session, uid: session.uid)
        #expect(try await SessionEnding(store: store).close(reason: "tidy", force: false, patience: .zero) == .gone)
        let leaf = try #require(server.cluster[.services, "shop", "leaf"])
        #expect(leaf["spec"] == service["spec"])
    }

    @Test("A swap that the server will never take is reported with the server's own words, and is tried once")
    func refusedSwap() async throws {
        let (cluster, service) = self.world()
        let (server, calls) = self.server(cluster, dyingAt: nil)
        server.setFault { request in
            request.method == .patch && request.segments.last == "leaf"
                ? .answer(422, reason: "Invalid", message: "admission: no swaps on Fridays") : nil
        }
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await self.hijack(self.store(server), service)
        }
        #expect("\(try #require(error))".contains("no swaps on Fridays"))
        #expect(calls() < Self.calls)
    }

    @Test("The kill points cover the whole scenario")
    func coverage() async throws {
        let (cluster, service) = self.world()
        let (server, calls) = self.server(cluster, dyingAt: nil)
        try await self.intercept(self.store(server), service)
        try self.expectUntouched(server, service)
        #expect(calls() < Self.calls)
        #expect(calls() > Self.calls / 2, "so many kill points that most never happen: \(calls())")
    }
}
