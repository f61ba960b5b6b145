import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// What the options of an intercept need beside an intercept, under exactly the installed Role.
extension ElsewhereEndToEndTests {
    @Test(
        "Under the installed Role: mirror, TLS, environment, near misses, taking over; what it does not give is told at once",
        .timeLimit(.minutes(5))
    )
    func optionsUnderTheRole() async throws {
        let flags = ["--service", "leaf", "--service", "tls"]
        try await RoleScene.with("detour-options", flags: flags) { place in
            try await place.install()
            try await self.refusedRestart(place)
            async let tls: Void = self.tlsUnderTheRole(place)
            async let leaf: Void = self.leafUnderTheRole(place)
            _ = try await (tls, leaf)
        }
    }

    /// `--restart-target` patches the workload, which the Role gives only where that is asked for.
    private func refusedRestart(_ place: RoleScene) async throws {
        let before = try await Cluster.inventory(of: place.namespace)
        let refused = try await place.detour("intercept", "leaf", "-p", "80:\(place.port)", "--restart-target")
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errors.contains("you may not patch deployments.apps leaf"), "\(refused)")
        let mend = "detour install -n \(place.namespace) --user YOU --restart deployment/leaf"
        #expect(refused.errors.contains(mend), "\(refused)")
        #expect(try await Cluster.inventory(of: place.namespace) == before)
        try await place.install("--restart", "deployment/leaf")
    }

    private func leafUnderTheRole(_ place: RoleScene) async throws {
        let before = try await place.leaf.snapshot()
        let file = "\(NSTemporaryDirectory())/detour-\(UUID().uuidString).env"
        defer { unlink(file) }
        // Somebody whose header nobody sends, and somebody whose header another wants.
        let ignored = try await place.intercept(["-x", "X-Nobody-Sends:this", "--drain", "1s"], by: "carol")
        defer { ignored.signal(SIGKILL) }
        let loser = try await place.intercept(["--drain", "1s"], by: "bob")
        defer { loser.signal(SIGKILL) }
        let winner = try await place.intercept(
            ["--take-over", "--env-file", file, "--restart-target", "--drain", "1s"],
            by: "ada"
        )
        defer { winner.signal(SIGKILL) }
        #expect(await loser.ended(within: .seconds(20)) != 0)
        #expect(loser.errors.contains("ada@"), "\(loser.errors)")
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("SHOP_ROLE=leaf\n"))
        try await Cluster.eventually("matching requests are answered by the laptop", within: .seconds(25)) {
            try await place.leaf.answeredBy(matching: true) == "leaf/laptop"
        }
        #expect(try await place.leaf.answeredBy(matching: false).hasPrefix("leaf/leaf-"))

        let mirror = try await place.intercept(
            ["-x", "X-Mirror:yes", "--mirror", "--max-requests", "1", "--drain", "1s"],
            by: "dave"
        )
        defer { mirror.signal(SIGKILL) }
        let answer = try await Shell.run(
            ["curl", "-sS", "-m", "5", "--noproxy", "*", "-H", "X-Mirror: yes", "\(place.leaf.url)/n/7"]
        )
        #expect(answer.output.contains("leaf/leaf-"), "\(answer)")
        #expect(await mirror.ended(within: .seconds(30)) == 1, "it differs: \(mirror.errors)")
        #expect(mirror.output.contains("GET /n/7: "), "\(mirror.output)")

        try await winner.says("restarted deployment/leaf", within: .seconds(60))
        try await ignored.says("nothing was diverted yet: 0 of ", within: .seconds(60))
        for intercept in [ignored, winner] {
            intercept.signal(SIGINT)
            #expect(await intercept.ended() == 0, "\(intercept.errors)")
        }
        #expect(try await place.leaf.snapshot().differences(from: before).isEmpty)
        try await place.nothingIsLeft()
    }

    /// Neither the user nor the interceptor may read a Secret: the kubelet mounts it.
    private func tlsUnderTheRole(_ place: RoleScene) async throws {
        let service = TLSService(namespace: place.namespace)
        try await service.make()
        let url = try await Cluster.url("\(place.namespace)/tls", 443)
        let address = try #require(Int(url.split(separator: ":").last ?? ""))
        let intercept = try await place.intercept(
            ["-p", "443:\(place.port)", "--tls-secret", "tls", "--drain", "1s"],
            of: "tls"
        )
        defer { intercept.signal(SIGKILL) }
        try await Cluster.eventually("a matching request inside TLS is answered by the laptop", within: .seconds(25)) {
            try await service.ask(address, "--http1.1", "-H", "X-C6O-INTERCEPT: yes").contains("leaf/laptop")
        }
        #expect(try await service.ask(address, "--http1.1").hasSuffix("HTTP/1.1 /n/7\n"))
        intercept.signal(SIGINT)
        #expect(await intercept.ended() == 0, "\(intercept.errors)")
        try await place.nothingIsLeft(of: "tls")
        try? FileManager.default.removeItem(at: service.folder)
    }
}
