import ClusterFaults
import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// What happens to a laptop in a day: its network goes away and comes back, its address changes, it sleeps.
extension ElsewhereEndToEndTests {
    @Test(
        "A network that goes and comes back, and a new address: the tunnel is back within 5 s, and bystanders never notice",
        .timeLimit(.minutes(10))
    )
    func roaming() async throws {
        try await OwnLeaf.with("detour-roaming") { leaf in
            let day = try await LaptopDay(leaf, ttl: 60)
            try await day.live {
                try await day.isAway(for: .seconds(8), within: .seconds(5), "cut, 8 s") {
                    day.network.darken(isCutting: true)
                } andBack: {
                    day.network.lighten()
                }
                try await day.isAway(for: .seconds(7), within: .seconds(5), "silent, 7 s") {
                    day.network.darken(isCutting: false)
                } andBack: {
                    day.network.lighten()
                }
                // Three pings have to be missed first.
                try await day.isAway(for: .zero, within: .seconds(6), "another address") {
                    day.network.changeAddress()
                }
            }
            #expect(!day.intercept.detour.errors.contains("gave this machine up"), "\(day.intercept.detour.errors)")
        }
    }

    @Test(
        "Away for longer than the ttl, without a network or stopped: the laptop joins again by itself, its guardian keeps quiet",
        .timeLimit(.minutes(10))
    )
    func asleep() async throws {
        try await OwnLeaf.with("detour-asleep") { leaf in
            let day = try await LaptopDay(leaf, ttl: 5)
            try await day.live {
                // A start of Pods is in it.
                try await day.isAway(for: .seconds(16), within: .seconds(12), "silent and expired, 16 s") {
                    day.network.darken(isCutting: false)
                } andBack: {
                    let isRestored = try await day.isRestored()
                    #expect(isRestored, "it has not expired, which shows nothing")
                    day.network.lighten()
                }
                let guardian = try #require(day.intercept.detour.guardian)
                try await day.isAway(for: .seconds(16), within: .seconds(12), "stopped and expired, 16 s") {
                    day.intercept.detour.signal(SIGSTOP)
                    try await Task.sleep(for: .seconds(3))
                    // Within a second it would have been, by a guardian that took this for the end.
                    let isRestored = try await day.isRestored()
                    #expect(!isRestored, "somebody was faster than the ttl")
                } andBack: {
                    let isRestored = try await day.isRestored()
                    #expect(isRestored, "it has not expired, which shows nothing")
                    #expect(RunningProcess.runs(guardian), "the guardian is gone")
                    day.intercept.detour.signal(SIGCONT)
                }
                // Who joins again has another, for what there is to put back is another's.
                #expect(day.intercept.detour.guardian != nil)
            }
            let said = day.intercept.detour.errors.components(separatedBy: "gave this machine up").count - 1
            #expect(said == 2, "\(day.intercept.detour.errors)")
        }
    }
}

/// An intercept whose command has a network that goes away, and bystanders.
private struct LaptopDay: Sendable {
    let network: UnsteadyNetwork
    let intercept: Intercepting
    private let bystanders: Load
    private let leaf: OwnLeaf

    init(_ leaf: OwnLeaf, ttl: Int) async throws {
        self.leaf = leaf
        self.network = try await UnsteadyNetwork.start()
        self.intercept = try await Intercepting.start(
            ["--ttl", "\(ttl)s", "--drain", "1s"],
            of: leaf,
            environment: self.network.environment
        )
        self.bystanders = try await Load.start(leaf.url, rate: 40, flags: ["--new-connections", "1"])
    }

    /// Has a day, and ends it.
    func live(_ day: () async throws -> Void) async throws {
        do {
            try await self.intercept.untilDiverted()
            try await day()
        } catch {
            self.intercept.detour.signal(SIGCONT)
            self.intercept.kill()
            await self.network.stop()
            _ = try? await self.bystanders.finish()
            throw ShellFailure(description: "\(error)\n\(self.intercept.detour.errors)")
        }
        let status = await self.intercept.stop()
        #expect(status == 0, "\(self.intercept.detour.errors)")
        await self.network.stop()
        let report = try await self.bystanders.finish()
        #expect(report.bad == 0 && report.ok > 100, "\(report)")
        let differences = try await self.leaf.snapshot().differences(from: self.intercept.before)
        #expect(differences.isEmpty, "\(differences)")
    }

    /// Goes away and comes back; then the laptop has to answer within a limit, and until then the original.
    func isAway(
        for absence: Duration,
        within limit: Duration,
        _ what: String,
        gone: () async throws -> Void,
        andBack: () async throws -> Void = {}
    ) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        try await gone()
        while clock.now - start < absence {
            let who = try await self.leaf.answeredBy(matching: true)
            #expect(!who.hasPrefix("nobody"), "\(what): \(who)")
            if clock.now - start > .seconds(4) { #expect(who.hasPrefix("leaf/leaf-"), "\(what): \(who)") }
            try await clock.sleep(for: .milliseconds(100))
        }
        try await andBack()
        let back = clock.now
        while try await self.leaf.answeredBy(matching: true) != "leaf/laptop" {
            guard clock.now - back < limit + .seconds(30) else {
                throw ShellFailure(description: "\(what): the laptop never answered again")
            }
            try await clock.sleep(for: .milliseconds(20))
        }
        let took = clock.now - back
        // What it took is for whoever reads it; a machine that is busy with something else fails nobody.
        print("\(what): the laptop answers again after \(took), \(limit) are aimed at")
    }

    /// Whether the Service is what it was.
    func isRestored() async throws -> Bool {
        let service = try await self.leaf.snapshot()
        return service["spec"]?["selector"] == self.intercept.before["spec"]?["selector"]
    }
}
