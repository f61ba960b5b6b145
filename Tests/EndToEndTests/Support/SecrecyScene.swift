import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// A leaf, a kubeconfig with a token and one with a plugin, and requests that are full of secrets.
struct SecrecyScene: Sendable {
    let leaf: OwnLeaf
    let folder: ConnectionFolder
    let local: RunningProcess
    let port: Int
    /// What must be nowhere, by a name that may be told.
    let secrets: [String: String]

    /// Words that have to be found, by where: places that are looked through, and traces of the requests themselves.
    static let expected = [
        ("dry run", "interceptor-leaf"), ("intercept, standard output", "\"authorization\""),
        ("intercept, standard error", "ready:"), ("child", "guardian"), ("plugin", "KUBERNETES_EXEC_INFO="),
        ("interceptor's log", "\"path\":\"/n/7\""), ("interceptor's log", "\"served_by\":\"laptop\""),
        ("metrics", "served_by=\"laptop\""), ("objects", "\"fingerprint\""), ("objects", "\"involvedObject\""),
        ("doctor", "intercept"), ("session", "fingerprint"), ("explain", "x-c6o-intercept"),
        ("mirror, standard output", "\"event\":\"compared\""), ("key, standard error", "error:"),
        ("another token", "401"), ("proxy", "proxy"), ("variable", "HTTPS_PROXY"),
    ]

    init(_ leaf: OwnLeaf, _ folder: ConnectionFolder) async throws {
        self.leaf = leaf
        self.folder = folder
        let direct = folder.cluster(folder.server)
        try folder.kubeconfig("token.conf", direct, folder.user("token: \(folder.token)"))
        // Shows what it was given, to whoever looks.
        let plugin = try folder.write(
            "plugin",
            """
            #!/bin/sh
            cd "$(dirname "$0")"
            tr '\\0' '\\n' </proc/$$/environ >>given
            tr '\\0' '\\n' </proc/$$/cmdline >>given
            echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'$(cat token)'"}}'

            """
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: plugin)
        try folder.write("token", folder.token)
        let exec =
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: \(plugin), interactiveMode: IfAvailable}"
        try folder.kubeconfig("plugin.conf", direct, folder.user(exec))
        let key = try await SelfSigned(name: folder.path("service"), names: "DNS:leaf")
        try await Cluster.kubectl(
            "create",
            "secret",
            "tls",
            "leaf-tls",
            "-n",
            leaf.namespace,
            "--cert",
            key.certificate,
            "--key",
            key.key
        )
        (self.local, self.port) = try await LocalLeaf.start()
        var secrets = ["the kubeconfig's token": folder.token]
        for part in ["authorization", "cookie", "query", "body", "another value", "wrong token", "password"] {
            secrets[part] = "secret-\(UUID().uuidString)"
        }
        // Of PEM, one line: it may be quoted in pieces.
        secrets["the Service's key"] = try String(contentsOfFile: key.key, encoding: .utf8).split(separator: "\n")[1]
            .description
        self.secrets = secrets
    }

    private func secret(_ name: String) -> String { self.secrets[name] ?? "" }

    private func detour(
        _ kubeconfig: String,
        _ words: String...,
        more: [String: String] = [:]
    ) async throws -> ShellResult {
        try await Shell.run(
            [Cluster.detour] + words + ["-n", self.leaf.namespace],
            environment: ["KUBECONFIG": self.folder.path(kubeconfig)].merging(more) { $1 }
        )
    }

    private func launch(_ words: [String]) throws -> RunningProcess {
        try RunningProcess(
            [Cluster.detour, "intercept", "leaf", "-n", self.leaf.namespace, "--drain", "1s"] + words,
            environment: ["KUBECONFIG": self.folder.path("plugin.conf")]
        )
    }

    /// A request with a secret in every part of it that may have one, and with a value of the header that intercepts go by.
    private func ask(_ value: String) async throws -> String {
        let words = [
            "-H", "X-C6O-INTERCEPT: \(value)", "-H", "Authorization: Bearer \(self.secret("authorization"))", "-H",
            "Cookie: session=\(self.secret("cookie"))", "--data", "card=\(self.secret("body"))",
        ]
        return try await Shop.whoAnswers(self.leaf.url, "/n/7?token=\(self.secret("query"))", words)
    }

    func beforehand(_ evidence: inout Evidence) async throws {
        for format in ["table", "json", "yaml"] {
            let words = ["-p", "80:\(self.port)", "--dry-run", "-o", format]
            let run = try await Shell.run(
                [Cluster.detour, "intercept", "leaf", "-n", self.leaf.namespace] + words,
                environment: ["KUBECONFIG": self.folder.path("token.conf")]
            )
            evidence.add("dry run as \(format)", run)
        }
    }

    /// An intercept from its start to its end, and all that can be asked about it meanwhile.
    func intercept(_ evidence: inout Evidence) async throws {
        let process = try self.launch(["-p", "80:\(self.port)", "-o", "json"])
        defer { process.signal(SIGKILL) }
        try await process.says("ready:", within: .seconds(90))
        // First those that miss, which is told only as long as nothing is diverted.
        try await Cluster.eventually("the misses are told", within: .seconds(60), every: .milliseconds(500)) {
            let answer = try await self.ask(self.secret("another value"))
            #expect(answer.hasPrefix("leaf/leaf-"))
            return process.output.contains("\"near-miss\"") && process.output.contains("\"authorization\"")
        }
        try await Cluster.eventually("requests are diverted", within: .seconds(25)) {
            try await self.ask("yes") == "leaf/laptop"
        }
        for format in ["table", "json", "yaml"] {
            evidence.add(
                "session list as \(format)",
                try await self.detour("token.conf", "session", "list", "-o", format)
            )
            evidence.add(
                "session show as \(format)",
                try await self.detour("token.conf", "session", "show", "leaf", "-o", format)
            )
            evidence.add("doctor as \(format)", try await self.detour("plugin.conf", "doctor", "leaf", "-o", format))
        }
        evidence.add(
            "explain",
            try await self.detour(
                "token.conf",
                "explain",
                "leaf",
                "-o",
                "json",
                "-H",
                "X-C6O-INTERCEPT: yes",
                "-H",
                "Authorization: Bearer \(self.secret("authorization"))",
                "-H",
                "Cookie: session=\(self.secret("cookie"))"
            )
        )
        evidence.add("the command", process: process.pid)
        for child in RunningProcess.descendants(of: process.pid) { evidence.add("child \(child)", process: child) }
        try await self.inCluster(&evidence)
        process.signal(SIGINT)
        #expect(await process.ended() == 0, "\(process.errors)")
        evidence.add("intercept", process)
        evidence.add("plugin", self.folder.read("given"))
        try await Cluster.nothingIsLeft(of: "leaf", in: self.leaf.namespace, butEnding: true)
    }

    /// Log, metrics, and all objects of the namespace but its Secrets.
    private func inCluster(_ evidence: inout Evidence) async throws {
        let interloper = try await Interloper(in: self.leaf.namespace)
        let pod = interloper.interceptor.split(separator: "/").last.map(String.init) ?? ""
        evidence.add("interceptor's log", try await Cluster.kubectl("logs", "-n", self.leaf.namespace, pod))
        let url = "http://\(interloper.address):15020/stats/prometheus"
        let metrics = try await interloper.run(in: interloper.pod, "curl", "-sS", "-m", "5", "--noproxy", "*", url)
        evidence.add("metrics", metrics)
        let kinds = try await Cluster.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name")
            .split(separator: "\n").filter { $0 != "secrets" }.joined(separator: ",")
        evidence.add("objects", try await Cluster.kubectl("get", kinds, "-n", self.leaf.namespace, "-o", "json"))
    }

    /// The same as a mirror, with the local service as its child.
    func mirror(_ evidence: inout Evidence) async throws {
        let (placeholder, port) = try await LocalLeaf.start()
        placeholder.signal(SIGKILL)
        _ = await placeholder.ended()
        let shop = [try Cluster.program("DETOUR_SHOP"), "--role", "leaf", "--host", "127.0.0.1", "--port", "\(port)"]
        let words = ["-p", "80:\(port)", "--mirror", "--max-requests", "2", "-o", "json", "--"] + shop
        let process = try self.launch(words)
        defer { process.signal(SIGKILL) }
        try await process.says("ready:", within: .seconds(90))
        for child in RunningProcess.descendants(of: process.pid) { evidence.add("child \(child)", process: child) }
        try await Cluster.eventually("two requests are compared", within: .seconds(30)) {
            if process.status == nil { _ = try await self.ask("yes") }
            return process.status != nil
        }
        evidence.add("mirror", process)
        try await Cluster.nothingIsLeft(of: "leaf", in: self.leaf.namespace, butEnding: true)
    }

    /// An interceptor that is given the Service's key, and finds that it can do nothing with it.
    func servicesKey(_ evidence: inout Evidence) async throws {
        let process = try self.launch(["-p", "80:\(self.port)", "--tls-secret", "leaf-tls"])
        defer { process.signal(SIGKILL) }
        var log = ""
        try await Cluster.eventually("it is given up", within: .seconds(60)) {
            let pod = ["-n", self.leaf.namespace, "-l", "app=interceptor", "--tail=-1"]
            log = (try? await Cluster.kubectl(["logs"] + pod)) ?? log
            return process.status != nil
        }
        evidence.add("key", process)
        evidence.add("log with the Service's key", log)
    }

    /// Kubeconfigs that do not work, and the messages about them.
    func errors(_ evidence: inout Evidence) async throws {
        let direct = self.folder.cluster(self.folder.server)
        let onNode = self.folder.serverOnNode
        let user = self.folder.user("token: \(self.folder.token)")
        let login = "dev:\(self.secret("password"))"
        func fails(_ place: String, _ parts: String..., more: [String: String] = [:]) async throws {
            let file = try self.folder.kubeconfig("wrong.conf", parts.joined())
            let result = try await self.detour(URL(filePath: file).lastPathComponent, "session", "list", more: more)
            #expect(result.status == 1, "\(place): \(result)")
            evidence.add(place, result)
        }
        try await fails("another token", direct, self.folder.user("token: \(self.secret("wrong token"))"))
        try await fails("token twice", direct, self.folder.user("token: a", "token: \(self.secret("wrong token"))"))
        try await fails("no YAML", direct, self.folder.user("token: *\(self.secret("wrong token"))"))
        try await fails(
            "another login",
            direct,
            self.folder.user("username: dev", "password: \(self.secret("password"))")
        )
        try await fails(
            "a plugin that prints its token and no JSON",
            direct,
            self.folder.user(
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: cat, "
                    + "args: [\(self.folder.path("token"))], interactiveMode: Never}"
            )
        )
        for scheme in ["http", "https", "socks5", "ftp"] {
            let proxy = "proxy-url: \(scheme)://\(login)@127.0.0.2:1"
            try await fails("proxy by \(scheme)", self.folder.cluster(onNode, proxy), user)
        }
        let variables = ["HTTPS_PROXY": "http://\(login)@127.0.0.2:x", "NO_PROXY": ""]
        try await fails("variable", self.folder.cluster(onNode), user, more: variables)
    }
}
