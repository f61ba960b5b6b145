import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Testing

@testable import Intercept

@Suite("Installing into a cluster")
struct InstallerTests {
    private let server = ModelAPIServer()

    private func subject(_ name: String) throws -> Subject { try #require(Subject(.user, name)) }

    private func shop(_ users: String...) throws -> Installation {
        .namespace("shop", subjects: try users.map(self.subject), services: [])
    }

    /// Installs, and says what became of each object.
    @discardableResult
    private func install(_ installation: Installation) async throws -> [InstallStep] {
        var policy = RetryPolicy()
        policy.sleep = { _ in }
        let client = KubernetesClient(transport: self.server, namespace: "elsewhere", policy: policy)
        var steps: [InstallStep] = []
        try await Installer(client: client, installation: installation).run { steps.append($0) }
        return steps
    }

    private var writes: Int {
        self.server.requests.count {
            $0.method != .get && $0.segments.last != ResourceType.selfSubjectAccessReviews.plural
        }
    }

    @Test("What is missing is made, once: the second time nothing is written")
    func idempotent() async throws {
        for installation in [Installation.cluster, try self.shop("ada")] {
            let first = try await self.install(installation)
            #expect(first.map(\.outcome) == [.created, .created])
            let written = self.writes
            let second = try await self.install(installation)
            #expect(second.map(\.outcome) == [.unchanged, .unchanged])
            #expect(self.writes == written)
        }
        #expect(self.server.cluster[.roles, "shop", Installation.roleName]?["rules"] != nil)
        #expect(self.server.cluster[.clusterRoles, nil, Installation.roleName]?["rules"] != nil)
        #expect(self.server.cluster[.roles, "elsewhere", Installation.roleName] == nil)
    }

    @Test("What differs is changed and told; labels and fields of others stay")
    func changed() async throws {
        try await self.install(try self.shop("ada"))
        self.server.change { cluster in
            var role = cluster[.roles, "shop", Installation.roleName] ?? DynamicObject([:])
            role["rules"] = [["apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]]]
            role["metadata"]?["labels"]?["team"] = "web"
            cluster.put(role)
        }
        let steps = try await self.install(try self.shop("bob"))
        #expect(steps.map(\.outcome) == [.changed, .changed])
        #expect(steps[1].differences.map(\.description) == [#"/subjects/0/name: "ada" → "bob""#])
        let role = self.server.cluster[.roles, "shop", Installation.roleName]
        #expect(role?["rules"] == (try self.shop("bob").items.first?.manifest["rules"]))
        #expect(role?.labels["team"] == "web")
    }

    @Test("A definition with the server's defaults in it is as it should be; one of an older program is changed")
    func definition() async throws {
        var definition = SessionDefinition.manifest
        definition["spec"]?["conversion"] = ["strategy": "None"]
        self.server.change { [definition] in _ = $0.put(definition) }
        #expect(try await self.install(.cluster).map(\.outcome) == [.unchanged, .created])
        self.server.change { [definition] cluster in
            var old = cluster[.customResourceDefinitions, nil, SessionDefinition.manifest.name] ?? definition
            old["spec"]?["versions"] = []
            cluster.put(old)
        }
        #expect(try await self.install(.cluster).map(\.outcome) == [.changed, .unchanged])
        let now = self.server.cluster[.customResourceDefinitions, nil, SessionDefinition.manifest.name]
        #expect(now?["spec"] == definition["spec"])
    }

    @Test("All that the user may not do is named before anything is written")
    func forbidden() async throws {
        self.server.change { $0.forbidden = ["create customresourcedefinitions", "get clusterroles"] }
        let error = await #expect(throws: InterceptError.self) { try await self.install(.cluster) }
        #expect(error?.code == .forbidden)
        let message = error?.message ?? ""
        #expect(message.contains("create customresourcedefinitions.apiextensions.k8s.io; get clusterroles.rbac."))
        #expect(message.contains("--dry-run"))
        #expect(self.writes == 0)
    }

    @Test("A change is asked for as a change, not as a creation")
    func forbiddenChange() async throws {
        try await self.install(try self.shop("ada"))
        self.server.change { $0.forbidden = ["create rolebindings", "patch rolebindings"] }
        #expect(try await self.install(try self.shop("ada")).map(\.outcome) == [.unchanged, .unchanged])
        let error = await #expect(throws: InterceptError.self) { try await self.install(try self.shop("bob")) }
        #expect(error?.message.contains("you may not patch rolebindings.rbac.authorization.k8s.io (") == true)
    }

    @Test("Verbs that the user lacks himself are refused in the server's words")
    func escalation() async throws {
        let words = "user \"eve\" is attempting to grant RBAC permissions not currently held"
        self.server.setFault {
            guard $0.method == .post, $0.segments.last == "roles" else { return nil }
            return .answer(403, reason: "Forbidden", message: words)
        }
        let error = await #expect(throws: InterceptError.self) { try await self.install(try self.shop("ada")) }
        #expect(error?.code == .forbidden)
        #expect(error?.message.contains(words) == true)
        #expect(error?.message.contains("Role detour-intercept in namespace shop") == true)
    }

    @Test("A namespace that is not there is named")
    func noNamespace() async throws {
        self.server.setFault {
            $0.method == .post && $0.segments.last == "roles"
                ? .answer(404, reason: "NotFound", message: "namespaces \"shop\" not found") : nil
        }
        let error = await #expect(throws: InterceptError.self) { try await self.install(try self.shop()) }
        #expect(error?.code == .noSuchService)
        #expect(error?.message.contains("namespaces \"shop\" not found") == true)
    }

    @Test("An object of that name that somebody else made, or that is going, is left alone", arguments: [false, true])
    func foreign(isGoing: Bool) async throws {
        var role = try #require(try self.shop().items.first).manifest
        role["rules"] = []
        if isGoing {
            role["metadata"]?["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        } else {
            role["metadata"]?["labels"] = nil
        }
        self.server.change { [role] in _ = $0.put(role) }
        let error = await #expect(throws: PlanningError.self) { try await self.install(try self.shop("ada")) }
        #expect(error?.code == .foreignObject)
        #expect(error?.message.contains(isGoing ? "being deleted" : "managed-by=detour") == true)
        #expect(self.writes == 0)
    }

    @Test("What an intercept that goes on has made for itself is left alone")
    func inUse() async throws {
        let installation = Installation.namespace("shop", subjects: [], services: ["leaf"], preparesInterceptors: true)
        var account = try #require(installation.items.first { $0.type == .serviceAccounts }).manifest
        account["metadata"]?["labels"]?[Marks.installedLabel] = nil
        account["metadata"]?["ownerReferences"] = [["kind": "Session", "uid": "u"]]
        self.server.change { [account] in _ = $0.put(account) }
        let error = await #expect(throws: PlanningError.self) { try await self.install(installation) }
        #expect(error?.message.contains("intercept that goes on") == true)
        #expect(self.writes == 0)
    }

    @Test("Two administrators at once: who lost the race looks again", arguments: ["create", "patch"])
    func race(verb: String) async throws {
        if verb == "patch" { try await self.install(try self.shop("eve")) }
        let wanted = try self.shop("ada")
        let once = Once()
        self.server.setFault { request in
            guard request.segments.contains("rolebindings"), request.method == (verb == "patch" ? .patch : .post),
                once.take()
            else { return nil }
            return .answer(409, reason: verb == "patch" ? "Conflict" : "AlreadyExists", message: "somebody was faster")
        }
        let steps = try await self.install(wanted)
        #expect(steps.last?.outcome == (verb == "patch" ? .changed : .created))
        let binding = self.server.cluster[.roleBindings, "shop", Installation.roleName]
        #expect(binding?["subjects"] == wanted.items.last?.manifest["subjects"])
        // What makes a server tell of a race: the version that was judged goes with the change.
        let patches = self.server.requests.filter { $0.method == .patch }
        #expect(patches.allSatisfy { $0.body?[path: "metadata", "resourceVersion"]?.string?.isEmpty == false })
        #expect(patches.isEmpty == (verb != "patch"))
    }

    @Test("A race that never ends is an error, not a loop")
    func endlessRace() async throws {
        self.server.setFault {
            $0.method == .post && $0.segments.last == "roles"
                ? .answer(409, reason: "AlreadyExists", message: "somebody was faster") : nil
        }
        await #expect(throws: KubernetesError.self) { try await self.install(try self.shop()) }
    }
}
