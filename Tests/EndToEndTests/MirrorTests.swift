import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension InterceptEndToEndTests {
    /// One request to the leaf on a connection of its own, with the whole head of its answer.
    private func ask(_ url: String, _ path: String = "/n/7") async throws -> String {
        try await Shell.must("curl", "-sSi", "-m", "5", "--noproxy", "*", "-H", "X-C6O-INTERCEPT: yes", "\(url)\(path)")
    }

    @Test(
        "A mirror shows how this machine answers otherwise; clients get the original's answers, also when it is killed",
        .timeLimit(.minutes(5))
    )
    func mirror() async throws {
        let mirror = try await Intercepting.start(["--mirror", "--drain", "2s"], name: "elsewhere")
        defer { mirror.kill() }
        let url = try await Cluster.url("shop/leaf", 80)
        let load = try await Load.start(
            url,
            rate: 50,
            flags: ["--new-connections", "0.2", "--header", "X-C6O-INTERCEPT:yes"]
        )
        let shown = "GET /n/7: "
        try await Cluster.eventually("a difference is shown", within: .seconds(20)) {
            let answer = try await self.ask(url)
            #expect(answer.contains("\"leaf/leaf-") && !answer.lowercased().contains("x-detour"), "\(answer)")
            return mirror.detour.output.contains(shown)
        }
        #expect(mirror.detour.output.contains("body /answeredBy: \"leaf/leaf-"), "\(mirror.detour.output)")
        #expect(mirror.detour.output.contains("→ \"leaf/elsewhere\""), "\(mirror.detour.output)")

        // Long before the ttl, which is a minute: by its guardian.
        mirror.detour.signal(SIGKILL)
        try await Cluster.eventually("the Service is restored", within: .seconds(20)) {
            try await Cluster.snapshot("leaf").differences(from: mirror.before).isEmpty
        }
        let report = try await load.finish()
        print("matching requests over a mirror and its death: \(report)")
        #expect(report.bad == 0 && report.ok > 0, "\(report)")
        #expect(report.json[path: "answeredBy", "leaf/elsewhere"] == nil, "\(report)")
        try await Cluster.nothingIsLeft(of: "leaf")
    }

    @Test(
        "In a pipeline: status 0 when all that was compared is equal, 1 when something differs",
        .timeLimit(.minutes(5)),
        arguments: [true, false]
    )
    func pipeline(isEqual: Bool) async throws {
        let rules = [
            "--ignore-header", "x-shop-answered-by", "--ignore-json", "/answeredBy", "--ignore-json", "/chain/*/host",
        ]
        let mirror = try await Intercepting.start(
            ["--mirror", "--max-requests", "3", "--drain", "2s", "-o", "json"] + (isEqual ? rules : [])
        )
        defer { mirror.kill() }
        let url = try await Cluster.url("shop/leaf", 80)
        try await Cluster.eventually("three requests were compared", within: .seconds(30)) {
            if mirror.detour.status == nil { _ = try await self.ask(url) }
            return mirror.detour.errors.contains("3 requests were compared")
        }
        #expect(await mirror.detour.ended() == (isEqual ? 0 : 1), "\(mirror.detour.output)")
        let events = try mirror.detour.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        let summary = events.last { $0["event"]?.string == "summary" }
        #expect(summary?["compared"]?.integer == 3 && summary?["different"]?.integer == (isEqual ? 0 : 3))
        mirror.local.signal(SIGKILL)
        try await Cluster.nothingIsLeft(of: "leaf")
    }

    @Test(
        "--restart-target mends a caller that keeps its connections, and no request fails",
        .timeLimit(.minutes(5))
    )
    func restartTarget() async throws {
        let url = try await Cluster.url("shop/leaf", 80)
        // A core that keeps its connections for as long as they are used.
        let core = try RunningProcess([
            try Cluster.program("DETOUR_SHOP"), "--role", "core", "--host", "127.0.0.1", "--port", "0", "--name",
            "keeper",
            "--next", url, "--connection-age", "1h",
        ])
        defer { core.signal(SIGKILL) }
        try await core.says("listens on", within: .seconds(5))
        let port = try #require(core.errors.firstMatch(of: #/listens on 127\.0\.0\.1:(\d+)/#)?.1)
        let load = try await Load.start(
            "http://127.0.0.1:\(port)",
            rate: 50,
            flags: ["--header", "X-C6O-INTERCEPT:yes"]
        )
        try await Task.sleep(for: .seconds(2))

        let intercept = try await Intercepting.start(["--restart-target", "--drain", "2s"])
        defer { intercept.kill() }
        try await intercept.detour.says("restarted deployment/leaf", within: .seconds(150))
        for _ in 0..<20 {
            let answer = try await Shop.answeredBy("http://127.0.0.1:\(port)", matching: true)
            #expect(answer == "leaf/laptop")
        }
        let report = try await load.finish()
        print("matching requests over kept connections and a restart: \(report)")
        #expect(report.bad == 0, "\(report)")
        let answered = report.json["answeredBy"]?.object ?? [:]
        #expect(answered.keys.contains { $0.hasPrefix("leaf/leaf-") }, "the kept connections led to the original first")
        #expect((answered["leaf/laptop"]?.integer ?? 0) > 0, "\(report)")
        #expect(await intercept.stop() == 0)
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}
