import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension InterceptEndToEndTests {
    @Test(
        "A laptop that dies or freezes: the original answers at once, the cluster restores itself, bystanders never notice",
        .timeLimit(.minutes(5)),
        arguments: [SIGKILL, SIGSTOP]
    )
    func laptopGone(signal: Int32) async throws {
        let intercept = try await Intercepting.start(["--ttl", "6s", "--drain", "5s"])
        try await intercept.untilDiverted()
        let bystanders = try await Load.start(intercept.frontend, rate: 40)
        defer { intercept.kill() }

        let clock = ContinuousClock()
        let died = clock.now
        // Its guardian stands by for nothing but the end of the command.
        if signal == SIGKILL { intercept.detour.losePower() } else { intercept.detour.signal(signal) }
        var answers: [(after: Duration, who: String)] = []
        while clock.now - died < .seconds(5) {
            answers.append((clock.now - died, try await intercept.answeredBy(matching: true)))
        }
        let late = answers.filter { $0.after > .milliseconds(3_500) }
        #expect(late.allSatisfy { $0.who.hasPrefix("leaf/leaf-") }, "\(late)")
        #expect(!answers.contains { $0.who.hasPrefix("nobody") }, "\(answers)")

        try await intercept.isRestored(within: .seconds(21) - (clock.now - died))
        try await intercept.nothingIsLeft()
        let report = try await bystanders.finish()
        #expect(report.bad == 0 && report.ok > 100, "\(report)")
    }

    @Test(
        "An interceptor Pod is deleted, all are evicted, or the Session is deleted: bystanders never notice",
        .timeLimit(.minutes(5)),
        arguments: ["one pod", "eviction of all", "session"]
    )
    func interceptorGone(what: String) async throws {
        let intercept = try await Intercepting.start(["--drain", "5s", "--replicas", "2"])
        try await intercept.untilDiverted()
        let bystanders = try await Load.start(intercept.frontend, rate: 40)
        // Every request on a connection of its own: a moment without an endpoint would refuse some.
        let newcomers = try await Load.start(
            try await Cluster.url("shop/leaf", 80),
            rate: 60,
            flags: ["--new-connections", "1"]
        )
        defer { intercept.kill() }
        let pods = try await intercept.interceptors()
        #expect(pods.count == 2)
        switch what {
        case "one pod":
            try await Cluster.kubectl("delete", pods[0], "-n", "shop", "--wait=false")
            try await intercept.isServedAgain(without: [pods[0]])
        case "eviction of all":
            for pod in pods { try await Cluster.evict(pod, in: "shop") }
            try await intercept.isServedAgain(without: pods)
        default:
            try await Cluster.kubectl("delete", "session", "intercept-shop-leaf", "-n", "shop", "--wait=false")
            try await intercept.isRestored(within: .seconds(10))
            #expect(await intercept.detour.ended() != 0, "the CLI says that its intercept was ended")
            #expect(intercept.detour.errors.contains("was ended"))
        }
        if what != "session" { #expect(await intercept.stop() == 0) }
        try await intercept.nothingIsLeft()
        for load in [bystanders, newcomers] {
            let report = try await load.finish()
            #expect(report.bad == 0 && report.ok > 100, "\(report)")
        }
    }

    @Test(
        "The documented manual clean-up, typed with kubectl while an intercept is active",
        .timeLimit(.minutes(5))
    )
    func manualCleanUp() async throws {
        let intercept = try await Intercepting.start(["--drain", "5s"])
        try await intercept.untilDiverted()
        defer { intercept.kill() }
        let page = try String(contentsOfFile: "/\(Shell.root)/docs/intercept.md", encoding: .utf8)
        let section = try #require(page.components(separatedBy: "## Cleaning up by hand").last)
            .components(separatedBy: "\n## ")[0]
        let lines = section.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { line in ["get session", "patch", "delete"].contains { line.hasPrefix("kubectl \($0)") } }
        #expect(lines.count == 6, "\(lines)")
        for line in lines {
            let result = try await Shell.run("sh", "-c", line, environment: try await Cluster.environment())
            #expect(result.status == 0 || result.errors.contains("NotFound"), "\(line): \(result)")
        }
        try await Cluster.nothingIsLeft(of: "leaf")
        try await Cluster.eventually("the service is what it was", within: .seconds(5)) {
            try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty
        }
        #expect(await intercept.detour.ended() != 0)
        #expect(try await Shop.answeredBy(intercept.frontend, matching: true).hasPrefix("leaf/leaf-"))
    }
}

extension ElsewhereEndToEndTests {
    /// Against a disruption budget: what has a connection keeps it; new connections wait for kube-proxy, which before
    /// Kubernetes 1.26 sends none to terminating Pods, and that is for the documentation to say.
    @Test(
        "All interceptor Pods are deleted at once: the Service is given back, connections go on, and the next Pods take over",
        .timeLimit(.minutes(5))
    )
    func allAtOnce() async throws {
        // On a Service of its own: for two minutes the node sends connections from some ports to Pods that are gone.
        try await OwnLeaf.with("detour-deaths") { leaf in try await self.allAtOnce(leaf) }
    }

    private func allAtOnce(_ own: OwnLeaf) async throws {
        let intercept = try await Intercepting.start(["--drain", "5s", "--replicas", "2"], of: own)
        try await intercept.untilDiverted()
        let leaf = own.url
        // One connection and no other: a second one could be opened at the worst moment.
        let connected = try await Load.start(leaf, rate: 60, concurrency: 1, flags: ["--new-connections", "0"])
        let newcomers = try await Load.start(leaf, rate: 60, flags: ["--new-connections", "1"])
        defer { intercept.kill() }
        try await Task.sleep(for: .seconds(1))
        let pods = try await intercept.interceptors()
        try await Cluster.kubectl("delete", "pod", "-n", own.namespace, "-l", "app=interceptor", "--wait=false")
        try await intercept.isRestored(within: .seconds(10))
        try await intercept.isServedAgain(without: pods)
        #expect(await intercept.stop() == 0)
        try await intercept.nothingIsLeft()
        let old = try await connected.finish()
        #expect(old.bad == 0 && old.ok > 100, "\(old)")
        let new = try await newcomers.finish()
        print("all interceptor Pods deleted at once, new connections: \(new)")
        #expect(new.json["wrong"] == 0 && new.ok > 100, "\(new)")
    }
}

extension Intercepting {
    fileprivate func interceptors() async throws -> [String] {
        try await Cluster.kubectl("get", "pods", "-n", self.namespace, "-l", "app=interceptor", "-o", "name")
            .split(separator: "\n").map(String.init)
    }

    fileprivate func isRestored(within limit: Duration) async throws {
        try await Cluster.eventually("the selector is back", within: limit) {
            let service = try await Cluster.snapshot("leaf", in: self.namespace)
            return service["spec"]?["selector"] == self.before["spec"]?["selector"]
        }
    }

    fileprivate func nothingIsLeft() async throws {
        try await Cluster.nothingIsLeft(of: "leaf", in: self.namespace)
        #expect(try await Cluster.snapshot("leaf", in: self.namespace).differences(from: self.before).isEmpty)
    }

    /// New Pods took over, and matching requests reach the laptop again.
    fileprivate func isServedAgain(without old: [String]) async throws {
        try await Cluster.eventually("new replicas are ready", within: .seconds(60)) {
            let ready = try await Cluster.kubectl(
                "get",
                "pods",
                "-n",
                self.namespace,
                "-l",
                "app=interceptor",
                "--field-selector=status.phase=Running",
                "-o",
                "jsonpath={range .items[?(@.status.containerStatuses[0].ready==true)]}pod/{.metadata.name} {end}"
            )
            let names = ready.split(separator: " ").map(String.init)
            return names.filter { !old.contains($0) }.count >= old.count
        }
        try await Cluster.eventually("the laptop is reached again", within: .seconds(30)) {
            try await self.answeredBy(matching: true) == "leaf/laptop"
        }
    }
}
