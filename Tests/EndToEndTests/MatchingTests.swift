import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension InterceptEndToEndTests {
    @Test(
        "Two developers on one Service each get their own requests; one leaves and the other goes on; the last one restores",
        .timeLimit(.minutes(5))
    )
    func twoDevelopers() async throws {
        let ada = try await Intercepting.start(["--drain", "2s"], match: ["-x", "X-Dev:ada"], name: "ada")
        defer { ada.kill() }
        let bob = try await Intercepting.start(
            ["--drain", "2s"],
            match: ["--cookie", "dev=bob", "--path-regex", "/n/[0-9]+", "--method", "get"],
            name: "bob"
        )
        defer { bob.kill() }
        let url = try await Cluster.url("shop/leaf", 80)
        let cookie = ["-H", "Cookie: theme=dark; dev=bob"]
        for _ in 0..<5 {
            #expect(try await Shop.whoAnswers(url, "/n/7", ["-H", "x-dev: ada"]) == "leaf/ada")
            #expect(try await Shop.whoAnswers(url, "/n/7?x=1", cookie) == "leaf/bob")
            for flags in [cookie + ["-X", "POST"], ["-H", "Cookie: dev=bobby"], ["-H", "x-dev: bob"], []] {
                #expect(try await Shop.whoAnswers(url, "/n/7", flags).hasPrefix("leaf/leaf-"), "\(flags)")
            }
            // Who was first gets what both want.
            #expect(try await Shop.whoAnswers(url, "/n/7", cookie + ["-H", "x-dev: ada"]) == "leaf/ada")
        }
        #expect(bob.detour.errors.contains("ada@"), "the overlap is told: \(bob.detour.errors)")

        let explained = try await Shell.run(
            [
                Cluster.detour, "explain", "leaf", "-n", "shop", "-o", "json", "--", "curl", "-b", "dev=bob",
                "http://leaf/n/12",
            ],
            environment: try await Cluster.environment()
        )
        let answer = try JSONValue(parsing: explained.output)
        #expect(answer["answeredBy"]?.string?.hasPrefix("bob@") == true, "\(explained)")

        #expect(await ada.stop() == 0)
        #expect(try await Shop.whoAnswers(url, "/n/7", cookie) == "leaf/bob")
        #expect(try await Shop.whoAnswers(url, "/n/7", ["-H", "x-dev: ada"]).hasPrefix("leaf/leaf-"))
        #expect(await bob.stop() == 0)
        #expect(try await Cluster.snapshot("leaf").differences(from: ada.before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}

extension ElsewhereEndToEndTests {
    @Test("--all takes whole connections of any protocol, and fails open", .timeLimit(.minutes(5)))
    func everything() async throws {
        let before = try await Cluster.snapshot("tcp", in: "fixtures")
        let address = try await Cluster.url("fixtures/tcp", 7)
        let (local, port) = try await LocalLeaf.start(name: "laptop")
        defer { local.signal(SIGKILL) }
        let detour = try RunningProcess(
            [Cluster.detour, "intercept", "tcp", "-n", "fixtures", "-p", "7:\(port)", "--all", "--drain", "2s"],
            environment: try await Cluster.environment()
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        // The echo server of the cluster would send the request back; the leaf on this machine answers it.
        try await Cluster.eventually("the connection goes to this machine", within: .seconds(20)) {
            try await Shop.whoAnswers(address, "/n/7", []) == "leaf/laptop"
        }
        local.signal(SIGKILL)
        _ = await local.ended()
        let fixtures = try Cluster.program("DETOUR_FIXTURES")
        try await Shell.must(fixtures, "client", "tcp", "--addr", address, "--rounds", "3")
        detour.signal(SIGINT)
        #expect(await detour.ended() == 0)
        #expect(try await Cluster.snapshot("tcp", in: "fixtures").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "tcp", in: "fixtures")
    }
}
