import Foundation
import KubernetesModel

/// `Benchmarks/reliability.json`: one section a scenario, each with its runs as they were, and the figures that follow.
///
/// Only what was measured is in it. A section is replaced when its scenario is measured again, or added to.
struct Document: Sendable {
    private(set) var json: JSONValue

    /// A document, from what was written before; nil for a new one.
    init(_ before: JSONValue?) {
        self.json = before?.object == nil ? [:] : before ?? [:]
    }

    /// The document in a file; a new one where there is no such file.
    ///
    /// - Throws: ``Trouble`` where the file cannot be read as one, for to go on would be to replace what is in it.
    init(at path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            self.init(nil)
            return
        }
        guard let json = try? JSONValue(parsing: String(contentsOfFile: path, encoding: .utf8)), json.object != nil
        else {
            throw Trouble("\(path) is no document of measurements: mend it, or move it away")
        }
        self.init(json)
    }

    /// Takes a batch into the document in a file, as it is there now: other runs may have written to it since.
    ///
    /// - Parameters:
    ///   - appends: whether to the runs that are there.
    ///   - about: what is true of the whole document.
    static func renew(at path: String, with batch: Batch, appends: Bool, about: [String: JSONValue]) throws {
        var document = try Document(at: path)
        try document.take(batch, appends: appends)
        document.describe(about)
        // Each batch has its own.
        document.json["commit"] = nil
        // At once, so that nobody reads half of it.
        try Data("\(document.json.pretty)\n".utf8).write(to: URL(filePath: path), options: .atomic)
    }

    /// Some runs of one scenario, one after the other.
    struct Batch: Sendable {
        var scenario: Settings.Scenario
        /// Date, commit, command, load average, …
        var about: JSONValue
        var runs: [JSONValue]
        /// What became of the requests of bystanders meanwhile.
        var bystanders: [JSONValue]
    }

    /// Takes the results of a batch.
    ///
    /// - Parameter appends: whether to those that are there.
    /// - Throws: ``Trouble`` where those are of another commit.
    mutating func take(_ batch: Batch, appends: Bool) throws {
        let name = batch.scenario.rawValue
        let old = appends ? self.json[path: "scenarios", name] : nil
        let batches = old?["batches"]?.array ?? []
        if let other = batches.first(where: { $0["commit"] != batch.about["commit"] }) {
            throw Trouble(
                "the runs of \(name) so far are of commit \(other["commit"]?.string ?? "?"): "
                    + "leave out RELIABILITY_APPEND to measure all of them again"
            )
        }
        var about = batch.about
        about["bystanders"] = .array(batch.bystanders)
        let runs = (old?["runs"]?.array ?? []) + batch.runs
        var section: JSONValue = [
            "batches": .array(batches + [about]), "runs": .array(runs), "count": .integer(Int64(runs.count)),
            "seconds": Figures.ofTimes(runs),
            "problems": .integer(Self.count(runs + batches + [about], "problems")),
            "residue": .integer(Self.count(runs, "residue")),
        ]
        let entrances = Dictionary(grouping: runs.compactMap { $0["entrance"]?.string }, by: \.self)
        if !entrances.isEmpty { section["entrances"] = .object(entrances.mapValues { .integer(Int64($0.count)) }) }
        if batch.scenario == .kills {
            section["distinct"] = .integer(Int64(KillPoint.distinct(runs)))
            section["changing"] = .integer(Int64(KillPoint.distinct(runs.filter(KillPoint.isAtChange))))
            section["contexts"] = KillPoint.byContext(runs)
            section["not_restored"] = .integer(Int64(runs.count { $0["problems"] != nil || $0["residue"] != nil }))
        }
        if batch.scenario == .orders { section["count"] = .integer(Self.sum(runs, "orders")) }
        if batch.scenario == .disruptions { section["steps"] = Disruption.totals(runs) }
        if batch.scenario == .latency || batch.scenario == .tunnel { section["medians"] = Figures.medians(runs) }
        self.json["scenarios"] = self.json["scenarios"] ?? [:]
        self.json["scenarios"]?[name] = section
        self.summarize()
    }

    /// The sum of a number of all runs.
    private static func sum(_ runs: [JSONValue], _ name: String) -> Int64 {
        runs.reduce(0) { $0 + ($1[name]?.integer ?? 0) }
    }

    /// How many entries the lists of this name have, in all runs.
    private static func count(_ runs: [JSONValue], _ name: String) -> Int64 {
        Int64(runs.reduce(0) { $0 + ($1[name]?.array?.count ?? 0) })
    }

    /// The figures that are asked for by name, from all sections.
    private mutating func summarize() {
        let sections = self.json["scenarios"]?.object ?? [:]
        func total(_ name: String) -> JSONValue {
            .integer(sections.values.reduce(0) { $0 + ($1[name]?.integer ?? 0) })
        }
        func seconds(_ scenario: Settings.Scenario, _ name: String, _ figure: String) -> JSONValue? {
            sections[scenario.rawValue]?[path: "seconds", name, figure]
        }
        let bystanders = sections.values.flatMap { $0["batches"]?.array ?? [] }
            .flatMap { $0["bystanders"]?.array ?? [] }
        func sum(_ names: String...) -> JSONValue {
            .integer(bystanders.reduce(0) { sum, load in names.reduce(sum) { $0 + (load[$1]?.integer ?? 0) } })
        }
        self.json["requests"] = sum("requests")
        self.json["failed_requests"] = sum("failed", "altered", "retried")
        self.json["residue"] = total("residue")
        self.json["problems"] = total("problems")
        for scenario in Settings.Scenario.allCases {
            self.json[scenario.rawValue] = sections[scenario.rawValue]?["count"]
        }
        self.json["kill_points"] = sections[Settings.Scenario.kills.rawValue]?["distinct"]
        self.json["kill_points_not_restored"] = sections[Settings.Scenario.kills.rawValue]?["not_restored"]
        func median(_ scenario: Settings.Scenario, _ name: String) -> JSONValue? {
            sections[scenario.rawValue]?[path: "medians", name]
        }
        let orders = sections[Settings.Scenario.orders.rawValue]
        self.json["interleavings"] = orders?["count"]
        self.json["interleavings_not_restored"] = orders.map { .integer(Self.sum($0["runs"]?.array ?? [], "faulty")) }
        self.json["added_p50_ms"] = median(.latency, "added_p50_ms")
        self.json["added_p99_ms"] = median(.latency, "added_p99_ms")
        self.json["tunnel_download_ratio"] = median(.tunnel, "down_mib_per_second_ratio")
        self.json["tunnel_upload_ratio"] = median(.tunnel, "up_mib_per_second_ratio")
        self.json["tunnel_requests_ratio"] = median(.tunnel, "requests_per_second_ratio")
        self.json["start_s"] = seconds(.cycles, "start_s", "median")
        self.json["stop_s"] = seconds(.cycles, "stop_s", "median")
        self.json["failover_s"] = seconds(.failovers, "failover_s", "max")
        self.json["restore_s"] = seconds(.failovers, "restore_s", "max")
    }

    /// Notes what is true of the whole document.
    mutating func describe(_ members: [String: JSONValue]) {
        for (key, value) in members { self.json[key] = value }
    }
}
