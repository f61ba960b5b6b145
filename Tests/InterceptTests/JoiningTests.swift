import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing
import TunnelTransport

@testable import Intercept

@Suite("Joining a Session")
struct JoiningTests {
    @Test("The first makes it", arguments: SessionKind.allCases)
    func fresh(kind: SessionKind) async throws {
        let scene = Scene(kind)
        let membership = try await scene.run().join()
        let session = try #require(try scene.session())
        #expect(session.routes == [membership.route])
        #expect(session.incarnation.count == 40)
        #expect(session.serviceUID == scene.service.uid)
        #expect(session.original.selector == ["app": "leaf"])
        #expect(session.original.ports == scene.service[path: "spec", "ports"])
        #expect(membership.route.fingerprint == membership.identity.fingerprint)
        #expect(membership.route.id.count == 16)
        #expect(membership.localPorts == [80: 1])
        #expect(scene.writes.count == 1)
        #expect(scene.texts.contains { $0.contains("nothing listens on port 1") })
    }

    @Test("The Secrets of the ports that speak TLS stand in the Session, by number; a dry run shows them mounted")
    func tlsSecrets() async throws {
        let ports: JSONValue = [
            ["name": "web", "port": 443], ["name": "api", "port": 8443], ["port": 80, "name": "plain"],
        ]
        let asked: [InterceptOptions.PortMapping] = [.init(remote: "web", local: 1), .init(remote: "8443", local: 2)]
        func secrets(_ words: String...) async throws -> [Int: String] {
            let scene = Scene(ports: ports)
            let secrets = try words.map(TLSSecret.init(parsing:))
            let run = try scene.run(ports: asked, change: { $0.tlsSecrets = secrets })
            let dry = try await run.dryRun()
            _ = try await run.join()
            let session = try #require(try scene.session())
            let deployment = dry.objects.first { $0.kind == "Deployment" }?.json.compact ?? ""
            for (port, name) in session.settings.tlsSecrets {
                #expect(deployment.contains("\"secretName\":\"\(name)\""))
                #expect(deployment.contains("/etc/detour-tls/\(port)"))
            }
            return session.settings.tlsSecrets
        }
        #expect(try await secrets() == [:])
        #expect(try await secrets("leaf-tls") == [443: "leaf-tls", 8443: "leaf-tls"])
        #expect(try await secrets("web=a", "8443=b.c") == [443: "a", 8443: "b.c"])
        for wrong in [["plain=a"], ["9=a"], ["a", "web=b"]] {
            let scene = Scene(ports: ports)
            let secrets = try wrong.map(TLSSecret.init(parsing:))
            let run = try scene.run(ports: asked, change: { $0.tlsSecrets = secrets })
            let error = await #expect(throws: InterceptError.self) { _ = try await run.join() }
            #expect(error?.code == .badArgument)
            #expect(scene.writes.isEmpty)
        }
    }

    @Test("What cannot be a Secret's name is refused", arguments: ["", "=a", "80=", "A", "a_b", "-a", "a b"])
    func badSecret(text: String) {
        #expect(throws: InterceptError.self) { try TLSSecret(parsing: text) }
    }

    @Test("Who asks for another Secret than the first one is refused, and nothing is written")
    func otherSecret() async throws {
        let scene = Scene()
        _ = try await scene.run().join()
        let secret = try TLSSecret(parsing: "leaf-tls")
        let run = try scene.run(owner: "bob@desk", match: "X-Dev:bob", change: { $0.tlsSecrets = [secret] })
        for attempt in [{ _ = try await run.join() }, { _ = try await run.dryRun() }] as [() async throws -> Void] {
            let error = await #expect(throws: PlanningError.self) { try await attempt() }
            #expect(error?.code == .otherSetting)
        }
        #expect(scene.writes.count == 1)
    }

    @Test("The second joins, and keeps the first one's route and incarnation", arguments: SessionKind.allCases)
    func second(kind: SessionKind) async throws {
        let scene = Scene(kind)
        let ada = try await scene.run().join()
        let bob = try await scene.run(owner: "bob@desk", match: "X-Dev:bob").join()
        let session = try #require(try scene.session())
        #expect(session.routes == [ada.route, bob.route])
        #expect(bob.session.incarnation == ada.session.incarnation)
        #expect(ada.route.fingerprint != bob.route.fingerprint)
    }

    @Test("A match that is taken is refused, and nothing is written", arguments: SessionKind.allCases)
    func refused(kind: SessionKind) async throws {
        let scene = Scene(kind)
        _ = try await scene.run().join()
        let before = try scene.session()
        let error = await #expect(throws: PlanningError.self) { try await scene.run(owner: "bob@desk").join() }
        #expect(error?.code == .matchTaken)
        #expect(error?.message.contains("ada@laptop") == true)
        #expect(try scene.session() == before)
        #expect(scene.writes.count == 1)
    }

    @Test("Unless it is taken over", arguments: SessionKind.allCases)
    func takeOver(kind: SessionKind) async throws {
        let scene = Scene(kind)
        _ = try await scene.run().join()
        let bob = try await scene.run(owner: "bob@desk", change: { $0.takesOver = true }).join()
        #expect(try scene.session()?.routes == [bob.route])
    }

    @Test(
        "Who was taken over, or started again elsewhere, does not fight for the route",
        arguments: SessionKind.allCases
    )
    func rival(kind: SessionKind) async throws {
        let scene = Scene(kind)
        let run = try scene.run()
        let ada = try await run.join()
        var session = try #require(try scene.session())
        #expect(run.rival(of: ada.route, in: session) == nil, "it is its own")
        session.routes = []
        #expect(run.rival(of: ada.route, in: session) == nil, "nobody took it: it expired")

        let again = try await scene.run().join()
        #expect(again.route.epoch == 2)
        let superseded = run.rival(of: ada.route, in: try #require(try scene.session()))
        #expect(superseded?.message.contains("ada@laptop intercepts leaf in namespace shop") == true)

        _ = try await scene.run(owner: "bob@desk", change: { $0.takesOver = true }).join()
        let taken = run.rival(of: ada.route, in: try #require(try scene.session()))
        #expect(taken?.message.contains("taken over: bob@desk") == true)
    }

    @Test("A conflict with another writer is no failure", arguments: SessionKind.allCases)
    func conflict(kind: SessionKind) async throws {
        let scene = Scene(kind)
        _ = try await scene.run(owner: "bob@desk", match: "X-Dev:bob").join()
        let once = Once()
        scene.server.setFault { request in
            guard request.method == .patch, once.take() else { return nil }
            return .answer(409, reason: "Conflict", message: "the object has been modified")
        }
        _ = try await scene.run().join()
        #expect(try scene.session()?.routes.map(\.owner) == ["bob@desk", "ada@laptop"])
    }

    @Test(
        "A closing Session is waited for, then a new incarnation begins",
        .timeLimit(.minutes(5)),
        arguments: SessionKind.allCases
    )
    func closing(kind: SessionKind) async throws {
        let scene = Scene(kind)
        let first = try await scene.run(owner: "bob@desk").join()
        let store = SessionStore(client: scene.client, names: Scene.names)
        let pod = DynamicObject(
            .pods,
            name: "replica",
            namespace: "shop",
            [
                "metadata": ["uid": "p", "labels": JSONValue(Marks.selector(incarnation: first.session.incarnation))],
                "status": ["phase": "Running"],
            ]
        )
        scene.server.change { _ = $0.put(pod) }
        try await store.mergeStatus(
            ["replicas": ["p": Replica(pod: "replica", fingerprint: "f").json]],
            of: first.session
        )
        try await store.update { $0.closing(reason: "bob left") }
        let run = try scene.run { _ in
        } on: { event in
            guard case .step(let text) = event, text.contains("waiting for the previous intercept") else { return }
            // Its last bystander ends now.
            scene.server.change { cluster in
                var gone = pod
                gone["status"] = ["phase": "Succeeded"]
                cluster.put(gone)
            }
        }
        let membership = try await run.join()
        #expect(membership.session.incarnation != first.session.incarnation)
        #expect(try scene.session()?.phase == .active)
        #expect(try scene.session()?.routes.map(\.owner) == ["ada@laptop"])
        #expect(scene.texts.contains { $0.contains("--force") })
    }

    @Test("A hijack whose Session is gone is healed first", arguments: SessionKind.allCases)
    func wreck(kind: SessionKind) async throws {
        let scene = Scene(kind)
        let first = try await scene.run(owner: "bob@desk").join()
        let swapped = try scene.service.json.applying(ServiceSwap(first.session).hijack(scene.service))
        scene.server.change { _ = $0.put(DynamicObject(swapped)) }
        try await scene.client.resources(kind.type).delete(Scene.names.session)
        let membership = try await scene.run().join()
        #expect(membership.session.original.selector == ["app": "leaf"])
        #expect(scene.server.cluster[.services, "shop", "leaf"]?[path: "spec", "selector"] == ["app": "leaf"])
    }

    @Test(
        "A creation whose answers never came, or a patch whose answer did not, is taken back",
        .timeLimit(.minutes(5)),
        arguments: SessionKind.allCases,
        [false, true]
    )
    func outcomeUnknown(kind: SessionKind, isSecond: Bool) async throws {
        let scene = Scene(kind)
        if isSecond { _ = try await scene.run(owner: "bob@desk", match: "X-Dev:bob").join() }
        let once = Once()
        scene.server.setFault { request in
            guard request.segments.contains(kind.type.plural) else { return nil }
            // A creation is looked at and tried again; a patch is not.
            return request.method == .post || (request.method == .patch && isSecond && once.take()) ? .answerLost : nil
        }
        await #expect(throws: KubernetesError.self) { try await scene.run().join() }
        #expect(try scene.session()?.routes.map(\.owner) == (isSecond ? ["bob@desk"] : nil))
        #expect(scene.server.cluster[.services, "shop", "leaf"]?["spec"] == scene.service["spec"])
    }

    @Test("Several ports need to be chosen from; names and numbers both do", arguments: SessionKind.allCases)
    func ports(kind: SessionKind) async throws {
        let scene = Scene(ports: [["name": "http", "port": 80], ["name": "admin", "port": 9_090]])
        let error = await #expect(throws: InterceptError.self) { try await scene.run(ports: []).join() }
        #expect(error?.message.contains("80 (http), 9090 (admin)") == true)
        let unknown = await #expect(throws: PlanningError.self) {
            try await scene.run(ports: [.init(remote: "grpc", local: 1)]).join()
        }
        #expect(unknown?.message.contains("80 (http), 9090 (admin)") == true)
        #expect(scene.writes.isEmpty)
        let both = try await scene.run(ports: [.init(remote: "80", local: 1), .init(remote: "admin", local: 2)]).join()
        #expect(both.localPorts == [80: 1, 9_090: 2])
    }
}

@Suite("A dry run")
struct DryRunTests {
    @Test("Writes nothing and tells all objects and the patch")
    func fresh() async throws {
        let scene = Scene()
        let plan = try await scene.run().dryRun()
        #expect(scene.writes.isEmpty)
        #expect(
            plan.objects.map(\.kind) == [
                "Session", "Service", "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Deployment",
            ]
        )
        #expect(plan.servicePatch.contains { $0.path == "/spec/selector" })
    }

    @Test("Tells the definition where it is missing, and writes nothing then either")
    func definition() async throws {
        let scene = Scene(hasDefinition: false)
        let plan = try await scene.run(change: { $0.replicas = 2 }).dryRun()
        #expect(scene.writes.isEmpty)
        #expect(plan.objects.first?.kind == "CustomResourceDefinition")
        #expect(plan.objects.contains { $0.kind == "PodDisruptionBudget" })
    }

    @Test("Is refused like a start, and writes nothing beside an intercept that is there")
    func refused() async throws {
        let scene = Scene()
        _ = try await scene.run().join()
        let before = scene.writes.count
        await #expect(throws: PlanningError.self) { try await scene.run(owner: "bob@desk").dryRun() }
        _ = try await scene.run(owner: "bob@desk", match: "X-Dev:bob").dryRun()
        #expect(scene.writes.count == before)
    }
}
