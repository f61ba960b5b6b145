import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// The shop's leaf in a namespace of its own, and a user without rights.
struct RoleScene: Sendable {
    let leaf: OwnLeaf
    /// Whom `detour install` is told of.
    let user: String
    let kubeconfig: String
    let local: RunningProcess
    let port: Int
    /// What the administrator says to `detour install` beside the user, all of it each time.
    let flags: [String]

    var namespace: String { self.leaf.namespace }

    /// Runs a test on such a scene; the namespace goes however that ends.
    static func with(
        _ namespace: String,
        flags: [String] = [],
        _ body: (RoleScene) async throws -> Void
    ) async throws {
        // One for each scene, for several may be made at once.
        let user = "user-of-\(namespace)"
        let kubeconfig = try await Shell.must(Cluster.script, "user", user)
        let (local, port) = try await LocalLeaf.start()
        defer { local.signal(SIGKILL) }
        try await OwnLeaf.with(namespace) { leaf in
            try await body(
                RoleScene(leaf: leaf, user: user, kubeconfig: kubeconfig, local: local, port: port, flags: flags)
            )
        }
    }

    /// `detour install` for the user as the administrator; the last time changes nothing.
    func install(_ more: String...) async throws {
        try await Self.install(["-n", self.namespace, "--user", self.user] + self.flags + more)
    }

    /// `detour install` as the administrator, more than once.
    static func install(_ words: [String]) async throws {
        let environment = try await Cluster.environment()
        let result = try await Shell.run([Cluster.detour, "install"] + words, environment: environment)
        #expect(result.status == 0, "\(result)")
        let again = try await Shell.run(
            [Cluster.detour, "install"] + words + ["-o", "json"],
            environment: environment
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
        let install = try await self.detour("install", "--user", self.user)
        #expect(install.status != 0 && install.errors.contains("you may not"), "\(install)")
        #expect(try await Cluster.inventory(of: self.namespace) == before)
    }

    /// Takes the definition of Sessions out of the cluster, in which nobody else intercepts now: these tests run alone.
    static func withoutDefinition(_ body: () async throws -> Void) async throws {
        let others = try await Cluster.kubectl("get", "sessions", "-A", "-o", "name")
        #expect(others.isEmpty, "the definition is in use: \(others)")
        try await Cluster.kubectl("delete", "crd", "sessions.detour.dev")
        do {
            try await Cluster.eventually("the API server forgets Sessions", within: .seconds(30)) {
                try await Shell.run(Cluster.script, "kubectl", "get", "--raw", "/apis/detour.dev/v1").status != 0
            }
            try await body()
        } catch {
            try await self.define()
            throw error
        }
        try await self.define()
    }

    /// Puts the definition back.
    private static func define() async throws {
        try await self.install(["--cluster"])
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

    /// Waits until nothing of an intercept is left but what an administrator has made, and Pods that are ending.
    func nothingIsLeft(of service: String = "leaf", within limit: Duration = .seconds(90)) async throws {
        let words = ["-n", self.namespace, "-l", "detour.dev/installed", "-o"]
        let names = ["jsonpath={range .items[*]}{.kind}/{.metadata.name}{\"\\n\"}{end}"]
        let kept = try await Cluster.kubectl(["get", "serviceaccount,role,rolebinding"] + words + names)
            .split(separator: "\n").map(String.init)
        try await Cluster.eventually("nothing is left", within: limit) {
            try await Cluster.residue(of: service, in: self.namespace, butEnding: true)
                .filter { !kept.contains($0) }.isEmpty
        }
    }

    func mayDelete(_ kind: String) async throws -> Bool {
        let words = ["auth", "can-i", "delete", kind, "-n", self.namespace, "--as", self.user]
        return try await Shell.run([Cluster.script, "kubectl"] + words).text == "yes"
    }

    /// An intercept of the user's, or of somebody's who has the same rights, that has just begun.
    func launch(_ flags: [String], of service: String = "leaf", by name: String? = nil) throws -> RunningProcess {
        var environment = ["KUBECONFIG": self.kubeconfig]
        if let name { environment["USER"] = name }
        let words = [Cluster.detour, "intercept", service, "-n", self.namespace]
        return try RunningProcess(
            words + (flags.contains("-p") ? [] : ["-p", "80:\(self.port)"]) + flags,
            environment: environment
        )
    }

    /// The same, ready.
    func intercept(
        _ flags: [String],
        of service: String = "leaf",
        by name: String? = nil
    ) async throws -> RunningProcess {
        let process = try self.launch(flags, of: service, by: name)
        do {
            try await process.says("ready:", within: .seconds(90))
        } catch {
            process.signal(SIGKILL)
            throw error
        }
        return process
    }
}
