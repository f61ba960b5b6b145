import Foundation
public import KubernetesModel

/// The real cluster that ring 4 runs on, and the demo shop in it.
public enum Cluster {
    /// Whether ring 4 was asked for; a skip is loud, and a failure in CI (see `RingFourTests`).
    public static var isThere: Bool { ProcessInfo.processInfo.environment["DETOUR_E2E"] == "1" }

    /// The release or debug binary under test.
    public static let detour =
        ProcessInfo.processInfo.environment["DETOUR_BINARY"] ?? "/\(Shell.root)/.build/release/detour"
    /// The project's own cluster script.
    public static let script = "/\(Shell.root)/scripts/cluster"

    /// One of the demo's programs, as `scripts/with-cluster` names it.
    public static func program(_ variable: String) throws -> String {
        guard let path = ProcessInfo.processInfo.environment[variable] else {
            throw ShellFailure(description: "\(variable) is not set: run this by scripts/with-cluster")
        }
        return path
    }

    /// kubectl as administrator.
    @discardableResult
    public static func kubectl(_ words: String...) async throws -> String {
        try await self.kubectl(words)
    }

    /// kubectl as administrator.
    @discardableResult
    public static func kubectl(_ words: [String]) async throws -> String {
        let result = try await Shell.run([self.script, "kubectl"] + words)
        guard result.status == 0 else {
            throw ShellFailure(description: "kubectl \(words.joined(separator: " ")): \(result)")
        }
        return result.text
    }

    /// The environment in which `detour` finds the cluster.
    public static func environment() async throws -> [String: String] {
        ["KUBECONFIG": try await Shell.must(self.script, "kubeconfig")]
    }

    /// A Service reached from this machine, as `http://127.0.0.1:PORT`.
    public static func url(_ service: String, _ port: Int) async throws -> String {
        try await Shell.must(self.script, "expose", service, String(port))
    }

    /// A Service's JSON less what every write changes.
    public static func snapshot(_ service: String, in namespace: String = "shop") async throws -> JSONValue {
        var json = try JSONValue(
            parsing: try await self.kubectl("get", "service", service, "-n", namespace, "-o", "json")
        )
        json["metadata"]?["managedFields"] = nil
        json["metadata"]?["resourceVersion"] = nil
        return json
    }

    /// The kinds of all that an intercept could change in a namespace, as `kubectl get` takes them.
    private static func kinds() async throws -> String {
        let always = "service,deployment,configmap,serviceaccount,role,rolebinding,poddisruptionbudget"
        // Asks the server anew, where `get` believes what it was told minutes ago.
        let own = try await self.kubectl("api-resources", "--api-group=detour.dev", "-o", "name")
        return own.isEmpty ? always : "session,\(always)"
    }

    /// The names of all that an intercept could change in a namespace, and of other kinds that are asked for.
    public static func inventory(of namespace: String, with others: [String] = []) async throws -> String {
        return try await self.kubectl(
            "get",
            ([try await self.kinds()] + others).joined(separator: ","),
            "-n",
            namespace,
            "-o",
            "name",
            "--ignore-not-found"
        )
    }

    /// The names of everything an intercept makes that is still there.
    ///
    /// - Parameter butEnding: leaves out Pods that were deleted and that the kubelet has not ended yet, and what only Pods own:
    ///   the garbage collector takes that with the last of them.
    public static func residue(
        of service: String,
        in namespace: String = "shop",
        butEnding: Bool = false
    ) async throws -> [String] {
        let fields = "{.kind}/{.metadata.name}|{.metadata.deletionTimestamp}|{.metadata.ownerReferences[*].kind}"
        let found = try await self.kubectl(
            "get",
            "\(try await self.kinds()),pod",
            "-n",
            namespace,
            "-o",
            "jsonpath={range .items[*]}\(fields){\"\\n\"}{end}",
            "--ignore-not-found"
        )
        let ours = ["interceptor-\(service)", "intercept-\(namespace)-\(service)"]
        var names: [String] = []
        for line in found.split(separator: "\n") {
            let parts = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, ours.contains(where: { parts[0].contains($0) }) else { continue }
            let isPod = parts[0].hasPrefix("Pod/")
            let owners = Set(parts[2].split(separator: " "))
            if butEnding, isPod ? !parts[1].isEmpty : owners == ["Pod"] { continue }
            names.append(isPod ? "pod/\(parts[0].dropFirst(4))" : parts[0])
        }
        return names
    }

    /// Waits until all of an intercept is gone; says what is left, and what its Pods have to say, when it is not.
    ///
    /// The default is generous because a kubelet of Kubernetes 1.20 was seen to take half a minute to remove a Pod whose
    /// containers had ended.
    public static func nothingIsLeft(
        of service: String,
        in namespace: String = "shop",
        within limit: Duration = .seconds(90),
        every pause: Duration = .milliseconds(100),
        butEnding: Bool = false
    ) async throws {
        do {
            try await self.eventually("nothing is left", within: limit, every: pause) {
                try await self.residue(of: service, in: namespace, butEnding: butEnding).isEmpty
            }
        } catch let failure as ShellFailure {
            let left = try await self.residue(of: service, in: namespace, butEnding: butEnding)
            var report = [failure.description, "left: \(left)"]
            for pod in left where pod.hasPrefix("pod/") {
                let words = ["-n", namespace, pod]
                let status = try? await self.kubectl(["get", "-o", "jsonpath={.metadata}{.status}"] + words)
                let log = try? await self.kubectl(["logs", "--tail", "40"] + words)
                report += [status ?? "", log ?? ""]
            }
            throw ShellFailure(description: report.joined(separator: "\n"))
        }
    }

    /// The version in which this cluster has evictions and disruption budgets.
    public static func policyVersion() async throws -> String {
        let versions = try await self.kubectl("api-versions").split(separator: "\n")
        return versions.contains("policy/v1") ? "policy/v1" : "policy/v1beta1"
    }

    /// Evicts a Pod as a node drain does: asked again for as long as a disruption budget forbids it.
    public static func evict(_ pod: String, in namespace: String, within limit: Duration = .seconds(60)) async throws {
        let name = pod.replacing("pod/", with: "")
        let eviction: JSONValue = [
            "apiVersion": .string(try await self.policyVersion()), "kind": "Eviction",
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
        ]
        let file = FileManager.default.temporaryDirectory.appending(path: "eviction-\(UUID().uuidString).json")
        try Data(eviction.compact.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await self.eventually("\(pod) may be evicted", within: limit, every: .milliseconds(500)) {
            let path = "/api/v1/namespaces/\(namespace)/pods/\(name)/eviction"
            let result = try await Shell.run(self.script, "kubectl", "create", "--raw", path, "-f", file.path())
            guard result.status != 0 else { return true }
            guard result.errors.contains("disruption budget") else {
                throw ShellFailure(description: "evicting \(pod): \(result)")
            }
            return false
        }
    }

    /// Waits until a condition holds.
    public static func eventually(
        _ what: String,
        within limit: Duration,
        every pause: Duration = .milliseconds(100),
        _ condition: () async throws -> Bool
    ) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        while try await !condition() {
            guard clock.now < deadline else { throw ShellFailure(description: "not within \(limit): \(what)") }
            try await Task.sleep(for: pause)
        }
    }
}
