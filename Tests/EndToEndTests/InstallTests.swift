import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// Everything under exactly the permissions that `detour install` gives, on a Service of a namespace of its own.
extension InterceptEndToEndTests {
    @Test(
        "Who has nothing but the installed Role intercepts, lists, explains and closes, and leaves nothing",
        .timeLimit(.minutes(5)),
        arguments: ["sessions.detour.dev", "configmaps"]
    )
    func installedRole(kind: String) async throws {
        try await self.installed(kind, [])
    }

    @Test(
        "The same where what interceptors run as was made once: it stays, and nothing else",
        .timeLimit(.minutes(5))
    )
    func installedIdentity() async throws {
        // With the least that can be had; what the kind of Session changes, the test above shows.
        try await self.installed("configmaps", ["--interceptors"])
    }

    private func installed(_ kind: String, _ more: [String]) async throws {
        let namespace = "detour-role"
        let place = try await RoleScene(namespace)
        do {
            if kind == "configmaps" { try await place.forgetDefinition() } else { try await place.install("--cluster") }
            try await place.unprivileged()
            let flags = (kind == "configmaps" ? ["--config-maps"] : []) + more
            try await place.install(["-n", namespace, "--user", RoleScene.user, "--service", "leaf"] + flags)
            try await self.wholeLife(place, kind)
            try await self.laptopDies(place, flags, hasIdentity: !more.isEmpty)
        } catch {
            try await place.remove()
            throw error
        }
        try await place.remove()
    }

    /// Intercept, list, show, explain, doctor, close; then the same once more, ended by Ctrl-C.
    private func wholeLife(_ place: RoleScene, _ kind: String) async throws {
        let before = try await Cluster.snapshot("leaf", in: place.namespace)
        let intercept = try await place.intercept(["--drain", "5s"])
        defer { intercept.signal(SIGKILL) }
        let held = try await Cluster.kubectl("get", kind, "-n", place.namespace, "-o", "name")
        #expect(held.contains("intercept-\(place.namespace)-leaf"), "\(held)")
        try await Cluster.eventually("matching requests are answered by the laptop", within: .seconds(25)) {
            try await place.answeredBy(matching: true) == "leaf/laptop"
        }
        #expect(try await place.answeredBy(matching: false).hasPrefix("leaf/leaf-"))

        let list = try await place.detour("session", "list", "-o", "json")
        #expect(try JSONValue(parsing: list.output)[0]?[path: "spec", "phase"] == "Active", "\(list)")
        #expect(try await place.detour("session", "show", "leaf").output.contains("fingerprint"))
        let explained = try await place.detour("explain", "leaf", "-H", "X-C6O-INTERCEPT:yes", "-o", "json")
        #expect(try JSONValue(parsing: explained.output)["route"]?.string != nil, "\(explained)")
        #expect(try await place.detour("doctor", "leaf").status == 0)

        let closed = try await place.detour("session", "close", "leaf")
        #expect(closed.status == 0, "\(closed)")
        #expect(await intercept.ended() != 0, "the command says that its intercept was ended")
        #expect(try await Cluster.snapshot("leaf", in: place.namespace).differences(from: before).isEmpty)
        try await place.nothingIsLeft()

        let again = try await place.intercept(["--drain", "5s"])
        again.signal(SIGINT)
        #expect(await again.ended() == 0, "\(again.errors)")
        #expect(try await Cluster.snapshot("leaf", in: place.namespace).differences(from: before).isEmpty)
        try await place.nothingIsLeft()
    }

    /// Without the Service's name the Role deletes Sessions only; the garbage collector does the rest. What interceptors
    /// run as, where that was made once, is of a Service that is named.
    private func laptopDies(_ place: RoleScene, _ flags: [String], hasIdentity: Bool) async throws {
        if !hasIdentity { try await place.install(["-n", place.namespace, "--user", RoleScene.user] + flags) }
        #expect(try await place.mayDelete("deployment") == false)
        let before = try await Cluster.snapshot("leaf", in: place.namespace)
        let intercept = try await place.intercept(["--ttl", "6s", "--drain", "5s"])
        intercept.signal(SIGKILL)
        try await Cluster.eventually("the cluster restores itself", within: .seconds(25)) {
            try await Cluster.snapshot("leaf", in: place.namespace).differences(from: before).isEmpty
        }
        try await place.nothingIsLeft(within: .seconds(150))
        if hasIdentity { #expect(try await Cluster.residue(of: "leaf", in: place.namespace).count == 3) }
    }
}

/// A copy of the shop's leaf in a namespace of its own, and a user without rights.
private struct RoleScene: Sendable {
    static let user = "installed"

    let namespace: String
    let kubeconfig: String
    let local: RunningProcess
    let port: Int
    let url: String

    init(_ namespace: String) async throws {
        self.namespace = namespace
        self.kubeconfig = try await Shell.must(Cluster.script, "user", Self.user)
        try await Cluster.kubectl("create", "namespace", namespace)
        let shop = try await Cluster.kubectl("get", "deployment,service", "leaf", "-n", "shop", "-o", "json")
        var items = try JSONValue(parsing: shop)["items"]?.array ?? []
        for index in items.indices {
            items[index]["metadata"] = ["name": "leaf", "namespace": .string(namespace)]
            items[index]["status"] = nil
            for key in ["clusterIP", "clusterIPs"] { items[index]["spec"]?[key] = nil }
            if items[index]["kind"] == "Deployment" { items[index]["spec"]?["replicas"] = 1 }
        }
        let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(items)]
        let file = FileManager.default.temporaryDirectory.appending(path: "role-\(UUID().uuidString).json")
        try Data(list.compact.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await Cluster.kubectl("apply", "-f", file.path())
        try await Cluster.kubectl("rollout", "status", "deployment/leaf", "-n", namespace, "--timeout=60s")
        self.url = try await Cluster.url("\(namespace)/leaf", 80)
        (self.local, self.port) = try await LocalLeaf.start()
    }

    /// `detour install` as the administrator; twice, for the second time changes nothing.
    func install(_ words: String...) async throws {
        try await self.install(words)
    }

    func install(_ words: [String]) async throws {
        for _ in 0..<2 {
            let result = try await Shell.run(
                [Cluster.detour, "install"] + words,
                environment: try await Cluster.environment()
            )
            #expect(result.status == 0, "\(result)")
        }
        let again = try await Shell.run(
            [Cluster.detour, "install"] + words + ["-o", "json"],
            environment: try await Cluster.environment()
        )
        let outcomes = (try JSONValue(parsing: again.output).array ?? []).compactMap { $0["outcome"]?.string }
        #expect(!outcomes.isEmpty && outcomes.allSatisfy { $0 == "unchanged" }, "\(again)")
    }

    /// Before anything is installed the user is told what is missing, and changes nothing.
    func unprivileged() async throws {
        let before = try await Cluster.inventory(of: self.namespace)
        let refused = try await self.detour("intercept", "leaf", "-p", "80:\(self.port)")
        #expect(refused.status != 0)
        #expect(refused.errors.contains("detour install -n \(self.namespace)"), "\(refused)")
        let install = try await self.detour("install", "--user", Self.user)
        #expect(install.status != 0 && install.errors.contains("you may not"), "\(install)")
        #expect(try await Cluster.inventory(of: self.namespace) == before)
    }

    /// Takes the definition of Sessions out of the cluster, in which nobody else intercepts now: the suite is serialized.
    func forgetDefinition() async throws {
        let others = try await Cluster.kubectl("get", "sessions", "-A", "-o", "name")
        #expect(others.isEmpty, "the definition is in use: \(others)")
        try await Cluster.kubectl("delete", "crd", "sessions.detour.dev")
        try await Cluster.eventually("the API server forgets Sessions", within: .seconds(30)) {
            try await Shell.run(Cluster.script, "kubectl", "get", "--raw", "/apis/detour.dev/v1").status != 0
        }
    }

    /// Puts everything back, the definition too.
    func remove() async throws {
        self.local.signal(SIGKILL)
        try await Cluster.kubectl("delete", "namespace", self.namespace, "--timeout=120s")
        let result = try await Shell.run(
            [Cluster.detour, "install", "--cluster"],
            environment: try await Cluster.environment()
        )
        #expect(result.status == 0, "\(result)")
        try await Cluster.kubectl("wait", "--for=condition=Established", "crd/sessions.detour.dev", "--timeout=30s")
        try await Cluster.kubectl("delete", "clusterrole", "detour-intercept", "--ignore-not-found")
    }

    /// The user's own command, in the namespace.
    func detour(_ words: String...) async throws -> ShellResult {
        try await Shell.run(
            [Cluster.detour] + words + ["-n", self.namespace],
            environment: ["KUBECONFIG": self.kubeconfig]
        )
    }

    /// Waits until nothing of an intercept is left but what an administrator has made.
    func nothingIsLeft(within limit: Duration = .seconds(90)) async throws {
        let kept = try await Cluster.kubectl(
            "get",
            "serviceaccount,role,rolebinding",
            "-n",
            self.namespace,
            "-l",
            "detour.dev/installed",
            "-o",
            "jsonpath={range .items[*]}{.kind}/{.metadata.name}{\"\\n\"}{end}"
        )
        .split(separator: "\n").map(String.init)
        try await Cluster.eventually("nothing is left", within: limit) {
            try await Cluster.residue(of: "leaf", in: self.namespace).filter { !kept.contains($0) }.isEmpty
        }
    }

    func mayDelete(_ kind: String) async throws -> Bool {
        let words = ["auth", "can-i", "delete", kind, "-n", self.namespace, "--as", Self.user]
        return try await Shell.run([Cluster.script, "kubectl"] + words).text == "yes"
    }

    /// The user's intercept, ready.
    func intercept(_ flags: [String]) async throws -> RunningProcess {
        let words = [Cluster.detour, "intercept", "leaf", "-n", self.namespace, "-p", "80:\(self.port)"]
        let process = try RunningProcess(words + flags, environment: ["KUBECONFIG": self.kubeconfig])
        do {
            try await process.says("ready:", within: .seconds(90))
        } catch {
            process.signal(SIGKILL)
            throw error
        }
        return process
    }

    /// Who answers one request to the Service.
    func answeredBy(matching: Bool) async throws -> String {
        try await Shop.answeredBy(self.url, matching: matching)
    }
}
