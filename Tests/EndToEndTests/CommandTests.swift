import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// What a user types besides `intercept` and Ctrl-C.
extension InterceptEndToEndTests {
    private func detour(_ words: String...) async throws -> ShellResult {
        try await Shell.run([Cluster.detour] + words, environment: try await Cluster.environment())
    }

    @Test("A dry run tells what it would do, as data too, and changes nothing", .timeLimit(.minutes(5)))
    func dryRun() async throws {
        let before = try await Cluster.inventory(of: "shop")
        let service = try await Cluster.snapshot("leaf")
        let result = try await self.detour(
            "intercept",
            "leaf",
            "-n",
            "shop",
            "-p",
            "80:3000",
            "--dry-run",
            "-o",
            "json"
        )
        #expect(result.status == 0, "\(result)")
        let told = try JSONValue(parsing: result.output).compact
        for text in ["interceptor-leaf-decoy", "intercept-shop-leaf", "/spec/selector"] {
            #expect(told.contains(text), "\(text) in \(told)")
        }
        #expect(try await Cluster.inventory(of: "shop") == before)
        #expect(try await Cluster.snapshot("leaf") == service)
    }

    @Test(
        "While the local port is closed the original answers, once it opens this machine does; session list, show, close --all",
        .timeLimit(.minutes(5))
    )
    func localPort() async throws {
        let before = try await Cluster.snapshot("leaf")
        let frontend = try await Cluster.url("shop/frontend", 80)
        let (placeholder, port) = try await LocalLeaf.start()
        placeholder.signal(SIGKILL)
        _ = await placeholder.ended()
        let detour = try RunningProcess(
            [Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:\(port)", "--drain", "2s"],
            environment: try await Cluster.environment()
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        #expect(detour.errors.contains("nothing listens on port \(port)"))
        for _ in 0..<10 { #expect(try await Shop.answeredBy(frontend, matching: true).hasPrefix("leaf/leaf-")) }

        let (local, _) = try await LocalLeaf.start(port: port)
        defer { local.signal(SIGKILL) }
        try await Cluster.eventually("this machine answers", within: .seconds(25)) {
            try await Shop.answeredBy(frontend, matching: true) == "leaf/laptop"
        }

        let list = try await self.detour("session", "list", "-n", "shop")
        #expect(list.output.contains("leaf") && list.output.contains("x-c6o-intercept: yes"), "\(list)")
        let show = try await self.detour("session", "show", "leaf", "-n", "shop", "-o", "json")
        let session = try JSONValue(parsing: show.output)
        #expect(session[path: "spec", "phase"] == "Active")
        #expect(session[path: "spec", "restore-service", "ops"]?.array?.count == 2)

        let close = try await self.detour("session", "close", "--all", "-n", "shop")
        #expect(close.status == 0, "\(close)")
        #expect(await detour.ended() != 0, "its intercept was ended by somebody else")
        #expect(detour.errors.contains("closed the session"), "\(detour.errors)")
        #expect(try await Cluster.snapshot("leaf").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
        let none = try await self.detour("session", "list", "-n", "shop")
        #expect(none.errors.contains("no sessions in namespace shop"), "\(none)")
    }

    @Test(
        "--close ends it, and so does session close --force",
        .timeLimit(.minutes(5)),
        arguments: ["intercept leaf -n shop --close", "session close leaf -n shop --force"]
    )
    func closing(line: String) async throws {
        let intercept = try await Intercepting.start()
        defer { intercept.kill() }
        let words = line.split(separator: " ").map(String.init)
        let result = try await Shell.run([Cluster.detour] + words, environment: try await Cluster.environment())
        #expect(result.status == 0, "\(result)")
        #expect(await intercept.detour.ended() != 0)
        #expect(try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
    }

    @Test("The verbs that the documentation names are enough", .timeLimit(.minutes(5)))
    func documentedVerbs() async throws {
        let name = "intercepting-developer"
        let kubeconfig = try await Shell.must(Cluster.script, "user", name)
        let group = "rbac.authorization.k8s.io"
        let metadata: JSONValue = ["name": .string(name), "namespace": "shop"]
        let role: JSONValue = [
            "apiVersion": .string("\(group)/v1"), "kind": "Role", "metadata": metadata,
            "rules": .array(try Self.documentedRules()),
        ]
        let binding: JSONValue = [
            "apiVersion": .string("\(group)/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": ["apiGroup": .string(group), "kind": "Role", "name": .string(name)],
            "subjects": [["apiGroup": .string(group), "kind": "User", "name": .string(name)]],
        ]
        let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": [role, binding]]
        let file = FileManager.default.temporaryDirectory.appending(path: "role-\(UUID().uuidString).json")
        try Data(list.compact.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await Cluster.kubectl("apply", "-f", file.path())

        let intercept = try await Intercepting.start(["--drain", "2s", "-k", kubeconfig])
        defer { intercept.kill() }
        try await intercept.untilDiverted()
        #expect(await intercept.stop() == 0, "\(intercept.detour.errors)")
        #expect(try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
        try await Cluster.kubectl("delete", "-f", file.path())
    }

    /// The table of verbs in docs/intercept.md, less what only an administrator needs, or nobody.
    private static func documentedRules() throws -> [JSONValue] {
        let page = try String(contentsOfFile: "/\(Shell.root)/docs/intercept.md", encoding: .utf8)
        let table = page.components(separatedBy: "| verbs | on |").last?.components(separatedBy: "\n\n").first ?? ""
        var rules: [JSONValue] = []
        for line in table.split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 2, !cells[0].hasPrefix("-"), !cells[0].contains("where you may"),
                !cells[1].contains("customresourcedefinitions")
            else { continue }
            for name in cells[1].components(separatedBy: ", ") {
                let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
                let words = parts[0].split(separator: ".", maxSplits: 1).map(String.init)
                rules.append([
                    "apiGroups": [.string(words.count > 1 ? words[1] : "")],
                    "resources": [.string(([words[0]] + parts.dropFirst()).joined(separator: "/"))],
                    "verbs": .array(cells[0].components(separatedBy: ", ").map { .string($0) }),
                ])
            }
        }
        return rules
    }
}
