import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// Each bad input gets a clear error, and changes nothing.
extension InterceptEndToEndTests {
    struct BadInput: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var words: [String]
        var says: [String]

        init(_ name: String, _ words: String, says: String...) {
            self.testDescription = name
            self.words = words.split(separator: " ").map(String.init)
            self.says = says
        }
    }

    @Test(
        "Bad input gets a clear error and changes nothing",
        .timeLimit(.minutes(5)),
        arguments: [
            BadInput(
                "no such Service",
                "intercept nosuch -n shop -p 80:3000",
                says: "no service nosuch in namespace shop",
                "leaf"
            ),
            BadInput("headless", "intercept headless -n detour-bad -p 80:3000", says: "headless"),
            BadInput("ExternalName", "intercept external -n detour-bad -p 80:3000", says: "ExternalName"),
            BadInput("no selector", "intercept bare -n detour-bad -p 80:3000", says: "no selector"),
            BadInput("port not in the Service", "intercept leaf -n shop -p 81:3000", says: "no port 81", "80 (http)"),
            BadInput("header without a colon", "intercept leaf -n shop -p 80:3000 -x nonsense", says: "nonsense", ":"),
            BadInput("no local port number", "intercept leaf -n shop -p 80:http", says: "port"),
            BadInput("no such context", "intercept leaf -n shop -p 80:3000 --context nowhere", says: "nowhere"),
        ]
    )
    func badInput(input: BadInput) async throws {
        try await self.makeBadServices()
        let before = try await Cluster.snapshot("leaf")
        let inventories = try await [Cluster.inventory(of: "shop"), Cluster.inventory(of: "detour-bad")]
        let services = try await Cluster.kubectl("get", "services", "-n", "detour-bad", "-o", "json")
        let result = try await Shell.run(
            [Cluster.detour] + input.words,
            environment: try await Cluster.environment(),
            within: .seconds(20)
        )
        #expect(result.status != 0, "\(result)")
        for text in input.says { #expect(result.errors.contains(text), "\(result)") }
        #expect(result.output.isEmpty)
        #expect(try await Cluster.snapshot("leaf") == before)
        #expect(try await [Cluster.inventory(of: "shop"), Cluster.inventory(of: "detour-bad")] == inventories)
        #expect(try await Cluster.kubectl("get", "services", "-n", "detour-bad", "-o", "json") == services)
    }

    private func makeBadServices() async throws {
        let manifest = """
            {"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "detour-bad"}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "headless", "namespace": "detour-bad"},
             "spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 80}]}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "external", "namespace": "detour-bad"},
             "spec": {"type": "ExternalName", "externalName": "db.example"}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bare", "namespace": "detour-bad"},
             "spec": {"ports": [{"port": 80}]}}]}
            """
        let file = FileManager.default.temporaryDirectory.appending(path: "detour-bad-\(UUID().uuidString).json")
        try Data(manifest.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await Cluster.kubectl("apply", "-f", file.path())
    }

    @Test("An API server that cannot be reached, and credentials that are refused, are named", .timeLimit(.minutes(5)))
    func connection() async throws {
        let admin = try await Cluster.environment()["KUBECONFIG"] ?? ""
        let text = try String(contentsOfFile: admin, encoding: .utf8)
        let unreachable = FileManager.default.temporaryDirectory.appending(path: "kube-\(UUID().uuidString)")
        try Data(text.replacing(#/server: .*/#, with: "server: https://127.0.0.1:1").utf8).write(to: unreachable)
        defer { try? FileManager.default.removeItem(at: unreachable) }
        let lost = try await Shell.run(
            [Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:3000", "-k", unreachable.path()]
        )
        #expect(lost.status != 0)
        #expect(lost.errors.contains("https://127.0.0.1:1"), "\(lost)")

        let expired = try await Shell.must(Cluster.script, "user", "late", "--expired")
        let refused = try await Shell.run(
            [Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:3000", "-k", expired]
        )
        #expect(refused.status != 0)
        #expect(refused.errors.contains("late") || refused.errors.contains("expired"), "\(refused)")
    }

    @Test("A user without permission is told which verbs on what, and nothing changes", .timeLimit(.minutes(5)))
    func forbidden() async throws {
        let kubeconfig = try await Shell.must(Cluster.script, "user", "intern")
        let result = try await Shell.run(
            [Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:3000", "-k", kubeconfig]
        )
        #expect(result.status != 0)
        #expect(result.errors.contains("create, get, list, patch, watch services"), "\(result)")
        #expect(try await Cluster.residue(of: "leaf").isEmpty)
    }

    @Test(
        "An image that cannot be pulled: the event's text, the two image commands, and everything taken back",
        .timeLimit(.minutes(5))
    )
    func imagePull() async throws {
        let before = try await Cluster.snapshot("leaf")
        let result = try await Shell.run(
            [
                Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:3000", "--image",
                "registry.invalid/detour:none",
            ],
            environment: try await Cluster.environment(),
            within: .seconds(90)
        )
        #expect(result.status != 0)
        for text in ["registry.invalid/detour:none", "detour image push", "detour image save", "Failed to pull image"] {
            #expect(result.errors.contains(text), "\(result)")
        }
        #expect(try await Cluster.snapshot("leaf").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
    }

    @Test("A match already taken is refused and names its owner", .timeLimit(.minutes(5)))
    func matchTaken() async throws {
        let intercept = try await Intercepting.start(["--drain", "2s"])
        var environment = try await Cluster.environment()
        environment["USER"] = "bob"
        let second = try await Shell.run(
            [Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:3000", "-x", "X-C6O-INTERCEPT:yes"],
            environment: environment,
            within: .seconds(30)
        )
        #expect(second.status != 0)
        let owner = ProcessInfo.processInfo.environment["USER"] ?? NSUserName()
        #expect(second.errors.contains("\(owner)@"), "the owner is named: \(second)")
        #expect(second.errors.contains("already intercepts"), "\(second)")
        #expect(try await intercept.answeredBy(matching: false).hasPrefix("leaf/leaf-"))
        #expect(await intercept.stop() == 0)
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}
