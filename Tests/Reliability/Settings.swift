/// What is to be measured, and how often: from the environment.
struct Settings: Sendable, Hashable {
    /// What can be measured.
    enum Scenario: String, Sendable, Hashable, CaseIterable {
        /// Start, divert, Ctrl-C, restored.
        case cycles
        /// One joins while the last one leaves.
        case races
        /// The command is killed.
        case failovers
        /// The command is killed at each request of its life.
        case kills
        /// Roll-outs, evictions and the like, with an intercept and without.
        case disruptions
        /// What an intercept adds to the time of an un-diverted request.
        case latency
        /// The tunnel beside `kubectl port-forward`.
        case tunnel
        /// Hundreds of cycles, and what they leave.
        case soak
        /// A day's traffic in so many minutes.
        case day
        /// Orders of API calls on a model.
        case orders
        /// A laptop goes away and comes back.
        case laptop
        /// Others put the Service back.
        case reverts
    }

    /// How often each scenario is run, in the order of ``Scenario``.
    var counts: [Scenario: Int]
    /// Un-diverted requests a second meanwhile.
    var rate = 100
    /// Decides what happens when in a race.
    var seed: UInt64
    /// No round of a scenario begins after so long.
    var minutes = 60
    /// Whether the runs are added to those that the file has of the same commit.
    var appends = false
    /// How many lives of `kills` there are at a time.
    var lanes = 6
    /// How many points of `kills` are system calls.
    var systemCalls = 100
    /// How many points of `kills` are tried with each part of the control plane as the victim.
    var servers = 12
    /// How many points of `kills` are power cuts.
    var powerCuts = 20
    /// In which contexts points of `kills` are.
    var contexts = KillPoint.Context.allCases
    /// Which requests of `kills` are tried, as in `create sessions`, or `sessions` for all of them; empty for any.
    var requests: [String] = []
    /// For how long a laptop is away in `laptop`.
    var lengths = Absence.Lengths()
    /// Where the document is written.
    var output: String

    /// The defaults of `make reliability`.
    static let defaults: [Scenario: Int] = [
        .cycles: 30, .races: 100, .failovers: 10, .kills: 1_000, .disruptions: 3, .latency: 5, .tunnel: 5,
        .soak: 500, .day: 10, .orders: 104_000,
        .laptop: 1, .reverts: 5,
    ]

    /// Reads them.
    ///
    /// - Parameters:
    ///   - environment: `RELIABILITY_…`; what is left out has its default.
    ///   - seed: taken where none is named.
    ///   - output: taken where none is named.
    /// - Throws: ``Trouble`` that names the variable.
    init(_ environment: [String: String], seed: UInt64, output: String) throws {
        func value<Number: FixedWidthInteger>(_ name: String, _ fallback: Number) throws -> Number {
            guard let text = environment[name] else { return fallback }
            guard let number = Number(text), number >= 0 else {
                throw Trouble("\(name)=\(text): a whole number from 0 is wanted")
            }
            return number
        }
        func chosen<Choice: RawRepresentable & CaseIterable>(_ name: String, _ what: String) throws -> [Choice]
        where Choice.RawValue == String {
            guard let names = environment[name]?.split(separator: " ").map(String.init) else {
                return Array(Choice.allCases)
            }
            for unknown in names where Choice(rawValue: unknown) == nil {
                let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
                throw Trouble("\(name): no \(what) \(unknown); there are \(all)")
            }
            return Choice.allCases.filter { names.contains($0.rawValue) }
        }
        self.counts = [:]
        for scenario: Scenario in try chosen("RELIABILITY_SCENARIOS", "scenario") {
            let name = "RELIABILITY_\(scenario.rawValue.uppercased())"
            self.counts[scenario] = try value(name, Self.defaults[scenario] ?? 1)
        }
        self.systemCalls = try value("RELIABILITY_SYSCALLS", self.systemCalls)
        self.servers = try value("RELIABILITY_SERVERS", self.servers)
        self.powerCuts = try value("RELIABILITY_POWERCUTS", self.powerCuts)
        self.contexts = try chosen("RELIABILITY_CONTEXTS", "context")
        self.requests = environment["RELIABILITY_REQUESTS"]?.split(separator: ",").map(String.init) ?? []
        if self.systemCalls == 0 { self.contexts.removeAll { $0 == .syscalls } }
        if self.powerCuts == 0 { self.contexts.removeAll { $0 == .powercut } }
        if self.servers == 0 { self.contexts.removeAll { $0.prey.server != nil } }
        self.lanes = try value("RELIABILITY_LANES", self.lanes)
        self.lengths.away = try value("RELIABILITY_AWAY", self.lengths.away)
        self.lengths.asleep = try value("RELIABILITY_ASLEEP", self.lengths.asleep)
        self.rate = try value("RELIABILITY_RATE", self.rate)
        self.seed = try value("RELIABILITY_SEED", seed)
        self.minutes = try value("RELIABILITY_MINUTES", self.minutes)
        self.appends = try value("RELIABILITY_APPEND", 0) > 0
        self.output = environment["RELIABILITY_OUTPUT"] ?? output
        // The same seed or another, those with few deviations would be played and counted again.
        if self.appends, self.counts[.orders, default: 0] > 0 {
            throw Trouble("RELIABILITY_APPEND: orders cannot be added to; leave them out of RELIABILITY_SCENARIOS")
        }
    }

    /// Whether anything is asked for that needs a cluster.
    var needsCluster: Bool { self.counts.contains { $0.key != .orders && $0.value > 0 } }

    /// The variables that ask for the same again.
    var command: String {
        let scenarios = Scenario.allCases.filter { self.counts[$0, default: 0] > 0 }
        let counts = scenarios.map { "RELIABILITY_\($0.rawValue.uppercased())=\(self.counts[$0, default: 0])" }
        var kills: [String] = []
        if scenarios.contains(.kills) {
            let contexts = self.contexts.map(\.rawValue).joined(separator: " ")
            let systemCalls = self.contexts.contains(.syscalls) ? self.systemCalls : 0
            kills = [
                "RELIABILITY_SYSCALLS=\(systemCalls)", "RELIABILITY_CONTEXTS='\(contexts)'",
                "RELIABILITY_LANES=\(self.lanes)",
            ]
            if self.contexts.contains(.powercut) { kills.append("RELIABILITY_POWERCUTS=\(self.powerCuts)") }
            if self.contexts.contains(where: { $0.prey.server != nil }) {
                kills.append("RELIABILITY_SERVERS=\(self.servers)")
            }
            if !self.requests.isEmpty {
                kills.append("RELIABILITY_REQUESTS='\(self.requests.joined(separator: ","))'")
            }
        }
        var laptop: [String] = []
        if scenarios.contains(.laptop) {
            laptop = ["RELIABILITY_AWAY=\(self.lengths.away)", "RELIABILITY_ASLEEP=\(self.lengths.asleep)"]
        }
        let words =
            ["RELIABILITY_SCENARIOS='\(scenarios.map(\.rawValue).joined(separator: " "))'"] + counts + kills
            + laptop + ["RELIABILITY_RATE=\(self.rate)", "RELIABILITY_SEED=\(self.seed)"]
        return (words + ["make reliability"]).joined(separator: " ")
    }
}
