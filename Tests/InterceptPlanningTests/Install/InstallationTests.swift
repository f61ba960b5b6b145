import Foundation
import KubernetesModel
import TestSupport
import Testing

@testable import InterceptPlanning

@Suite("What an administrator installs")
struct InstallationTests {
    /// One verb on one resource, as a Role and the documentation name it.
    struct Grant: Hashable, CustomStringConvertible {
        var verb: String
        var resource: String
        var names: [String] = []

        var description: String { "\(self.verb) \(self.resource) \(self.names)" }
    }

    /// What a Role's rules allow.
    static func grants(_ role: DynamicObject?) -> Set<Grant> {
        var grants: Set<Grant> = []
        for rule in role?["rules"]?.array ?? [] {
            func strings(_ key: String) -> [String] { (rule[key]?.array ?? []).compactMap(\.string) }
            for group in strings("apiGroups") {
                for resource in strings("resources") {
                    // `pods/portforward` of the core group, `sessions.detour.dev/status` of another.
                    var parts = resource.split(separator: "/").map(String.init)
                    if !group.isEmpty { parts[0] += ".\(group)" }
                    for verb in strings("verbs") {
                        let resource = parts.joined(separator: "/")
                        grants.insert(Grant(verb: verb, resource: resource, names: strings("resourceNames")))
                    }
                }
            }
        }
        return grants
    }

    private static func role(services: [String] = [], keepsConfigMaps: Bool = false) throws -> DynamicObject {
        let items = Installation.namespace(
            "shop",
            subjects: [],
            services: services,
            keepsConfigMaps: keepsConfigMaps
        ).items
        return try #require(items.first).manifest
    }

    private static var clusterRole: DynamicObject? {
        Installation.cluster.items.first { $0.type == .clusterRoles }?.manifest
    }

    @Test("The Role and the ClusterRole allow every verb of an intercept, and nothing else")
    func permissions() throws {
        let all = Permission.ofIntercept(.resource) + Permission.helpful
        let needed = all.map { permission in
            let subresource = permission.subresource.map { "/\($0)" } ?? ""
            return Grant(verb: permission.verb, resource: permission.type.qualifiedName + subresource)
        }
        #expect(Self.grants(try Self.role()) == Set(needed))
        #expect(Self.grants(Self.clusterRole) == Set(needed))
    }

    @Test("They allow what the documentation says a developer needs, verb by verb")
    func documentation() throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let page = try String(contentsOf: root.appending(path: "docs/intercept.md"), encoding: .utf8)
        let table = page.components(separatedBy: "| verbs | on |").last?.components(separatedBy: "\n\n").first ?? ""
        var documented: Set<Grant> = []
        for line in table.split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 2, !cells[0].hasPrefix("-"), !cells[0].contains("where you may"),
                !cells[1].contains("customresourcedefinitions")
            else { continue }
            for verb in cells[0].components(separatedBy: ", ") {
                for resource in cells[1].components(separatedBy: ", ") {
                    documented.insert(Grant(verb: verb, resource: resource))
                }
            }
        }
        #expect(!documented.isEmpty)
        #expect(Self.grants(try Self.role()) == documented)
    }

    @Test(
        "They hold whatever the interceptor is given, since nobody may give what he has not",
        arguments: SessionKind.allCases,
        [[], ["leaf"]] as [[String]]
    )
    func interceptor(kind: SessionKind, services: [String]) throws {
        let own = Self.grants(try Self.role(services: services, keepsConfigMaps: kind == .configMap))
        var session = try Sample.session()
        session.kind = kind
        for grant in Self.grants(InterceptManifests(session: session).manifest(.role)) {
            let isHeld = own.contains(grant) || own.contains(Grant(verb: grant.verb, resource: grant.resource))
            #expect(isHeld, "\(grant)")
        }
    }

    @Test(
        "ConfigMaps are changed and deleted only where Sessions are kept in them, and by name where Services are named"
    )
    func configMaps() throws {
        func writes(_ role: DynamicObject) -> Set<Grant> {
            Self.grants(role).filter { $0.resource == "configmaps" && !["get", "list", "create"].contains($0.verb) }
        }
        func grants(_ verbs: [String], _ names: [String]) -> Set<Grant> {
            Set(verbs.map { Grant(verb: $0, resource: "configmaps", names: names) })
        }
        #expect(writes(try Self.role()).isEmpty)
        #expect(writes(try Self.role(keepsConfigMaps: true)) == grants(["watch", "patch", "delete"], []))
        let named = try Self.role(services: ["leaf", "core"], keepsConfigMaps: true)
        let sessions = ["leaf", "core"].map { grants(["watch", "patch", "delete"], ["intercept-shop-\($0)"]) }
        let own = grants(["delete"], ["interceptor-leaf", "interceptor-core"])
        #expect(writes(named) == sessions.reduce(own) { $0.union($1) })
    }

    @Test("Workloads that are named may be restarted, and no others")
    func restarts() throws {
        let items = Installation.namespace(
            "shop",
            subjects: [],
            services: [],
            restarts: [RolloutRestart(.deployment, "leaf"), RolloutRestart(.daemonSet, "logs")]
        ).items
        let more = Self.grants(items.first?.manifest).subtracting(Self.grants(try Self.role()))
        let expected = [("deployments.apps", "leaf"), ("daemonsets.apps", "logs")].flatMap { resource, name in
            ["get", "patch"].map { Grant(verb: $0, resource: resource, names: [name]) }
        }
        #expect(more == Set(expected))
    }

    @Test(
        "They are named as kubectl takes them",
        arguments: [
            ("deployment/leaf", "deployment/leaf"), ("sts/db", "statefulset/db"), ("DaemonSet/logs", "daemonset/logs"),
            ("leaf", nil), ("deployment/", nil), ("service/leaf", nil), ("deployment/a/b", nil),
        ] as [(String, String?)]
    )
    func restartNames(text: String, workload: String?) {
        #expect(RolloutRestart(typed: text)?.description == workload)
    }

    @Test("Prepared interceptors run as those that an intercept makes, and nobody needs to write Roles for them")
    func prepared() throws {
        let items = Installation.namespace(
            "shop",
            subjects: [],
            services: ["leaf"],
            keepsConfigMaps: true,
            preparesInterceptors: true
        ).items
        #expect(items.map(\.type) == [.serviceAccounts, .roles, .roleBindings, .roles])
        #expect(items.dropLast().allSatisfy { InterceptManifests.isInstalled($0.manifest) })
        #expect(!InterceptManifests.isInstalled(items[3].manifest))
        for kind in SessionKind.allCases {
            var session = try Sample.session()
            session.kind = kind
            let manifests = InterceptManifests(session: session)
            #expect(Self.grants(manifests.manifest(.role)).isSubset(of: Self.grants(items[1].manifest)))
            for key in ["roleRef", "subjects"] {
                #expect(items[2].manifest[key] == manifests.manifest(.roleBinding)[key])
            }
        }
        let identity = ["serviceaccounts", "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"]
        let onIdentity = Self.grants(items[3].manifest).filter { identity.contains($0.resource) }
        #expect(onIdentity == Set(identity.map { Grant(verb: "get", resource: $0) }))
    }

    @Test("No rule has a wildcard, and no rule is about Secrets", arguments: [[], ["leaf"]], [false, true])
    func modest(services: [String], keepsConfigMaps: Bool) throws {
        let role = try Self.role(services: services, keepsConfigMaps: keepsConfigMaps)
        for grant in Self.grants(role).union(Self.grants(Self.clusterRole)) {
            #expect(!grant.description.contains("*") && !grant.resource.contains("secrets"), "\(grant)")
        }
    }

    @Test("For a Service that is named, all that an intercept of it makes may be deleted, by name only")
    func deletions() throws {
        let manifests = InterceptManifests(session: try Sample.session())
        let made = OwnedObject.allCases.map { object in
            let (type, name) = manifests.identity(object)
            return Grant(verb: "delete", resource: type.qualifiedName, names: [name])
        }
        let plain = Self.grants(try Self.role())
        #expect(Self.grants(try Self.role(services: ["leaf", "leaf"])).subtracting(plain) == Set(made))
        let anywhere = plain.filter { $0.verb == "delete" }
        #expect(anywhere == [Grant(verb: "delete", resource: "sessions.detour.dev")])
    }

    @Test("Who is named is bound to the Role once; for nobody there is no binding")
    func binding() throws {
        let ada = try #require(Subject(.user, "ada"))
        let team = try #require(Subject(.group, "team"))
        let robot = try #require(Subject(serviceAccount: "ci:robot", in: "shop"))
        let near = try #require(Subject(serviceAccount: "robot", in: "shop"))
        let items = Installation.namespace("shop", subjects: [ada, team, robot, near, ada], services: []).items
        #expect(items.map(\.type) == [.roles, .roleBindings])
        let binding = try #require(items.last).manifest
        let group = JSONValue.string(ResourceType.roles.group)
        #expect(
            binding["subjects"] == [
                ["kind": "User", "name": "ada", "apiGroup": group],
                ["kind": "Group", "name": "team", "apiGroup": group],
                ["kind": "ServiceAccount", "name": "robot", "namespace": "ci"],
                ["kind": "ServiceAccount", "name": "robot", "namespace": "shop"],
            ]
        )
        #expect(binding["roleRef"]?["name"] == .string(items[0].manifest.name))
        #expect(Installation.namespace("shop", subjects: [], services: []).items.map(\.type) == [.roles])
    }

    @Test("A subject without a name is none", arguments: ["", ":", "a:", ":b", "a:b:c"])
    func nameless(text: String) {
        #expect(Subject(serviceAccount: text, in: "shop") == nil)
        #expect(Subject(.user, "") == nil)
    }
}
