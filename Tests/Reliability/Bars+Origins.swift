import KubernetesModel

/// What stands behind the figures.
extension Bars {
    /// How many different kill points have to be struck.
    private static let leastKillPoints: Int64 = 500

    /// The kill points, and how many of them are where it matters most.
    static func killPoints(_ document: JSONValue) -> [Line] {
        guard let points = document["kill_points"]?.integer, let lost = document["kill_points_not_restored"]?.integer
        else { return [] }
        let runs = document[path: "scenarios", "kills", "runs"]?.array ?? []
        var measured = "\(points) / \(lost); \(KillPoint.distinct(runs.filter(KillPoint.isAtChange))) at requests that "
        measured += "change something"
        // Earlier files do not tell.
        if runs.contains(where: { $0["swapped"] != nil }) {
            measured += ", \(KillPoint.distinct(runs.filter(KillPoint.isWhileSwapped))) while the Service was swapped"
        }
        return [
            Line(
                what: "kill points struck (distinct), not restored",
                bar: "≥ \(Self.leastKillPoints) / 0",
                measured: measured,
                isMet: points >= Self.leastKillPoints && lost == 0
            )
        ]
    }

    /// A line for each scenario: when its batches were measured, of which commit, at which rate, and how busy the machine was.
    static func origins(_ document: JSONValue) -> [String] {
        Settings.Scenario.allCases.compactMap { scenario in
            let batches = document[path: "scenarios", scenario.rawValue, "batches"]?.array ?? []
            guard !batches.isEmpty else { return nil }
            return "- `\(scenario.rawValue)`: \(batches.map(Self.origin).joined(separator: "; "))"
        }
    }

    private static func origin(_ batch: JSONValue) -> String {
        var parts: [String] = []
        if let date = batch["date"]?.string { parts.append(String(date.prefix(10))) }
        if let commit = batch["commit"]?.string {
            // What follows its 40 digits says that there were changes.
            parts.append("commit \(commit.prefix(7))\(commit.dropFirst(40))")
        }
        if let binary = batch["binary"]?.string { parts.append("binary \(binary)") }
        if let rate = batch["rate"]?.integer { parts.append("\(Self.count(.integer(rate))) requests a second") }
        let loads = ["before", "after"].compactMap { batch["load_average_\($0)"]?[0]?.number.map(Self.plain) }
        if !loads.isEmpty { parts.append("load average \(loads.joined(separator: " to "))") }
        return parts.joined(separator: ", ")
    }
}
