import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Testing

@testable import Intercept

@Suite("Looking at what has a say in an intercept")
struct DoctorTests {
    private func doctor(_ scene: Scene, service: String = "leaf") -> Doctor {
        Doctor(client: scene.client, service: service, image: "detour:test", programVersion: "0.1.0")
    }

    private static func place(
        _ type: ResourceType,
        _ name: String,
        _ fields: [String: JSONValue] = [:]
    ) -> DynamicObject {
        DynamicObject(type, name: name, namespace: type.isNamespaced ? "shop" : nil, fields)
    }

    @Test("Everything the rules need is looked at, and nothing is changed")
    func everything() async throws {
        let scene = Scene()
        scene.server.change { cluster in
            for type in [
                ResourceType.pods, .networkPolicies, .resourceQuotas, .limitRanges, .autoscalers, .podDisruptionBudgets,
            ] {
                cluster.put(Self.place(type, "one"))
            }
            cluster.put(Self.place(.deployments, "interceptor-leaf"))
            cluster.put(Self.place(.sessions, "intercept-shop-leaf"))
            cluster.put(Self.place(.namespaces, "shop"))
            cluster.put(SessionDefinition.manifest)
            cluster.put(
                DynamicObject(
                    .endpoints,
                    name: "kubernetes",
                    namespace: "default",
                    ["subsets": [["addresses": [["ip": "192.0.2.1"]], "ports": [["port": 6443]]]]]
                )
            )
        }
        let seen = try await self.doctor(scene).surroundings()
        #expect(seen.service?.name == "leaf")
        #expect(seen.services.map(\.name) == ["leaf"])
        #expect(seen.pods?.map(\.name) == ["one"])
        let lists = [
            seen.networkPolicies, seen.quotas, seen.limitRanges, seen.autoscalers, seen.disruptionBudgets ?? [],
        ]
        #expect(lists.map { $0.map(\.name) } == Array(repeating: ["one"], count: 5))
        #expect(seen.namespace?.name == "shop")
        #expect(seen.session?.name == "intercept-shop-leaf")
        #expect(seen.interceptor?.name == "interceptor-leaf")
        #expect(seen.definition == .served(scene.server.cluster.all(.customResourceDefinitions).first))
        #expect(seen.apiServers == [.init(address: "192.0.2.1", port: 6443)])
        #expect(seen.version?.minor == 20)
        #expect(seen.denied.isEmpty)
        #expect(seen.unseen.isEmpty)
        #expect(scene.writes.isEmpty)
    }

    @Test(
        "What may not be looked at is a note with the verb to ask for, and the rest is still said",
        arguments: [
            "list services", "list pods", "list networkpolicies", "list resourcequotas", "list limitranges",
            "list horizontalpodautoscalers", "list poddisruptionbudgets", "get namespaces", "get sessions",
            "get deployments", "get customresourcedefinitions",
        ]
    )
    func unseen(verb: String) async throws {
        let scene = Scene()
        scene.server.change { $0.forbidden = [verb] }
        let notes = try await self.doctor(scene).findings().filter { $0.code == .notSeen }
        let parts = verb.split(separator: " ")
        #expect(notes.count == 1)
        #expect(notes.first?.message.hasPrefix("could not look at \(parts[1])") == true, "\(notes)")
        #expect(notes.first?.message.hasSuffix(": you may not \(parts[0]) them") == true, "\(notes)")
        #expect(notes.first?.mend.hasPrefix("ask for \(parts[0]) on \(parts[1])") == true, "\(notes)")
    }

    @Test("A Service that may not be read is said with the other missing verbs")
    func unseenService() async throws {
        let scene = Scene()
        scene.server.change { $0.forbidden = ["get services", "list services", "get pods/portforward"] }
        let found = try await self.doctor(scene).findings()
        #expect(found.first?.code == .permissionMissing)
        #expect(
            found.first?.message
                == "you may not, in namespace shop: get pods/portforward; get, list services"
        )
        #expect(found.filter { $0.code == .notSeen }.count == 2)
    }

    @Test("Access reviews that are refused are a note too")
    func noReviews() async throws {
        let scene = Scene()
        scene.server.setFault { request in
            request.segments.last == ResourceType.selfSubjectAccessReviews.plural
                ? .answer(403, reason: "Forbidden", message: "no reviews for you") : nil
        }
        let found = try await self.doctor(scene).findings()
        #expect(
            found.contains {
                $0.code == .notSeen && $0.message.contains("selfsubjectaccessreviews.authorization.k8s.io")
            }
        )
    }

    @Test("Without the definition, and without the right to make it, the verbs of a ConfigMap are asked for")
    func definition() async throws {
        let scene = Scene(.configMap)
        let missing = try await self.doctor(scene).findings().first { $0.code == .definitionMissing }
        #expect(missing?.mend.contains("keep their sessions in ConfigMaps") == true)
        scene.server.change { $0.forbidden.insert("patch configmaps") }
        let found = try await self.doctor(scene).findings()
        #expect(found.first?.code == .permissionMissing)
        #expect(found.first?.message.hasSuffix(": patch configmaps intercept-shop-leaf") == true)
        #expect(found.first?.mend.contains("--config-maps") == true)
    }

    @Test("A Session is found wherever it is kept, and two of them are a finding", arguments: SessionKind.allCases)
    func sessions(kind: SessionKind) async throws {
        let scene = Scene(kind)
        _ = try await scene.run().join()
        #expect(try await self.doctor(scene).findings().contains { $0.code == .sessionActive })
        let other: SessionKind = kind == .resource ? .configMap : .resource
        var session = try #require(try scene.session())
        session.kind = other
        let object = session.object
        scene.server.change { cluster in
            cluster.types.append(.sessions)
            cluster.put(object)
        }
        let found = try await self.doctor(scene).findings()
        #expect(found.first?.code == .sessionTwice)
        #expect(!found.contains { $0.code == .sessionActive })
    }

    @Test("A Service that does not exist is answered as a start would")
    func noService() async throws {
        let error = await #expect(throws: InterceptError.self) {
            try await self.doctor(Scene(), service: "laef").findings()
        }
        #expect(error?.code == .noSuchService)
    }

    @Test("Without an API server there is no diagnosis")
    func unreachable() async throws {
        let scene = Scene()
        scene.server.setFault { _ in .lost }
        let error = await #expect(throws: KubernetesError.self) { try await self.doctor(scene).findings() }
        #expect(error?.isUnreachable == true)
    }

    @Test("What fails for another reason is told in the server's words")
    func otherFailure() async throws {
        let scene = Scene()
        scene.server.setFault { request in
            request.segments.last == ResourceType.networkPolicies.plural
                ? .answer(400, reason: "BadRequest", message: "not today") : nil
        }
        let found = try await self.doctor(scene).findings()
        #expect(found.contains { $0.code == .notSeen && $0.message.contains("not today") })
    }

    @Test("A server that has disruption budgets in their old version is asked for those; there {} selects nothing")
    func oldBudgets() async throws {
        var old = ResourceType.podDisruptionBudgets
        old.version = "v1beta1"
        let scene = Scene()
        let type = old
        scene.server.change { cluster in
            cluster.types = cluster.types.filter { $0 != .podDisruptionBudgets } + [type]
            cluster.put(Self.place(type, "one", ["spec": ["selector": ["matchLabels": ["app": "leaf"]]]]))
            cluster.put(Self.place(type, "none", ["spec": ["selector": [:]]]))
        }
        #expect(try await self.doctor(scene).surroundings().disruptionBudgets?.map(\.name) == ["one"])
    }
}
