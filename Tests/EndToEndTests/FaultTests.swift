import APIFaults
import ClusterFaults
import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// A laptop whose way to the API server fails now and then, in every way such ways fail.
extension InterceptEndToEndTests {
    /// Everything that may go wrong at once, each so often that a start and an end mostly meet a few of them.
    private static let weather = [
        "watch * 15%: gone 1", "watch * 15%: echo", "watch * 15%: stale", "watch * 15%: swap", "watch * 10%: truncate",
        "patch * 4%: answer-after 500", "patch * 4%: answer 409", "create * 4%: answer-after 503",
        "* * 3%: answer 429 1",
        "* * 2%: cut", "* * 2%: cut-answer", "* * 10%: delay 300",
    ]

    @Test(
        "Through an API server that fails now and then an intercept works or says why not, and leaves nothing",
        .timeLimit(.minutes(5))
    )
    func faultyServer() async throws {
        let load = try await Load.start(try await Cluster.url("shop/leaf", 80), rate: 200)
        let before = try await Cluster.snapshot("leaf")
        let seed = UInt64(ProcessInfo.processInfo.environment["DETOUR_SEED"] ?? "") ?? UInt64.random(in: 0..<1_000_000)
        var ready = 0
        var strikes: [FaultScript.Strike] = []
        for round in 0..<2 {
            let api = try await FaultyAPI.start(Self.weather, seed: seed + UInt64(round))
            let detour = try RunningProcess(
                [Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:9", "--drain", "2s", "--ttl", "5s"],
                environment: api.environment
            )
            let isReady = (try? await detour.says("ready:", within: .seconds(90))) != nil
            if isReady { ready += 1 }
            detour.signal(SIGINT)
            let status = await detour.ended()
            let struck = api.proxy.script.strikes
            strikes += struck
            await api.stop()
            let story = "seed \(seed + UInt64(round)), status \(status), \(struck.map { "\($0.request): \($0.fault)" })"
            print(story)
            let isTold =
                detour.errors.contains("error:") || detour.errors.contains("ended before the intercept was ready")
            #expect(isReady || isTold, "\(story)\n\(detour.errors)")
            try await Cluster.eventually("the Service is as it was (\(story))", within: .seconds(30)) {
                try await Cluster.snapshot("leaf").differences(from: before).isEmpty
            }
            try await Cluster.nothingIsLeft(of: "leaf")
        }
        let report = try await load.finish()
        #expect(report.bad == 0, "seed \(seed): \(report)")
        #expect(ready > 0, "nothing got through, which shows little")
        #expect(!strikes.isEmpty)
    }
}
