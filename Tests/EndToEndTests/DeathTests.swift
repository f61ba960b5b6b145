import Foundation
import KubernetesModel
import Testing

extension InterceptEndToEndTests {
    @Test(
        "A laptop that dies or freezes: the original answers at once, the cluster restores itself, bystanders never notice",
        .enabled(if: Cluster.runsLong),
        .timeLimit(.minutes(4)),
        arguments: [SIGKILL, SIGSTOP]
    )
    func laptopGone(signal: Int32) async throws {
        let intercept = try await Intercepting.start(["--ttl", "6s", "--drain", "5s"])
        try await intercept.untilDiverted()
        let bystanders = try await Load.start(intercept.frontend, rate: 40)
        defer {
            intercept.detour.signal(SIGKILL)
            intercept.local.signal(SIGKILL)
        }

        let clock = ContinuousClock()
        let died = clock.now
        intercept.detour.signal(signal)
        var answers: [(after: Duration, who: String)] = []
        while clock.now - died < .seconds(5) {
            answers.append((clock.now - died, try await intercept.answeredBy(matching: true)))
        }
        let late = answers.filter { $0.after > .milliseconds(3_500) }
        #expect(late.allSatisfy { $0.who.hasPrefix("leaf/leaf-") }, "\(late)")
        #expect(!answers.contains { $0.who.hasPrefix("nobody") }, "\(answers)")

        try await Cluster.eventually("the selector is back", within: .seconds(21)) {
            let service = try await Cluster.snapshot("leaf")
            return service["spec"]?["selector"] == intercept.before["spec"]?["selector"]
        }
        try await Cluster.eventually("nothing is left", within: .seconds(40)) {
            try await Cluster.residue(of: "leaf").isEmpty
        }
        #expect(try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty)
        let report = try await bystanders.finish()
        #expect(report.bad == 0 && report.ok > 100, "\(report)")
    }

    @Test(
        "The interceptor's Pods are deleted or evicted, or the Session is: bystanders never notice",
        .enabled(if: Cluster.runsLong),
        .timeLimit(.minutes(4)),
        arguments: [
            "one pod", "all pods", "session",
        ]
    )
    func interceptorGone(what: String) async throws {
        let intercept = try await Intercepting.start(["--drain", "5s", "--replicas", "2"])
        try await intercept.untilDiverted()
        let bystanders = try await Load.start(intercept.frontend, rate: 40)
        defer {
            intercept.detour.signal(SIGKILL)
            intercept.local.signal(SIGKILL)
        }
        let pods = try await Cluster.kubectl("get", "pods", "-n", "shop", "-l", "app=interceptor", "-o", "name")
            .split(separator: "\n").map(String.init)
        #expect(pods.count == 2)
        switch what {
        case "one pod":
            try await Cluster.kubectl("delete", pods[0], "-n", "shop", "--wait=false")
            try await self.isServedAgain(intercept, without: pods)
        case "all pods":
            try await Cluster.kubectl("delete", "pod", "-n", "shop", "-l", "app=interceptor", "--wait=false")
            try await self.isServedAgain(intercept, without: pods)
        default:
            try await Cluster.kubectl("delete", "session", "intercept-shop-leaf", "-n", "shop", "--wait=false")
            try await Cluster.eventually("the selector is back", within: .seconds(2)) {
                let service = try await Cluster.snapshot("leaf")
                return service["spec"]?["selector"] == intercept.before["spec"]?["selector"]
            }
            #expect(await intercept.detour.ended() != 0, "the CLI says that its intercept was ended")
            #expect(intercept.detour.errors.contains("was ended"))
        }
        if what != "session" { #expect(await intercept.stop() == 0) }
        try await Cluster.eventually("nothing is left", within: .seconds(40)) {
            try await Cluster.residue(of: "leaf").isEmpty
        }
        #expect(try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty)
        let report = try await bystanders.finish()
        #expect(report.bad == 0 && report.ok > 100, "\(report)")
    }

    /// New Pods took over, and matching requests reach the laptop again.
    private func isServedAgain(_ intercept: Intercepting, without old: [String]) async throws {
        try await Cluster.eventually("two new replicas are ready", within: .seconds(60)) {
            let ready = try await Cluster.kubectl(
                "get",
                "pods",
                "-n",
                "shop",
                "-l",
                "app=interceptor",
                "--field-selector=status.phase=Running",
                "-o",
                "jsonpath={range .items[?(@.status.containerStatuses[0].ready==true)]}pod/{.metadata.name} {end}"
            )
            let names = ready.split(separator: " ").map(String.init)
            return names.count >= 2 && names.contains { !old.contains($0) }
        }
        try await Cluster.eventually("the laptop is reached again", within: .seconds(30)) {
            try await intercept.answeredBy(matching: true) == "leaf/laptop"
        }
    }

    @Test(
        "The documented manual clean-up, typed with kubectl while an intercept is active",
        .enabled(if: Cluster.runsLong),
        .timeLimit(.minutes(3))
    )
    func manualCleanUp() async throws {
        let intercept = try await Intercepting.start(["--drain", "5s"])
        try await intercept.untilDiverted()
        defer {
            intercept.detour.signal(SIGKILL)
            intercept.local.signal(SIGKILL)
        }
        // "Get the original values from the Session": exactly what a person would copy into `kubectl edit`.
        let session = try JSONValue(
            parsing: try await Cluster.kubectl("get", "session", "intercept-shop-leaf", "-n", "shop", "-o", "json")
        )
        let ops = session[path: "spec", "restore-service", "ops"]?.array ?? []
        #expect(ops.count == 2)
        try await Cluster.kubectl(
            "patch",
            "service",
            "leaf",
            "-n",
            "shop",
            "--type=json",
            "-p",
            JSONValue.array(ops).compact
        )
        for line in [
            ["service", "interceptor-leaf-decoy"], ["deployment", "interceptor-leaf"],
            ["configmap", "interceptor-leaf"],
            ["session", "intercept-shop-leaf"],
        ] {
            // The interceptor may have been faster: it noticed the edit and removes itself.
            try await Cluster.kubectl("delete", line[0], line[1], "-n", "shop", "--ignore-not-found", "--wait=false")
        }
        try await Cluster.eventually("nothing is left", within: .seconds(40)) {
            try await Cluster.residue(of: "leaf").isEmpty
        }
        try await Cluster.eventually("the service is what it was", within: .seconds(5)) {
            try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty
        }
        #expect(await intercept.detour.ended() != 0)
        #expect(try await Shop.answeredBy(intercept.frontend, matching: true).hasPrefix("leaf/leaf-"))
    }
}
