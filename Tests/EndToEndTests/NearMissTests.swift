import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension InterceptEndToEndTests {
    @Test(
        "Requests that lack the header are counted and named to the developer; nothing else of them",
        .timeLimit(.minutes(5))
    )
    func nearMisses() async throws {
        let shop = try await Intercepting.start(["--drain", "2s", "-o", "json"], match: ["-x", "X-Nobody-Sends:this"])
        defer { shop.kill() }
        // The shop's services hand the trace on, and no header that they do not know. Asked until it is counted: the
        // node follows the selector when it gets to it, and until then what is asked goes to the original.
        let url = try await Cluster.url("shop/leaf", 80)
        let traced = ["curl", "-sS", "-m", "5", "--noproxy", "*", "-H", "traceparent: 00-secret-01"]
        try await Cluster.eventually("the requests are counted and named", within: .seconds(60)) {
            let asked = try await Shell.run(traced + ["\(shop.frontend)/n/7"])
            #expect(asked.output.contains("leaf/leaf-"), "\(asked)")
            try await Shell.must(traced + ["-H", "x-nobody-sent: it", url])
            return shop.detour.errors.contains(" carried x-nobody-sent")
        }
        #expect(shop.detour.errors.contains("requests carried x-nobody-sends;"), "\(shop.detour.errors)")
        #expect(shop.detour.errors.contains("nothing was diverted yet: 0 of "), "\(shop.detour.errors)")
        let events = shop.detour.output.split(separator: "\n").compactMap { try? JSONValue(parsing: String($0)) }
        let event = try #require(events.last { $0["event"] == "near-miss" && $0["requests"] != nil })
        #expect(event["matched"] == nil && event["diverted"] == nil)
        #expect(event["misses"]?[0]?["condition"] == "x-nobody-sends: this")
        #expect(event["names"]?["traceparent"] != nil)
        #expect(!shop.detour.output.contains("secret"), "names of fields, and no value of any")
        #expect(await shop.stop() == 0)
        #expect(shop.detour.output.contains("\"event\":\"summary\""))
        try await Cluster.nothingIsLeft(of: "leaf")
    }

    @Test(
        "An intercept that nobody calls says so, and what becomes of connections that are older",
        .timeLimit(.minutes(5))
    )
    func silence() async throws {
        let detour = try RunningProcess(
            [Cluster.detour, "intercept", "tcp", "-n", "fixtures", "-p", "7:1", "--drain", "2s"],
            environment: try await Cluster.environment()
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        try await detour.says("no request has arrived at fixtures/tcp since it is intercepted", within: .seconds(60))
        detour.signal(SIGINT)
        #expect(await detour.ended() == 0)
        try await Cluster.nothingIsLeft(of: "tcp", in: "fixtures")
    }
}
