import Foundation
import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@testable import Interceptor

@Suite("What happens at once, in every order of its API calls up to a bound")
struct ExplorationTests {
    /// How many deviations from one after the other; `DETOUR_DEVIATIONS` asks for more, `DETOUR_PLOTS` for the first plots only.
    private static let deviations = Self.number("DETOUR_DEVIATIONS") ?? 1
    private static let plots = Array(Plot.all.prefix(Self.number("DETOUR_PLOTS") ?? Plot.all.count))

    private static func number(_ variable: String) -> Int? {
        ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
    }

    @Test(
        "In no order is the original lost or anything left in the end",
        .timeLimit(.minutes(120)),
        arguments: ExplorationTests.plots
    )
    func everyOrder(plot: Plot) async throws {
        let explored = try await Exploration(plot, deviations: Self.deviations).explore()
        #expect(explored > plot.cast.count, "\(explored) orders")
        guard let path = ProcessInfo.processInfo.environment["DETOUR_EXPLORED"] else { return }
        // One line a plot, for whoever counts them.
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data("\(explored) \(Self.deviations) \(plot)\n".utf8))
    }
}

/// All orders of a plot's API calls that deviate at most so often from letting each of its cast finish before the next.
///
/// Each order is a run of its own, from the start: what an actor is about to do cannot be copied. A choice counts as a
/// deviation where it takes the turn from an actor who could go on, or lets another than the first begin; faults of
/// concurrency rarely need more than two of them
/// (Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007).
private struct Exploration: Sendable {
    private let plot: Plot
    private let deviations: Int

    init(_ plot: Plot, deviations: Int) {
        self.plot = plot
        self.deviations = deviations
    }

    /// Tries them all.
    ///
    /// - Returns: how many there are.
    func explore() async throws -> Int {
        var explored = 0
        var open: [[Int: Int]] = [[:]]
        while !open.isEmpty {
            let batch = open.suffix(256)
            open.removeLast(batch.count)
            try await withThrowingTaskGroup(of: ([Int: Int], [Int]).self) { group in
                for order in batch { group.addTask { (order, try await self.play(order)) } }
                for try await (order, choices) in group {
                    explored += 1
                    guard order.count < self.deviations else { continue }
                    let start = (order.keys.max() ?? -1) + 1
                    for place in start..<max(start, choices.count) {
                        for other in 1..<max(1, choices[place]) {
                            open.append(order.merging([place: other]) { $1 })
                        }
                    }
                }
            }
        }
        return explored
    }

    /// Plays one order.
    ///
    /// - Returns: how many actors could have been chosen at each choice.
    private func play(_ order: [Int: Int]) async throws -> [Int] {
        let turnstile = Turnstile(deviations: order)
        let trial = Trial(try self.plot.stage(), turnstile)
        turnstile.enter(self.plot.cast.count)
        let replicas = await withTaskGroup(of: TestReplica?.self) { group in
            for (actor, role) in self.plot.cast.enumerated() {
                group.addTask {
                    defer { turnstile.leave() }
                    return await role.play(trial, actor)
                }
            }
            return await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }
        }
        let choices = turnstile.choices
        await trial.settle(replicas.sorted { $0.uid < $1.uid })
        #expect(trial.problems.isEmpty, "\(self.plot), order \(order): \(trial.story)")
        return choices
    }
}
