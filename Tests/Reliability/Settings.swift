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
    /// Where the document is written.
    var output: String

    /// The defaults of `make reliability`.
    static let defaults: [Scenario: Int] = [.cycles: 30, .races: 100, .failovers: 10]

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
        let names = environment["RELIABILITY_SCENARIOS"].map { $0.split(separator: " ").map(String.init) }
        let asked = try names?.map { name in
            guard let scenario = Scenario(rawValue: name) else {
                let all = Scenario.allCases.map(\.rawValue).joined(separator: ", ")
                throw Trouble("RELIABILITY_SCENARIOS: no scenario \(name); there are \(all)")
            }
            return scenario
        }
        self.counts = [:]
        for scenario in asked ?? Scenario.allCases {
            let name = "RELIABILITY_\(scenario.rawValue.uppercased())"
            self.counts[scenario] = try value(name, Self.defaults[scenario] ?? 1)
        }
        self.rate = try value("RELIABILITY_RATE", self.rate)
        self.seed = try value("RELIABILITY_SEED", seed)
        self.minutes = try value("RELIABILITY_MINUTES", self.minutes)
        self.appends = try value("RELIABILITY_APPEND", 0) > 0
        self.output = environment["RELIABILITY_OUTPUT"] ?? output
    }

    /// The variables that ask for the same again.
    var command: String {
        let scenarios = Scenario.allCases.filter { self.counts[$0, default: 0] > 0 }
        let counts = scenarios.map { "RELIABILITY_\($0.rawValue.uppercased())=\(self.counts[$0, default: 0])" }
        let words =
            ["RELIABILITY_SCENARIOS='\(scenarios.map(\.rawValue).joined(separator: " "))'"] + counts
            + ["RELIABILITY_RATE=\(self.rate)", "RELIABILITY_SEED=\(self.seed)"]
        return (words + ["make reliability"]).joined(separator: " ")
    }
}
