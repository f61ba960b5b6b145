import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@Suite("The swap")
struct SwapTests: InterceptScenario {
    @Test("Pods are looked at last: nothing is asked between them and the swap", arguments: SessionKind.allCases)
    func last(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        _ = try await self.hijack(self.store(server), service, kind)
        let requests = server.requests
        let swap = try #require(
            requests.firstIndex { $0.method == .patch && $0.segments.suffix(2) == ["services", "leaf"] }
        )
        #expect(
            requests[swap - 1].method == .get && requests[swap - 1].segments.last == "pods",
            "\(requests[swap - 1])"
        )
    }

    @Test("Without a Pod that can serve at that moment the Service stays what it is", arguments: SessionKind.allCases)
    func unserved(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.session(store, service, kind)
        let controller = SessionController(store: store, role: .client)
        let (_, waiting) = try await controller.converge(on: session.incarnation) { $0.contains(where: \.canServe) }
        #expect(waiting == .proof)
        #expect(server.cluster[.services, "shop", "leaf"]?["spec"] == service["spec"])
    }
}
