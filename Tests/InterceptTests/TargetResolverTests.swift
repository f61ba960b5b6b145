import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Testing

@testable import Intercept

@Suite("The Service a target means")
struct TargetResolverTests {
    private func scene(_ services: [DynamicObject] = []) -> Scene {
        let scene = Scene()
        scene.server.change { cluster in
            for service in services { cluster.put(service) }
            for type in [ResourceType.deployments, .statefulSets] {
                cluster.put(
                    DynamicObject(
                        type,
                        name: "leaf-v2",
                        namespace: "shop",
                        ["spec": ["template": ["metadata": ["labels": ["app": "leaf", "version": "2"]]]]]
                    )
                )
            }
        }
        return scene
    }

    private func meaning(
        _ scene: Scene,
        _ kind: TargetReference.Kind = .deployment,
        _ name: String = "leaf-v2"
    ) async throws -> TargetResolver.Meaning {
        try await TargetResolver(client: scene.client).meaning(of: TargetReference(kind, name))
    }

    @Test("A Service means itself, and is not asked for")
    func service() async throws {
        let scene = self.scene()
        #expect(try await self.meaning(scene, .service, "any") == .service("any"))
        #expect(scene.server.requests.isEmpty)
    }

    @Test(
        "A workload means the one Service that selects its Pods",
        arguments: [.deployment, .statefulSet] as [TargetReference.Kind]
    )
    func one(kind: TargetReference.Kind) async throws {
        #expect(try await self.meaning(self.scene(), kind) == .service("leaf"))
        #expect(self.scene().writes.isEmpty)
    }

    @Test("A headless Service beside it is not meant")
    func headless() async throws {
        var governing = Scene.service("leaf-pods")
        governing["spec"]?["selector"] = ["app": "leaf"]
        governing["spec"]?["clusterIP"] = "None"
        #expect(try await self.meaning(self.scene([governing]), .statefulSet) == .service("leaf"))
    }

    @Test("Several are left to the user, as commands to type")
    func several() async throws {
        var other = Scene.service("canary")
        other["spec"]?["selector"] = ["version": "2"]
        let scene = self.scene([other])
        #expect(try await self.meaning(scene) == .oneOf(["canary", "leaf"]))
        let error = TargetResolver(client: scene.client)
            .ambiguity(of: TargetReference(.deployment, "leaf-v2"), among: ["canary", "leaf"])
        #expect(error.message.contains("\n  detour intercept canary -n shop\n  detour intercept leaf -n shop"))
    }

    @Test("None, and a workload that does not exist, say how to go on")
    func none() async throws {
        let scene = self.scene()
        scene.server.change { cluster in
            var leaf = scene.service
            leaf["spec"]?["selector"] = ["app": "other"]
            cluster.put(leaf)
        }
        let none = await #expect(throws: InterceptError.self) { try await self.meaning(scene) }
        #expect(none?.message.contains("kubectl expose deployment leaf-v2 -n shop") == true, "\(none?.message ?? "")")
        let missing = await #expect(throws: InterceptError.self) { try await self.meaning(scene, .deployment, "gone") }
        #expect(missing?.message.contains("no deployment gone in namespace shop") == true)
    }

    @Test("The only Service that leads there cannot be intercepted: its reason is said")
    func unfit() async throws {
        let scene = self.scene()
        scene.server.change { cluster in
            var leaf = scene.service
            leaf["spec"]?["clusterIP"] = "None"
            cluster.put(leaf)
        }
        let error = await #expect(throws: PlanningError.self) { try await self.meaning(scene) }
        #expect(error?.message.contains("headless") == true)
    }

    @Test("A bare name that is only a workload's is answered with what to type")
    func bareName() async throws {
        let scene = self.scene()
        let run = try scene.run { $0.service = "leaf-v2" }
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.code == .noSuchService)
        #expect(
            error?.message.hasSuffix("detour intercept deployment/leaf-v2 -n shop") == true,
            "\(error?.message ?? "")"
        )
    }

    @Test("A port asked for twice is refused, however it was named")
    func duplicates() async throws {
        let scene = self.scene()
        let run = try scene.run(ports: [.init(remote: "80", local: 1), .init(remote: "http", local: 2)])
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.message.contains("port 80 (http) of service leaf is asked for twice") == true)
        #expect(scene.writes.isEmpty)
    }
}
