import Foundation
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Testing

@Suite("What a server has, from Kubernetes 1.20 to 1.36", .timeLimit(.minutes(5)))
struct DiscoveryTests {
    private let pauses = Pauses()

    private func documents(_ version: String) throws -> [String: JSONValue] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "Fixtures/discovery-\(version).json"
        )
        return try #require(try JSONValue(parsing: Array(Data(contentsOf: file))).object)
    }

    /// A client of a server that answers with documents by path, and with refusals otherwise.
    private func client(
        _ documents: [String: JSONValue],
        refusing status: Int = 404
    ) -> (KubernetesClient, ReplayTransport) {
        let transport = ReplayTransport(documents, refusal: status)
        return (KubernetesClient(transport: transport, namespace: "shop", policy: self.pauses.policy), transport)
    }

    private static let budgets: [ResourceType] = [.podDisruptionBudgets, .podDisruptionBudgets.version("v1beta1")]
    private static let slices: [ResourceType] = [.endpointSlices, .endpointSlices.version("v1beta1")]

    @Test(
        "The best version that both sides know is found, by all documents and by single ones",
        arguments: zip(["1.20", "1.36"], ["v1beta1", "v1"])
    )
    func versions(server: String, expected: String) async throws {
        let documents = try self.documents(server)
        let (client, _) = self.client(documents)
        let discovered = try await client.discover()
        #expect(discovered.first(of: Self.budgets)?.version == expected)
        #expect(discovered.first(of: Self.slices)?.version == expected)
        #expect(discovered.first(of: [.deployments]) == .deployments)
        #expect(discovered.serves(.roles) && discovered.serves(.pods))
        #expect(discovered.first(of: [.sessions]) == nil)
        // A current server gives the single documents in the older form still.
        let (single, transport) = self.client(documents)
        #expect(try await single.first(served: Self.budgets)?.version == expected)
        #expect(try await single.first(served: Self.slices)?.version == expected)
        #expect(try await single.first(served: [.sessions]) == nil)
        #expect(!transport.paths.contains("/apis"))
    }

    @Test("The older form is asked for group by group, the aggregated one by two requests")
    func requests() async throws {
        let (old, oldTransport) = self.client(try self.documents("1.20"))
        _ = try await old.discover()
        #expect(oldTransport.paths.count == 2 + 11)
        let (current, transport) = self.client(try self.documents("1.36"))
        _ = try await current.discover()
        #expect(transport.paths == ["/api", "/apis"])
        #expect(
            transport.accepts.first
                == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
                + "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
        )
    }

    @Test(
        "Kinds, scopes and preferred versions are read, subresources are not taken for types",
        arguments: ["1.20", "1.36"]
    )
    func details(server: String) async throws {
        let (client, _) = self.client(try self.documents(server))
        let discovered = try await client.discover()
        let node = try #require(discovered.types(named: "nodes").first)
        #expect(node == ResourceType(kind: "Node", plural: "nodes", isNamespaced: false))
        let scaler = discovered.types(named: "horizontalpodautoscalers")
        #expect(scaler.map(\.version) == [server == "1.20" ? "v1" : "v2"])
        #expect(discovered.types(named: "pods") == [.pods])
        #expect(
            discovered.groupVersions.flatMap(\.resources).allSatisfy { !$0.plural.contains("/") && !$0.kind.isEmpty }
        )
    }

    @Test("An API whose own server is away takes nothing else with it", arguments: [404, 503])
    func broken(status: Int) async throws {
        var documents = try self.documents("1.20")
        documents["/apis/policy/v1beta1"] = nil
        let (client, _) = self.client(documents, refusing: status)
        let discovered = try await client.discover()
        #expect(discovered.serves(.deployments))
        #expect(discovered.groupVersions.filter(\.isStale).map(\.apiVersion) == ["policy/v1beta1"])
        // What the aggregator of a current server says of one.
        var current = try self.documents("1.36")
        let away: JSONValue = [
            "metadata": ["name": "metrics.k8s.io"], "versions": [["version": "v1beta1", "freshness": "Stale"]],
        ]
        let groups = try #require(current["/apis"]?["items"]?.array)
        current["/apis"]?["items"] = .array(groups + [away])
        let found = try await self.client(current).0.discover()
        #expect(found.serves(.deployments))
        #expect(found.groupVersions.filter(\.isStale).map(\.group) == ["metrics.k8s.io"])
    }

    @Test("A server that refuses to list is quoted, and what is no list is no API server")
    func refusals() async throws {
        let (refusing, _) = self.client([:], refusing: 403)
        await #expect(throws: KubernetesError(.forbidden, "")) { _ = try await refusing.discover() }
        let (strange, _) = self.client(["/api": ["kind": "Pod"]])
        await #expect(throws: KubernetesError(.protocolViolation, "")) { _ = try await strange.discover() }
    }
}

extension ResourceType {
    fileprivate static let sessions = ResourceType(group: "detour.dev", kind: "Session", plural: "sessions")
}
