import ClusterTestSupport
import Foundation
import KubernetesModel

/// Every order of API calls on a model, with kills, up to a bound: the exploration of the unit tests, asked for more.
///
/// What it plays is the planner, the replicas' steward and the commands as they are; the cluster is not asked for anything.
struct OrdersScenario {
    /// How many deviations from one after the other at most.
    static let deviations = 3
    /// How many plots there are, each of which gets its share.
    static let plots = 8

    let seed: UInt64

    /// Plays so many orders, or all there are.
    ///
    /// - Returns: one run for each plot and number of deviations.
    func run(_ count: Int, within limit: Duration) async throws -> [JSONValue] {
        let tests = "/\(Shell.root)/.build/debug/detourPackageTests.xctest"
        guard FileManager.default.isExecutableFile(atPath: tests) else {
            throw Trouble("\(tests) is not there: swift build --build-tests")
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "orders-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = try RunningProcess(
            [tests, "--testing-library", "swift-testing", "--filter", "ExplorationTests"],
            environment: [
                "DETOUR_DEVIATIONS": String(Self.deviations), "DETOUR_EXPLORED": file.path(),
                "DETOUR_ORDERS": String((count + Self.plots - 1) / Self.plots), "DETOUR_SEED": String(self.seed),
            ]
        )
        defer { process.signal(SIGKILL) }
        let status = await withTaskCancellationHandler {
            await process.ended(within: limit)
        } onCancel: {
            process.signal(SIGKILL)
        }
        try Task.checkCancellation()
        var runs = Self.runs(of: try String(contentsOf: file, encoding: .utf8))
        // A fault fails the tests too; it is counted where it was found.
        if status != 0, !runs.contains(where: { $0["problems"] != nil }) {
            runs.append(["problems": [.string("exit status \(status): \(process.output.suffix(800))")]])
        }
        return runs
    }

    /// From lines like `2 709 709 1 a plot in words`: deviations, orders that were played, orders there are, with a fault; and
    /// after that one like `fault what was wrong` for each of the first of those.
    static func runs(of lines: String) -> [JSONValue] {
        var runs: [JSONValue] = []
        for line in lines.split(separator: "\n") {
            if line.hasPrefix(Self.fault), let last = runs.indices.last {
                let text = JSONValue.string(String(line.dropFirst(Self.fault.count)))
                runs[last]["problems"] = .array((runs[last]["problems"]?.array ?? []) + [text])
                continue
            }
            let words = line.split(separator: " ", maxSplits: 4)
            let numbers = words.prefix(4).compactMap { Int64($0) }
            guard numbers.count == 4, words.count == 5 else { continue }
            runs.append([
                "plot": .string(String(words[4])), "deviations": .integer(numbers[0]), "orders": .integer(numbers[1]),
                "all": .integer(numbers[2]), "faulty": .integer(numbers[3]),
            ])
        }
        return runs.map { run in
            var (run, told) = (run, run["problems"]?.array ?? [])
            let more = (run["faulty"]?.integer ?? 0) - Int64(told.count)
            if more > 0 { told.append(.string("\(more) \(told.isEmpty ? "" : "more ")orders with a fault")) }
            if !told.isEmpty { run["problems"] = .array(told) }
            return run
        }
    }

    private static let fault = "fault "
}
