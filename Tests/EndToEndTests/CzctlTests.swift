import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// The commands and flags that the documentation of czctl names, typed under that name.
extension ElsewhereEndToEndTests {
    /// One intercept: how it is started, what it takes, and how it is ended.
    private struct Typed {
        var start: String
        /// A request that it takes; nil for any.
        var header: String?
        var end: String
        /// Whether it says nothing.
        var isQuiet = false
    }

    @Test(
        "Every documented form and flag of czctl starts an intercept, or ends it, or lists it",
        .timeLimit(.minutes(5))
    )
    func czctl() async throws {
        // Side by side, for most of it is waiting for interceptors to end.
        async let some: Void = self.czctl("detour-czctl", part: 0)
        async let others: Void = self.czctl("detour-czctl-too", part: 1)
        _ = try await (some, others)
    }

    private func czctl(_ namespace: String, part: Int) async throws {
        try await OwnLeaf.with(namespace) { leaf in
            let bench = try await CommandBench(name: "czctl")
            let (local, port) = try await LocalLeaf.start()
            defer { local.signal(SIGKILL) }
            let before = try await leaf.snapshot()
            for typed in try await Self.documented(leaf.namespace, port)[part] {
                try await self.czctl(typed, leaf, bench)
                #expect(try await leaf.snapshot().differences(from: before).isEmpty, "\(typed.end)")
                try await Cluster.nothingIsLeft(of: "leaf", in: leaf.namespace, butEnding: true)
            }
            let none = try await bench.run(["czctl", "session", "list", "-n", leaf.namespace])
            #expect(none.errors.contains("no sessions in namespace"), "\(none)")
            if part == 0 { try await self.wrongFlags(bench, leaf) }
        }
    }

    private static func documented(_ namespace: String, _ port: Int) async throws -> [[Typed]] {
        let config = try await Cluster.environment()["KUBECONFIG"] ?? ""
        let context = try await Cluster.kubectl("config", "current-context")
        let place = "-n \(namespace)"
        let ports = "-r 80 -l \(port)"
        let yes = "X-C6O-INTERCEPT:yes"
        let first = [
            Typed(
                start: "intercept leaf \(place) \(ports) -x \(yes) -k \(config) --context \(context)",
                header: yes,
                end: "intercept leaf \(place) -c"
            ),
            Typed(
                start:
                    "intercept service leaf --namespace \(namespace) --remotePort 80 --localPort \(port) --header X-User:ada "
                    + "--kubeconfig \(config) --quiet",
                header: "X-User:ada",
                end: "intercept service leaf \(place) \(ports) -x X-User:ada --clean",
                isQuiet: true
            ),
            Typed(
                start: "intercept leaf \(place) \(ports) --all -q",
                end: "intercept leaf \(place) --close",
                isQuiet: true
            ),
        ]
        let second = [
            Typed(start: "intercept leaf \(place) \(ports)", header: yes, end: "session close \(place)"),
            Typed(start: "intercept leaf \(place) \(ports) --all", end: "session close --all \(place)"),
            Typed(
                start: "intercept \(place) \(ports) service leaf",
                header: yes,
                end: "session close --all --force \(place)"
            ),
        ]
        return [first, second]
    }

    private func czctl(_ typed: Typed, _ leaf: OwnLeaf, _ bench: CommandBench) async throws {
        func words(_ line: String) -> [String] { ["czctl"] + line.split(separator: " ").map(String.init) }
        let intercept = try bench.start(words(typed.start) + ["--drain", "1s"])
        defer { intercept.signal(SIGKILL) }
        // A quiet one says nothing, not even that it is ready.
        if !typed.isQuiet { try await intercept.says("ready:", within: .seconds(60)) }
        let header = typed.header.map { ["-H", $0] } ?? []
        try await Cluster.eventually("\(typed.start) takes a request", within: .seconds(30)) {
            let answer = try await Shell.run(
                ["curl", "-sS", "-m", "5", "--noproxy", "*"] + header + ["\(leaf.url)/n/7"]
            )
            guard intercept.status == nil else {
                throw ShellFailure(description: "\(typed.start): \(intercept.errors)")
            }
            return answer.output.contains("leaf/laptop")
        }
        if typed.header != nil { #expect(try await leaf.answeredBy(matching: false).hasPrefix("leaf/leaf-")) }
        if typed.isQuiet { #expect(intercept.errors.isEmpty && intercept.output.isEmpty, "\(intercept.errors)") }
        let list = try await bench.run(["czctl", "session", "list", "-n", leaf.namespace])
        #expect(list.status == 0 && list.output.contains("Active"), "\(list)")

        let end = try await bench.run(words(typed.end))
        #expect(end.status == 0, "\(typed.end): \(end)")
        #expect(await intercept.ended() != 0, "\(typed.end): the command says that its intercept was ended")
        #expect(!intercept.errors.contains("detour "), "it is called czctl: \(intercept.errors)")
    }

    /// What is typed wrongly is answered in the words of this name, and before anything is changed.
    private func wrongFlags(_ bench: CommandBench, _ leaf: OwnLeaf) async throws {
        let place = "-n \(leaf.namespace)"
        let wrong = [
            ("intercept leaf \(place) -r 80", "-r/--remotePort and -l/--localPort go together"),
            ("intercept leaf \(place) -r 80 -l http", "-l"),
            ("intercept leaf \(place) --localport 3000", "--localPort"),
            ("intercept leaf \(place) -r 80 -l 3000 --all --tlsSecretName t", "does not go with --tlsSecretName"),
            ("intercept leaf \(place) -r 80 -l 3000 --tlsSecretName No_Name", "--tlsSecretName takes [PORT=]NAME"),
            ("intercept leaf \(place) -r 81 -l 3000", "no port 81"),
            ("intercept laef \(place) -r 80 -l 3000", "no service laef"),
            ("intercept leaf \(place) -r 80 -l 3000 --clear", "--clear"),
            ("session close leaf --all \(place)", "name a session, or say --all; not both"),
            ("session end", "end"),
        ]
        // The Pods of the intercept before are on their way out, and would be gone afterwards.
        try await Cluster.nothingIsLeft(of: "leaf", in: leaf.namespace)
        let before = try await Cluster.inventory(of: leaf.namespace)
        for (line, says) in wrong {
            let result = try await bench.run(["czctl"] + line.split(separator: " ").map(String.init))
            #expect(result.status != 0 && result.errors.contains(says), "\(line): \(result)")
            #expect(!result.errors.contains("detour "), "\(line): \(result)")
        }
        #expect(try await Cluster.inventory(of: leaf.namespace) == before)
    }
}
