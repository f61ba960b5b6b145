import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import Testing

@testable import Intercept

@Suite("The checks before anything is changed")
struct PreflightTests {
    @Test("A Service that does not exist is answered with those that do, decoys aside")
    func noSuchService() async throws {
        let scene = Scene()
        scene.server.change { cluster in
            cluster.put(Scene.service("cart"))
            cluster.put(Scene.service("interceptor-leaf-decoy"))
        }
        var run = try scene.run()
        run = try scene.run { $0.service = "laef" }
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.code == .noSuchService)
        #expect(
            error?.message
                == "no service laef in namespace shop; there are: cart, leaf; or is it another namespace (-n)?"
        )
        #expect(scene.writes.isEmpty)
    }

    @Test("More than a dozen are cut short")
    func manyServices() async throws {
        let scene = Scene()
        scene.server.change { cluster in
            for number in 10..<30 { cluster.put(Scene.service("s\(number)")) }
        }
        let run = try scene.run { $0.service = "nope" }
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.message.contains("s20, …; or") == true, "\(error?.message ?? "")")
    }

    @Test("An empty namespace, and one whose Services are not to be seen, ask about namespace and context")
    func emptyNamespace() async throws {
        let scene = Scene()
        let run = try scene.run { $0.namespace = "shpo" }
        let missing = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(
            missing?.message
                == "there is no namespace shpo; is it spelled right (-n), and is it the right cluster (--context)?"
        )
        scene.server.change { $0.put(DynamicObject(.namespaces, name: "shpo")) }
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.message.contains("(-n)") == true)
        #expect(error?.message.contains("--context") == true)
    }

    @Test("What is denied is named, verb and resource, and nothing was changed")
    func permissions() async throws {
        let scene = Scene()
        scene.server.change {
            $0.forbidden = ["create pods/portforward", "get pods/portforward", "patch services", "create roles"]
        }
        let run = try scene.run()
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.code == .forbidden)
        #expect(
            error?.message.hasPrefix(
                "you may not, in namespace shop: create, get pods/portforward; create roles.rbac.authorization.k8s.io; "
                    + "patch services."
            ) == true,
            "\(error?.message ?? "")"
        )
        #expect(scene.writes.isEmpty)
    }

    @Test(
        "Every verb that an intercept needs is asked about",
        arguments: [
            "get services", "patch services", "create services", "get pods", "list pods", "watch pods",
            "get pods/portforward", "create pods/portforward", "create deployments", "create configmaps",
            "create serviceaccounts", "create roles", "create rolebindings", "create sessions", "patch sessions",
            "delete sessions", "watch sessions", "patch sessions/status",
        ]
    )
    func eachPermission(verb: String) async throws {
        let scene = Scene()
        scene.server.change { $0.forbidden = [verb] }
        let error = await #expect(throws: InterceptError.self) {
            try await scene.preflight.permissions(.resource)
        }
        #expect(error?.code == .forbidden)
    }

    @Test("What writes the Session is asked about by its name where it is kept in a ConfigMap")
    func configMapPermission() async throws {
        let scene = Scene()
        scene.server.change { $0.forbidden = ["create sessions", "patch sessions/status"] }
        try await scene.preflight.permissions(.configMap)
        scene.server.change { $0.forbidden = ["patch configmaps"] }
        try await scene.preflight.permissions(.resource)
        let error = await #expect(throws: InterceptError.self) { try await scene.preflight.permissions(.configMap) }
        #expect(error?.message.contains("patch configmaps intercept-shop-leaf.") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("--config-maps") == true)
        let names = scene.server.requests.compactMap { $0.body?[path: "spec", "resourceAttributes", "name"]?.string }
        #expect(Set(names) == ["intercept-shop-leaf"])
    }

    @Test("Where all that the interceptor runs as is there, the right to make it is not asked about")
    func prepared() async throws {
        let scene = Scene()
        let forbidden: Set<String> = ["create roles", "patch rolebindings", "create serviceaccounts"]
        scene.server.change { $0.forbidden = forbidden }
        let installation = Installation.namespace("shop", subjects: [], services: ["leaf"], preparesInterceptors: true)
        for item in installation.items.dropLast() {
            await #expect(throws: InterceptError.self) { try await scene.preflight.permissions(.resource) }
            let object = item.manifest
            scene.server.change { _ = $0.put(object) }
        }
        try await scene.preflight.permissions(.resource)
        let plan = try await scene.run().dryRun()
        #expect(plan.objects.map(\.kind) == ["Session", "Service", "ConfigMap", "Deployment"])
        scene.server.change { $0.forbidden.insert("get roles") }
        await #expect(throws: InterceptError.self) { try await scene.preflight.permissions(.resource) }
    }

    @Test("What was made for the interceptor is believed only as far as it goes: what its Role lacks is said at once")
    func lackingRole() async throws {
        let scene = Scene()
        let installation = Installation.namespace("shop", subjects: [], services: ["leaf"], preparesInterceptors: true)
        for item in installation.items.dropLast() {
            let object = item.manifest
            scene.server.change { _ = $0.put(object) }
        }
        try await scene.preflight.permissions(.resource)
        let error = await #expect(throws: InterceptError.self) { try await scene.preflight.permissions(.configMap) }
        #expect(error?.code == .forbidden)
        #expect(
            error?.message
                == "Role interceptor-leaf in namespace shop, which an administrator made, does not let the interceptor get "
                + "configmaps intercept-shop-leaf; list configmaps intercept-shop-leaf; watch configmaps intercept-shop-leaf; "
                + "patch configmaps intercept-shop-leaf; delete configmaps intercept-shop-leaf. Nothing was changed; an "
                + "administrator mends that by detour install -n shop --interceptors --config-maps --service leaf, with every "
                + "--service and --user that it was said with before"
        )
        let wide = Installation.namespace(
            "shop",
            subjects: [],
            services: ["leaf"],
            keepsConfigMaps: true,
            preparesInterceptors: true
        )
        for item in wide.items.dropLast() {
            let object = item.manifest
            scene.server.change { _ = $0.put(object) }
        }
        try await scene.preflight.permissions(.configMap)
        scene.server.change { cluster in
            var binding = cluster[.roleBindings, "shop", "interceptor-leaf"]
            binding?["subjects"] = []
            if let binding { cluster.put(binding) }
        }
        let unbound = await #expect(throws: InterceptError.self) { try await scene.preflight.permissions(.resource) }
        #expect(unbound?.message.hasPrefix("RoleBinding interceptor-leaf in namespace shop") == true)
    }

    @Test(
        "A new Session is kept as one where the cluster knows them or the user can make them known, else in a ConfigMap",
        arguments: [
            (true, [], .resource), (true, ["create customresourcedefinitions"], .resource),
            (false, [], .resourceOnceDefined), (false, ["create customresourcedefinitions"], .configMap),
            (false, ["get customresourcedefinitions"], .configMap),
        ] as [(Bool, Set<String>, SessionHome)]
    )
    func home(hasDefinition: Bool, forbidden: Set<String>, home: SessionHome) async throws {
        let scene = Scene(hasDefinition: hasDefinition)
        scene.server.change { $0.forbidden = forbidden }
        #expect(try await scene.preflight.home() == home)
    }

    @Test("A missing definition is made, then the Session", .timeLimit(.minutes(5)))
    func definition() async throws {
        let scene = Scene(hasDefinition: false)
        _ = try await scene.run(transport: EstablishingTransport(server: scene.server)).join()
        #expect(scene.server.cluster.all(.customResourceDefinitions).map(\.name) == ["sessions.detour.dev"])
        #expect(try scene.session()?.routes.count == 1)
        #expect(scene.texts.contains("making the definition of sessions.detour.dev"))
    }

    @Test("As many replicas as the workload has ready Pods, two at most", arguments: [(0, 1), (1, 1), (2, 2), (5, 2)])
    func replicas(pods: Int, replicas: Int) async throws {
        let scene = Scene()
        scene.server.change { cluster in
            for number in 0..<pods {
                cluster.put(Self.pod("leaf-\(number)", isReady: true))
            }
            cluster.put(Self.pod("leaf-starting", isReady: false))
        }
        #expect(try await scene.preflight.replicas(selector: ["app": "leaf"]) == replicas)
    }

    private static func pod(_ name: String, isReady: Bool) -> DynamicObject {
        DynamicObject(
            .pods,
            name: name,
            namespace: "shop",
            [
                "metadata": ["labels": ["app": "leaf"]],
                "status": [
                    "phase": "Running", "conditions": [["type": "Ready", "status": isReady ? "True" : "False"]],
                ],
            ]
        )
    }
}
