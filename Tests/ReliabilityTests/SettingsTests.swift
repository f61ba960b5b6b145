import APIFaults
import Testing

@testable import reliability

@Suite("What is to be measured")
struct SettingsTests {
    private func settings(_ environment: [String: String]) throws -> Settings {
        try Settings(environment, seed: 7, output: "/default")
    }

    @Test("Everything has a default")
    func defaults() throws {
        let settings = try self.settings([:])
        let counts: [Settings.Scenario: Int] = [
            .cycles: 30, .races: 100, .failovers: 10, .kills: 1_000, .disruptions: 3, .latency: 5, .tunnel: 5,
            .soak: 500, .day: 10, .orders: 104_000,
            .laptop: 1, .reverts: 5,
        ]
        #expect(settings.counts == counts)
        #expect(settings.lanes == 6 && settings.systemCalls == 100 && settings.contexts == KillPoint.Context.allCases)
        #expect(
            settings.rate == 100 && settings.minutes == 60 && settings.seed == 7 && !settings.appends
                && settings.output == "/default"
        )
    }

    @Test("Scenarios and counts are chosen, and the command says so")
    func chosen() throws {
        let settings = try self.settings([
            "RELIABILITY_SCENARIOS": "races cycles", "RELIABILITY_RACES": "3", "RELIABILITY_RATE": "40",
            "RELIABILITY_SEED": "9", "RELIABILITY_APPEND": "1", "RELIABILITY_OUTPUT": "/x", "RELIABILITY_MINUTES": "5",
        ])
        #expect(settings.counts == [.cycles: 30, .races: 3])
        #expect(settings.appends && settings.output == "/x" && settings.minutes == 5)
        #expect(
            settings.command
                == "RELIABILITY_SCENARIOS='cycles races' RELIABILITY_CYCLES=30 RELIABILITY_RACES=3 "
                + "RELIABILITY_RATE=40 RELIABILITY_SEED=9 make reliability"
        )
    }

    @Test("Contexts and lanes of kills are chosen, and the command says so")
    func kills() throws {
        let settings = try self.settings([
            "RELIABILITY_SCENARIOS": "kills", "RELIABILITY_KILLS": "8", "RELIABILITY_CONTEXTS": "leaving alone",
            "RELIABILITY_LANES": "2", "RELIABILITY_REQUESTS": "create sessions,roles",
        ])
        #expect(settings.requests == ["create sessions", "roles"])
        #expect(settings.counts == [.kills: 8] && settings.contexts == [.alone, .leaving] && settings.lanes == 2)
        #expect(
            settings.command
                == "RELIABILITY_SCENARIOS='kills' RELIABILITY_KILLS=8 RELIABILITY_SYSCALLS=0 "
                + "RELIABILITY_CONTEXTS='alone leaving' RELIABILITY_LANES=2 "
                + "RELIABILITY_REQUESTS='create sessions,roles' RELIABILITY_RATE=100 RELIABILITY_SEED=7 make reliability"
        )
    }

    @Test("The seed draws so many points of all requests, and so many each of those that take longer")
    func sample() throws {
        func sample(_ seed: String) throws -> [KillPoint] {
            let settings = try self.settings([
                "RELIABILITY_KILLS": "5", "RELIABILITY_SYSCALLS": "2", "RELIABILITY_SERVERS": "3",
                "RELIABILITY_POWERCUTS": "4",
                "RELIABILITY_SEED": seed,
            ])
            let all = KillPoint.Context.allCases.flatMap { context in
                (1...20).map { KillPoint(context: context, request: "a", occurrence: $0, moment: .after) }
            }
            return settings.sample(of: all)
        }
        let drawn = try sample("1")
        func count(_ contexts: KillPoint.Context...) -> Int { drawn.count { contexts.contains($0.context) } }
        #expect(count(.syscalls) == 2 && count(.apiserver) == 3 && count(.etcd) == 3 && count(.powercut) == 4)
        #expect(drawn.count == 5 + 2 + 3 + 3 + 4 && Set(drawn).count == drawn.count)
        #expect(try sample("1") == drawn)
        #expect(try sample("2") != drawn)
    }

    @Test("No points with a part of the control plane is none of their contexts, and the command says how many")
    func servers() throws {
        #expect(try self.settings(["RELIABILITY_SERVERS": "0"]).contexts.allSatisfy { $0.prey.server == nil })
        let settings = try self.settings([
            "RELIABILITY_SCENARIOS": "kills", "RELIABILITY_CONTEXTS": "etcd", "RELIABILITY_SERVERS": "4",
        ])
        #expect(try !self.settings(["RELIABILITY_POWERCUTS": "0"]).contexts.contains(.powercut))
        #expect(settings.contexts == [.etcd] && settings.command.contains(" RELIABILITY_SERVERS=4 "))
    }

    @Test("How long a laptop is away is chosen, and the command says so")
    func lengths() throws {
        #expect(try self.settings([:]).lengths == Absence.Lengths(away: 60, asleep: 600))
        let settings = try self.settings([
            "RELIABILITY_SCENARIOS": "laptop", "RELIABILITY_AWAY": "5", "RELIABILITY_ASLEEP": "20",
        ])
        #expect(settings.lengths == Absence.Lengths(away: 5, asleep: 20))
        #expect(
            settings.command
                == "RELIABILITY_SCENARIOS='laptop' RELIABILITY_LAPTOP=1 RELIABILITY_AWAY=5 RELIABILITY_ASLEEP=20 "
                + "RELIABILITY_RATE=100 RELIABILITY_SEED=7 make reliability"
        )
    }

    @Test("No system calls is none of their context")
    func noSystemCalls() throws {
        #expect(try !self.settings(["RELIABILITY_SYSCALLS": "0"]).contexts.contains(.syscalls))
    }

    @Test("Orders cannot be added to, for those with few deviations would count twice; and only they need no cluster")
    func orders() throws {
        var environment = ["RELIABILITY_SCENARIOS": "orders", "RELIABILITY_APPEND": "1"]
        #expect { try self.settings(environment) } throws: { "\($0)".contains("orders cannot be added to") }
        environment["RELIABILITY_ORDERS"] = "0"
        #expect(throws: Never.self) { try self.settings(environment) }
        #expect(try !self.settings(["RELIABILITY_SCENARIOS": "orders"]).needsCluster)
        #expect(try self.settings(["RELIABILITY_SCENARIOS": "orders cycles"]).needsCluster)
    }

    @Test(
        "A slip is named",
        arguments: [
            ("RELIABILITY_SCENARIOS", "race", "no scenario race"),
            ("RELIABILITY_CONTEXTS", "alone or not", "no context or"),
            ("RELIABILITY_RACES", "many", "RELIABILITY_RACES=many"),
            ("RELIABILITY_RATE", "-1", "RELIABILITY_RATE=-1"),
        ]
    )
    func slips(name: String, value: String, message: String) {
        #expect { try self.settings([name: value]) } throws: { "\($0)".contains(message) }
    }

    @Test(
        "Median, 90th percentile and the largest, of one, of an even and of an odd number",
        arguments: [
            ([2.0], 2.0, 2.0, 2.0), ([4, 1], 2.5, 4, 4), ([3, 1, 2], 2, 3, 3),
            ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5.5, 9, 10),
        ]
    )
    func figures(values: [Double], median: Double, p90: Double, max: Double) throws {
        let figures = try #require(Figures(values))
        #expect(figures.median == median && figures.p90 == p90 && figures.max == max)
        #expect(Figures([]) == nil)
    }
}
