import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// Users each of whom lacks one verb of the Role that `detour install` makes.
struct VerbByVerb: Sendable {
    let leaf: OwnLeaf
    /// The administrator's kubeconfig, as JSON.
    private let config: JSONValue

    init(leaf: OwnLeaf) async throws {
        self.leaf = leaf
        let words = ["config", "view", "--raw", "--minify", "-o", "json"]
        self.config = try JSONValue(parsing: try await Cluster.kubectl(words))
    }

    /// A verb on a resource, and the name of the user who lacks it.
    private struct Lack: Sendable {
        var user: String
        var verb: String
        var resource: String
        var rules: [JSONValue]
        /// What an intercept does without: it is told where it is missed, and by the documentation.
        var isHelpful: Bool

        /// As the doctor names it.
        var text: String { "\(self.verb) \(self.resource)" }
    }

    func examine() async throws {
        let rules = try await self.rules()
        let lacks = Self.lacks(of: rules)
        try #require(lacks.count > 30)
        let complete = Lack(user: "lacks-nothing", verb: "", resource: "", rules: rules, isHelpful: true)
        try await Cluster.apply((lacks + [complete]).flatMap(self.objects), in: self.leaf.namespace)
        let inventory = try await Cluster.inventory(of: self.leaf.namespace)
        // The authorizer hears of the last Role last.
        try await Cluster.eventually("the Roles hold", within: .seconds(20)) {
            try await self.ask(complete, "doctor").status == 0
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, lack) in (lacks + [complete]).enumerated() {
                if number >= 3 { try await group.next() }
                group.addTask { try await self.examine(lack) }
            }
            try await group.waitForAll()
        }
        #expect(try await Cluster.inventory(of: self.leaf.namespace) == inventory, "nobody has changed anything")
    }

    private func examine(_ lack: Lack) async throws {
        let result = try await self.ask(lack, "doctor", ["-o", "json", "--image", "docker.io/local/shop:1"])
        let found = try Found(result, but: ClusterIllness.health + ["note not-seen", "note image-unproven"])
        if lack.isHelpful {
            #expect(found.names.isEmpty, "\(lack.user): \(found)")
            return
        }
        #expect(found.names.first == "stops permission-missing", "\(lack.user): \(found)")
        #expect(found.names.count == 1, "\(lack.user): \(found)")
        #expect(found.messages.hasSuffix(": \(lack.text)"), "\(lack.user): \(found)")
        #expect(found.commands.contains("detour install -n \(self.leaf.namespace) --user YOU"), "\(found)")
        // What the doctor says of an intercept, it says itself; the first of each resource stands for the others.
        guard lack.verb == "create" || lack.verb == "patch" else { return }
        let refused = try await self.ask(lack, "intercept", ["-p", "80:1"])
        #expect(refused.status == 1, "\(lack.user): \(refused)")
        #expect(
            refused.errors.contains("you may not, in namespace \(self.leaf.namespace): \(lack.text). Nothing"),
            "\(refused)"
        )
    }

    /// The rules of the Role that would be installed.
    private func rules() async throws -> [JSONValue] {
        let words = [Cluster.detour, "install", "-n", self.leaf.namespace, "--dry-run", "-o", "json"]
        let list = try JSONValue(parsing: try await Shell.run(words).output)
        return list["items"]?.array?.first { $0["kind"] == "Role" }?["rules"]?.array ?? []
    }

    /// One for each verb of each resource.
    private static func lacks(of rules: [JSONValue]) -> [Lack] {
        func strings(_ rule: JSONValue, _ key: String) -> [String] { (rule[key]?.array ?? []).compactMap(\.string) }
        let helpful: Set = ["get statefulsets.apps", "list events", "list configmaps"]
        var lacks: [Lack] = []
        for (index, rule) in rules.enumerated() {
            let group = strings(rule, "apiGroups").first ?? ""
            for resource in strings(rule, "resources") {
                for verb in strings(rule, "verbs") {
                    var rest = rules
                    var others = rule
                    others["resources"] = .array(
                        strings(rule, "resources").filter { $0 != resource }.map { .string($0) }
                    )
                    var same = rule
                    same["resources"] = [.string(resource)]
                    same["verbs"] = .array(strings(rule, "verbs").filter { $0 != verb }.map { .string($0) })
                    rest.replaceSubrange(index...index, with: [others, same])
                    var parts = resource.split(separator: "/").map(String.init)
                    if !group.isEmpty { parts[0] += ".\(group)" }
                    let name = parts.joined(separator: "/")
                    lacks.append(
                        Lack(
                            user: "lacks-\(verb)-\(name.replacing("/", with: "-"))",
                            verb: verb,
                            resource: name,
                            rules: rest.filter { !strings($0, "verbs").isEmpty && !strings($0, "resources").isEmpty },
                            isHelpful: helpful.contains("\(verb) \(name)")
                        )
                    )
                }
            }
        }
        return lacks
    }

    private func objects(_ lack: Lack) -> [JSONValue] {
        let group = "rbac.authorization.k8s.io"
        func object(_ kind: String, _ members: [String: JSONValue]) -> JSONValue {
            let head: [String: JSONValue] = [
                "apiVersion": .string("\(group)/v1"), "kind": .string(kind), "metadata": ["name": .string(lack.user)],
            ]
            return .object(head.merging(members) { $1 })
        }
        return [
            object("Role", ["rules": .array(lack.rules)]),
            object(
                "RoleBinding",
                [
                    "roleRef": ["apiGroup": .string(group), "kind": "Role", "name": .string(lack.user)],
                    "subjects": [["apiGroup": .string(group), "kind": "User", "name": .string(lack.user)]],
                ]
            ),
        ]
    }

    /// Runs a command as the user: the administrator who impersonates him.
    private func ask(_ lack: Lack, _ command: String, _ flags: [String] = []) async throws -> ShellResult {
        var config = self.config
        var users = config["users"]?.array ?? []
        for index in users.indices { users[index]["user"]?["as"] = .string(lack.user) }
        config["users"] = .array(users)
        let file = FileManager.default.temporaryDirectory.appending(path: "\(lack.user)-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(config.compact.utf8).write(to: file)
        let words = [Cluster.detour, command, "leaf", "-n", self.leaf.namespace, "-k", file.path()]
        return try await Shell.run(words + flags)
    }
}
