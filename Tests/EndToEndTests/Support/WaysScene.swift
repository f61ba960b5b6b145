import ClusterTestSupport
import Foundation
import KubernetesModel

/// A copy of the shop's leaf, three ways to the API server, and a local process for each.
struct WaysScene: Sendable {
    /// How a developer gets to the API server, which is also the value of the header that is his.
    enum Way: String, CaseIterable {
        /// By the address that the server has on the node, through tinyproxy, as `proxy-url` says; a plugin of `v1` whose
        /// tokens expire.
        case connect
        /// The same address through microsocks, as `HTTPS_PROXY` says; a plugin of `v1beta1`, on behalf of another user.
        case socks
        /// Straight, under another TLS name, by a token file; the kubeconfig is three files.
        case direct
    }

    static let user = "detour-jane"

    let namespace = "detour-ways"
    let url: String
    let folder: ConnectionFolder
    /// tinyproxy and microsocks.
    let proxies: [StrangeProxy]
    private let account: TokenAccount
    private let locals: [Way: (process: RunningProcess, port: Int)]

    init() async throws {
        self.url = try await OwnLeaf(in: self.namespace).url
        self.folder = try await ConnectionFolder()
        self.proxies = try await [
            StrangeProxy(.tinyproxy, to: self.folder.serverOnNode),
            StrangeProxy(.microsocks, to: self.folder.serverOnNode),
        ]
        var locals: [Way: (RunningProcess, Int)] = [:]
        for way in Way.allCases { locals[way] = try await LocalLeaf.start(name: way.rawValue) }
        self.locals = locals.mapValues { ($0.0, $0.1) }
        self.account = try await TokenAccount(self.namespace, in: self.namespace, tokens: ["first", "second"])
        try await self.admitDevelopers()
        try self.writeKubeconfigs()
    }

    /// A service account with two tokens, that may act on behalf of one user; both have what an administrator installs.
    private func admitDevelopers() async throws {
        let group = "rbac.authorization.k8s.io"
        try await Cluster.apply(
            [
                [
                    "apiVersion": .string("\(group)/v1"), "kind": "ClusterRole",
                    "metadata": ["name": .string(self.namespace)],
                    "rules": [
                        [
                            "apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"],
                            "resourceNames": [.string(Self.user)],
                        ],
                        [
                            "apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"],
                            "resourceNames": ["web"],
                        ],
                    ],
                ],
                [
                    "apiVersion": .string("\(group)/v1"), "kind": "ClusterRoleBinding",
                    "metadata": ["name": .string(self.namespace)],
                    "roleRef": ["apiGroup": .string(group), "kind": "ClusterRole", "name": .string(self.namespace)],
                    "subjects": [
                        [
                            "kind": "ServiceAccount", "name": .string(self.namespace),
                            "namespace": .string(self.namespace),
                        ]
                    ],
                ],
            ],
            in: self.namespace
        )
        try await Shell.must(
            Cluster.detour,
            "install",
            "-n",
            self.namespace,
            "--user",
            Self.user,
            "--service-account",
            self.namespace,
            "--service",
            "leaf",
            environment: try await Cluster.environment()
        )
        try self.folder.write("token", try await self.account.token("first"))
    }

    private func writeKubeconfigs() throws {
        let folder = self.folder
        func exec(_ way: Way, _ version: String, life: Int?, _ more: String) throws -> String {
            let path = try folder.plugin(way.rawValue, version, life: life, token: "token")
            return "exec: {apiVersion: client.authentication.k8s.io/\(version), command: \(path)\(more)}"
        }
        try folder.kubeconfig(
            "connect.conf",
            folder.cluster(
                folder.serverOnNode,
                "proxy-url: http://\(StrangeProxy.login)@\(self.proxies[0].address)"
            ),
            folder.user(
                try exec(.connect, "v1", life: 5, ", interactiveMode: Never, provideClusterInfo: true")
            )
        )
        try folder.kubeconfig(
            "socks.conf",
            folder.cluster(folder.serverOnNode),
            folder.user(try exec(.socks, "v1beta1", life: nil, ""), "as: \(Self.user)", "as-groups: [web]")
        )
        try folder.write("direct-1.conf", folder.cluster(folder.server, "tls-server-name: kubernetes.default.svc"))
        try folder.write("direct-2.conf", folder.user("tokenFile: token"))
        try folder.kubeconfig("direct-3.conf")
    }

    private func environment(_ way: Way) -> [String: String] {
        let files = way == .direct ? ["direct-1.conf", "direct-2.conf", "direct-3.conf"] : ["\(way.rawValue).conf"]
        var environment = ["KUBECONFIG": files.map(self.folder.path).joined(separator: ":"), "USER": way.rawValue]
        if way == .socks {
            environment["HTTPS_PROXY"] = "socks5://\(self.proxies[1].address)"
            environment["NO_PROXY"] = "localhost,.example"
        }
        return environment
    }

    /// A developer's intercept, ready.
    func intercept(_ way: Way) async throws -> RunningProcess {
        let port = self.locals[way]?.port ?? 0
        let process = try RunningProcess(
            [
                Cluster.detour, "intercept", "leaf", "-n", self.namespace, "-p", "80:\(port)", "--drain", "1s",
                "-x", "X-C6O-INTERCEPT:\(way.rawValue)",
            ],
            environment: self.environment(way)
        )
        do {
            try await process.says("ready:", within: .seconds(60))
        } catch {
            process.signal(SIGKILL)
            throw error
        }
        return process
    }

    /// Who answers a developer's request, or one of nobody.
    func answeredBy(_ way: Way?) async throws -> String {
        try await Shop.answeredBy(self.url, value: way?.rawValue)
    }

    /// Waits until a developer's requests come to him.
    func isDiverted(_ way: Way) async throws {
        try await Cluster.eventually("requests of \(way) are diverted", within: .seconds(40)) {
            try await self.answeredBy(way) == "leaf/\(way.rawValue)"
        }
    }

    /// Replaces the token that everybody has read, and waits until the server does not know it any more.
    func replaceToken() async throws {
        let old = self.folder.read("token")
        try await self.folder.write("token", self.account.token("second"))
        try await self.account.revoke("first", old, at: self.folder.server)
    }

    /// Ends and removes everything.
    func remove() async throws {
        for local in self.locals.values { local.process.signal(SIGKILL) }
        for proxy in self.proxies { await proxy.remove() }
        self.folder.remove()
        let name = self.namespace
        try await Cluster.kubectl("delete", "clusterrole,clusterrolebinding", name, "--ignore-not-found")
        try await Cluster.kubectl("delete", "namespace", name, "--timeout=120s")
    }
}
