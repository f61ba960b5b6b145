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

/// Tests that intercept other Services than the shop's leaf, and may run beside those that do.
@Suite("Intercepts elsewhere on a real cluster", .serialized, .enabled(if: Cluster.isThere))
struct ElsewhereEndToEndTests {}

/// Tests that change what all have in common, or measure: in a run of their own, after the others.
@Suite("Alone on a real cluster", .serialized, .enabled(if: Cluster.isThere))
struct AloneEndToEndTests {}

/// All tests that intercept the shop's leaf: one after the other, for there is one leaf.
@Suite("Intercept on a real cluster", .serialized, .enabled(if: Cluster.isThere))
struct InterceptEndToEndTests {
    @Test(
        "Matching requests go to the laptop, others do not, and Ctrl-C leaves nothing behind",
        .timeLimit(.minutes(5))
    )
    func mainJob() async throws {
        let intercept = try await Intercepting.start(["--drain", "5s"])
        try await intercept.untilDiverted()
        // Directly, on connections of their own: core may still have one that is older than the swap.
        let leaf = try await Cluster.url("shop/leaf", 80)
        for _ in 0..<20 {
            #expect(try await Shop.answeredBy(leaf, matching: true) == "leaf/laptop")
            #expect(try await Shop.answeredBy(leaf, matching: false).hasPrefix("leaf/leaf-"))
        }
        #expect(await intercept.stop() == 0)
        #expect(try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}
