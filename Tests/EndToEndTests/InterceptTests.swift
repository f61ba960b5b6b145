import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

@Suite("Ring 4 runs where it has to")
struct RingFourTests {
    @Test("In CI the real cluster is there")
    func notSkippedInCI() {
        let environment = ProcessInfo.processInfo.environment
        if !Cluster.isThere { print("SKIPPED: ring 4, the real cluster; set DETOUR_E2E=1 (make test does)") }
        #expect(Cluster.isThere || environment["CI"] != "true", "under CI=true a skip is a failure")
    }
}

/// All tests that intercept the shop's leaf: one after the other, for there is one leaf.
@Suite("Intercept on a real cluster", .serialized, .enabled(if: Cluster.isThere))
struct InterceptEndToEndTests {
    @Test(
        "Matching requests go to the laptop, others do not, and Ctrl-C leaves nothing behind",
        .timeLimit(.minutes(3))
    )
    func mainJob() async throws {
        let intercept = try await Intercepting.start(["--drain", "5s"])
        try await intercept.untilDiverted()
        for _ in 0..<20 {
            #expect(try await intercept.answeredBy(matching: true) == "leaf/laptop")
            #expect(try await intercept.answeredBy(matching: false).hasPrefix("leaf/leaf-"))
        }
        #expect(await intercept.stop() == 0)
        #expect(try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}
