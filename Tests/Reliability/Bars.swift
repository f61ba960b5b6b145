import Foundation
import KubernetesModel

/// What the document says, beside what it has to say.
struct Bars: Sendable {
    /// One line of the table.
    struct Line: Sendable, Hashable {
        var what: String
        /// The bar, in words.
        var bar: String
        var measured: String
        /// Whether it is met.
        var isMet: Bool
    }

    let lines: [Line]
    /// When each scenario was measured, and of what.
    let origins: [String]

    /// The lines of all that the document has; what was not measured has none.
    init(_ document: JSONValue) {
        var lines: [Line] = []
        func time(_ what: String, _ scenario: String, _ name: String, _ figure: String, limit: Double) {
            guard let figures = document[path: "scenarios", scenario, "seconds", name],
                let value = figures[figure]?.number
            else { return }
            let shown = ["median", "p90", "max"].map { "\($0) \(Self.seconds(figures[$0]))" }.joined(separator: ", ")
            lines.append(
                Line(what: what, bar: "\(figure) ≤ \(Self.plain(limit)) s", measured: shown, isMet: value <= limit)
            )
        }
        func none(_ what: String, _ name: String, of all: String?) {
            guard let value = document[name]?.integer else { return }
            let whole = all.map { " of \($0)" } ?? ""
            // Of no requests at all, none failing says nothing.
            let isMet = value == 0 && (all == nil || all != "0")
            lines.append(Line(what: what, bar: "0", measured: "\(value)\(whole)", isMet: isMet))
        }
        let ttl = document[path: "scenarios", "failovers", "batches"]?[0]?["ttl_s"]?.number
        time("process start → first diverted request", "cycles", "start_s", "median", limit: 3)
        time("Ctrl-C → selector restored", "cycles", "stop_s", "median", limit: 2)
        time("command killed → the original answers a matching request", "failovers", "failover_s", "max", limit: 3.5)
        time("… the slowest matching request of that time", "failovers", "slowest_s", "max", limit: 3.5)
        if let ttl { time("command killed → selector restored", "failovers", "restore_s", "max", limit: ttl + 15) }
        lines += Self.killPoints(document)
        if let orders = document["interleavings"]?.integer, let lost = document["interleavings_not_restored"]?.integer {
            lines.append(
                Line(
                    what: "orders of API calls on the model, with kills; not restored",
                    bar: "≥ \(Self.count(.integer(Self.orders))) / 0",
                    measured: "\(Self.count(.integer(orders))) / \(lost)",
                    isMet: orders >= Self.orders && lost == 0
                )
            )
        }
        lines += Self.disruptions(document[path: "scenarios", "disruptions", "steps"])
        lines += Self.bystanders(document)
        none("objects and fields left behind", "residue", of: nil)
        lines += Self.growth(document)
        lines += Self.comparisons(document)
        lines += Self.laptop(document[path: "scenarios", "laptop"])
        lines += Self.reverts(document[path: "scenarios", "reverts"])
        lines += Self.shortcomings(document)
        none("rounds in which anything else was wrong", "problems", of: Self.rounds(document))
        self.lines = lines
        self.origins = Self.origins(document)
    }

    /// How many orders have to be played.
    private static let orders: Int64 = 100_000

    /// The document as a table in Markdown, and below it when and of what it was measured.
    var markdown: String {
        (["| what | bar | measured |", "|---|---|---|"]
            + self.lines.map { "| \($0.what) | \($0.bar) | \($0.measured)\($0.isMet ? "" : " **missed**") |" }
            + (self.origins.isEmpty ? [] : [""] + self.origins))
            .joined(separator: "\n")
    }

    /// A line for each batch that made fewer rounds than were asked for, or left more objects than there were.
    private static func shortcomings(_ document: JSONValue) -> [Line] {
        Settings.Scenario.allCases.flatMap { scenario in
            (document[path: "scenarios", scenario.rawValue, "batches"]?.array ?? []).flatMap { batch -> [Line] in
                var lines: [Line] = []
                if let asked = batch["asked"]?.integer, let made = batch["made"]?.integer, made < asked {
                    let measured = "\(made)"
                    lines.append(
                        Line(what: "\(scenario.rawValue) made", bar: "\(asked)", measured: measured, isMet: false)
                    )
                }
                if let before = batch[path: "objects", "before"]?.integer,
                    let after = batch[path: "objects", "after"]?.integer, after > before
                {
                    let what = "objects in the namespace after \(scenario.rawValue)"
                    lines.append(Line(what: what, bar: "≤ \(before)", measured: "\(after)", isMet: false))
                }
                return lines
            }
        }
    }

    /// What an intercept adds, and the tunnel beside port-forward: medians of the rounds.
    private static func comparisons(_ document: JSONValue) -> [Line] {
        var lines: [Line] = []
        if let latency = document[path: "scenarios", "latency", "medians"] {
            func shown(_ kind: String) -> String {
                "p50 \(Self.plain(latency["\(kind)_p50_ms"]?.number ?? 0)) ms, "
                    + "p99 \(Self.plain(latency["\(kind)_p99_ms"]?.number ?? 0)) ms"
            }
            let measured = "+ \(shown("added")) (without an intercept: \(shown("plain")))"
            let what =
                "added to an un-diverted request at \(Self.count(.integer(Int64(LatencyScenario.rate)))) a second"
            lines.append(Line(what: what, bar: "none", measured: measured, isMet: true))
        }
        let tunnel = document[path: "scenarios", "tunnel", "medians"]
        for (what, name, unit, limit) in [
            ("one large download", "down_mib_per_second", "MiB/s", 0.9),
            ("one large upload", "up_mib_per_second", "MiB/s", 0.9),
            ("new requests, \(TunnelScenario.clients) at a time", "requests_per_second", "a second", 3),
        ] {
            guard let tunnel, let ratio = tunnel["\(name)_ratio"]?.number else { continue }
            let figures = ["tunnel", "forward"].map { Self.plain((tunnel["\($0)_\(name)"]?.number ?? 0).rounded()) }
            lines.append(
                Line(
                    what: "the tunnel beside kubectl port-forward: \(what)",
                    bar: "≥ \(Self.plain(limit)) ×",
                    measured:
                        "\(Self.plain((ratio * 100).rounded() / 100)) × (\(figures[0]) and \(figures[1]) \(unit))",
                    isMet: ratio >= limit
                )
            )
        }
        return lines
    }

    private static func rounds(_ document: JSONValue) -> String {
        Settings.Scenario.allCases.compactMap { scenario -> String? in
            guard let section = document[path: "scenarios", scenario.rawValue], let count = section["count"] else {
                return nil
            }
            let entrances = (section["entrances"]?.object ?? [:]).sorted { $0.key < $1.key }
                .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            return "\(count) \(scenario.rawValue)\(entrances.isEmpty ? "" : " (\(entrances))")"
        }.joined(separator: ", ")
    }

    /// Thousands are set apart.
    static func count(_ value: JSONValue) -> String {
        let digits = Array("\(value)")
        return digits.indices.reduce(into: "") { text, index in
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digits[index])
        }
    }

    static func seconds(_ value: JSONValue?) -> String {
        "\(Self.plain(((value?.number ?? 0) * 100).rounded() / 100)) s"
    }

    static func plain(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : "\(value)"
    }
}

extension Bars {
    /// A page with its table replaced: what stands between the two marks.
    ///
    /// - Throws: ``Trouble`` where the page has no marks.
    func renewed(_ page: String) throws -> String {
        guard let begin = page.range(of: Self.begin), let end = page.range(of: Self.end),
            begin.upperBound <= end.lowerBound
        else { throw Trouble("the page has no place for the table: '\(Self.begin)' and '\(Self.end)' are missing") }
        return page[..<begin.upperBound] + "\n" + self.markdown + "\n" + page[end.lowerBound...]
    }

    private static let begin = "<!-- table of Benchmarks/reliability.json -->"
    private static let end = "<!-- end of table -->"
}
