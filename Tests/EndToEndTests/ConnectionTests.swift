import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// The ways to the real API server: plugins, impersonation, token files, TLS names, and proxies nobody here wrote.
extension ElsewhereEndToEndTests {
    @Test(
        "Three developers get in by plugin, on behalf of somebody, by a token file; tokens die, proxies are restarted",
        .timeLimit(.minutes(4))
    )
    func waysIn() async throws {
        let scene = try await WaysScene()
        do {
            try await self.threeWays(scene)
        } catch {
            try await scene.remove()
            throw error
        }
        try await scene.remove()
    }

    private func threeWays(_ scene: WaysScene) async throws {
        let before = try await Cluster.snapshot("leaf", in: scene.namespace)
        // The first makes the intercept, the others join it.
        let first = try await scene.intercept(.connect)
        defer { first.signal(SIGKILL) }
        let second = try await scene.intercept(.socks)
        defer { second.signal(SIGKILL) }
        let third = try await scene.intercept(.direct)
        defer { third.signal(SIGKILL) }
        for way in WaysScene.Way.allCases { try await scene.isDiverted(way) }
        #expect(try await scene.answeredBy(nil).hasPrefix("leaf/leaf-"))
        try self.pluginsWereTold(scene)

        // Nobody is signed in any more with what all three started with.
        let runs = WaysScene.Way.allCases.map { scene.folder.runs($0.rawValue) }
        try await scene.replaceToken()
        for proxy in scene.proxies { await proxy.kill() }
        for way in [WaysScene.Way.connect, .socks] {
            try await Cluster.eventually("the original answers for \(way)", within: .seconds(10)) {
                try await scene.answeredBy(way).hasPrefix("leaf/leaf-")
            }
        }
        #expect(try await scene.answeredBy(.direct) == "leaf/direct", "its connection needs no proxy")
        for proxy in scene.proxies { try await proxy.restart() }
        let back = ContinuousClock.now
        do {
            for way in WaysScene.Way.allCases { try await scene.isDiverted(way) }
            print("back, with tokens that have ended: the laptops answer again after \(ContinuousClock.now - back)")
        } catch {
            throw ShellFailure(
                description: "\(error)\n\([first, second, third].map(\.errors))\n\(scene.proxies.map(\.log))"
            )
        }
        #expect(scene.folder.runs("connect") > runs[0], "what it gave had expired")
        #expect(scene.folder.runs("socks") == runs[1] + 1, "it gave no end, and ran once after the refusal")
        // Requests and tunnels, before and after.
        let address = scene.folder.serverOnNode.dropFirst("https://".count)
        #expect(scene.proxies[0].log.split(separator: "CONNECT \(address)").count > 3, "\(scene.proxies[0].log)")
        let host = address.split(separator: ":").first ?? ""
        #expect(scene.proxies[1].log.split(separator: "connected to \(host)").count > 3, "\(scene.proxies[1].log)")

        for process in [second, third, first] {
            process.signal(SIGINT)
            #expect(await process.ended() == 0, "\(process.errors)")
        }
        #expect(try await Cluster.snapshot("leaf", in: scene.namespace).differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf", in: scene.namespace, butEnding: true)
    }

    /// What plugins are told is what the kubeconfig asks for, in the form that it names.
    private func pluginsWereTold(_ scene: WaysScene) throws {
        let told = try JSONValue(parsing: scene.folder.read("info-connect"))
        #expect(told["apiVersion"] == "client.authentication.k8s.io/v1" && told["kind"] == "ExecCredential")
        #expect(told[path: "spec", "interactive"] == false)
        #expect(told[path: "spec", "cluster", "server"]?.string == scene.folder.serverOnNode)
        #expect(told[path: "spec", "cluster", "certificate-authority-data"]?.string == scene.folder.authority)
        #expect(told[path: "spec", "cluster", "proxy-url"]?.string?.hasSuffix(scene.proxies[0].address) == true)
        let older = try JSONValue(parsing: scene.folder.read("info-socks"))
        #expect(older["apiVersion"] == "client.authentication.k8s.io/v1beta1")
        #expect(older[path: "spec", "cluster"] == nil, "it did not ask for it")
    }

    @Test(
        "What a kubeconfig says is what the real server sees, and what is wrong is said in plain words",
        .timeLimit(.minutes(2))
    )
    func kubeconfigs() async throws {
        let folder = try await ConnectionFolder()
        defer { folder.remove() }
        let proxy = try await StrangeProxy(.tinyproxy, to: folder.serverOnNode)
        do {
            for way in try await Self.singleWays(folder, proxy) {
                let result = try await Shell.run(
                    [Cluster.detour, "session", "list", "-n", "default"],
                    environment: way.environment
                )
                #expect((result.status == 0) == (way.expected == Self.works), "\(way.name): \(result)")
                #expect(result.errors.contains(way.expected), "\(way.name): \(result)")
            }
        } catch {
            await proxy.remove()
            throw error
        }
        await proxy.remove()
    }

    private static let works = "no sessions in namespace default"

    private struct SingleWay {
        var name: String
        var environment: [String: String]
        var expected: String
    }

    private static func singleWays(_ folder: ConnectionFolder, _ proxy: StrangeProxy) async throws -> [SingleWay] {
        var ways: [SingleWay] = []
        func add(
            _ name: String,
            _ expected: String,
            _ cluster: String,
            _ user: String,
            _ more: [String: String] = [:]
        )
            throws
        {
            let file = try folder.kubeconfig("config-\(ways.count)", cluster, user)
            let environment = ["KUBECONFIG": file].merging(more) { $1 }
            ways.append(SingleWay(name: name, environment: environment, expected: expected))
        }
        let direct = folder.cluster(folder.server)
        let admin = folder.user("token: \(folder.token)")
        try add(
            "on behalf of somebody without rights",
            #"User "nobody-at-all" cannot list resource "#,
            direct,
            folder.user("token: \(folder.token)", "as: nobody-at-all", "as-groups: [strangers]")
        )
        try add(
            "on behalf of an administrator's group",
            Self.works,
            direct,
            folder.user("token: \(folder.token)", "as: somebody", "as-groups: [strangers, 'system:masters']")
        )
        try add(
            "another TLS name of its",
            Self.works,
            folder.cluster(folder.server, "tls-server-name: kubernetes"),
            admin
        )
        let wrong = "tls-server-name: elsewhere"
        try add("a TLS name that it does not have", "is for another name", folder.cluster(folder.server, wrong), admin)
        try add(
            "no verification at all",
            Self.works,
            folder.cluster(folder.server, trusting: "", wrong, "insecure-skip-tls-verify: true"),
            admin
        )
        try add("nobody to trust", "not signed by", folder.cluster(folder.server, trusting: ""), admin)
        try add(
            "no plugin",
            "ask your administrator for it",
            direct,
            folder.user(
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: detour-no-such-plugin, "
                    + "interactiveMode: Never, installHint: ask your administrator for it}"
            )
        )
        // A user without rights, so that the refusal tells whose certificate it was.
        let known = try String(
            contentsOfFile: try await Shell.must(Cluster.script, "user", "intern"),
            encoding: .utf8
        )
        var pem: [JSONValue] = []
        for match in known.matches(of: #/client-(?:certificate|key)-data: ([A-Za-z0-9+\/=]+)/#) {
            guard let data = Data(base64Encoded: String(match.1)) else { continue }
            pem.append(.string(String(decoding: data, as: UTF8.self)))
        }
        try #require(pem.count == 2)
        let answer: JSONValue = [
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": ["clientCertificateData": pem[0], "clientKeyData": pem[1]],
        ]
        let file = try folder.write("certificate.json", answer.compact)
        try add(
            "a plugin's certificate",
            #"User "intern" cannot list resource "#,
            direct,
            folder.user(
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: cat, args: [\(file)], interactiveMode: Never}"
            )
        )
        // An address of this machine that no rule calls loopback, and no certificate has.
        let other = folder.cluster(
            folder.server.replacing("127.0.0.1", with: "0.0.0.0"),
            "tls-server-name: kubernetes"
        )
        let nowhere = ["HTTPS_PROXY": "http://127.0.0.2:1", "NO_PROXY": ""]
        try add("a proxy that is not there", "through the proxy http://127.0.0.2:1", other, admin, nowhere)
        try add(
            "not for this server",
            Self.works,
            other,
            admin,
            nowhere.merging(["NO_PROXY": "a.example,0.0.0.0/8"]) { $1 }
        )
        try add("not for loopback", Self.works, direct, admin, nowhere)
        let onNode = folder.cluster(folder.serverOnNode)
        try add(
            "a proxy without its login",
            "the proxy asks for a login (407)",
            onNode,
            admin,
            ["HTTPS_PROXY": proxy.address]
        )
        let url = "http://\(StrangeProxy.login)@\(proxy.address)"
        try add("a proxy of the environment", Self.works, onNode, admin, ["HTTPS_PROXY": url, "NO_PROXY": ""])
        return ways
    }

    @Test("A list of more objects than the server gives at once is read whole", .timeLimit(.minutes(2)))
    func pagedList() async throws {
        let namespace = "detour-many"
        let count = 600
        let folder = try await ConnectionFolder()
        defer { folder.remove() }
        let plan = try await Shell.must(
            Cluster.detour,
            "intercept",
            "leaf",
            "-n",
            "shop",
            "-p",
            "80:9",
            "--dry-run",
            "-o",
            "json",
            environment: try await Cluster.environment()
        )
        var session = try #require(try JSONValue(parsing: plan)["create"]?[0])
        session["metadata"]?["namespace"] = .string(namespace)
        session["spec"]?["session"] = .string(String(repeating: "0", count: 40))
        session["spec"]?["routes"] = []
        var requests: [String] = []
        for index in 0..<count {
            session["metadata"]?["name"] = .string("intercept-\(namespace)-s\(index)")
            session["spec"]?["restore-service"]?["service"]?["metadata"] = [
                "name": .string("s\(index)"), "namespace": .string(namespace),
            ]
            let body = try folder.write("session-\(index)", session.compact)
            requests.append(
                """
                url = "\(folder.server)/apis/detour.dev/v1/namespaces/\(namespace)/sessions"
                header = "Authorization: Bearer \(folder.token)"
                header = "Content-Type: application/json"
                data-binary = "@\(body)"
                insecure
                silent
                show-error
                fail
                output = "/dev/null"
                """
            )
        }
        try folder.write("requests", requests.joined(separator: "\nnext\n"))
        try await Cluster.kubectl("create", "namespace", namespace)
        do {
            let made = try await Shell.run(
                "curl",
                "--noproxy",
                "*",
                "-Z",
                "--parallel-max",
                "8",
                "-K",
                folder.path("requests")
            )
            #expect(made.status == 0, "\(made)")
            let list = try await Shell.run(
                [Cluster.detour, "session", "list", "-n", namespace, "-o", "json"],
                environment: try await Cluster.environment()
            )
            let services = (try JSONValue(parsing: list.output).array ?? []).compactMap {
                $0[path: "metadata", "name"]?.string
            }
            #expect(Set(services).count == count, "\(services.count) of them; \(list.errors)")
        } catch {
            try await Self.removeSessions(in: namespace)
            throw error
        }
        try await Self.removeSessions(in: namespace)
    }

    /// All at once, and with their namespace.
    private static func removeSessions(in namespace: String) async throws {
        try await Cluster.kubectl("delete", "--raw", "/apis/detour.dev/v1/namespaces/\(namespace)/sessions")
        try await Cluster.kubectl("delete", "namespace", namespace, "--timeout=60s")
    }
}
