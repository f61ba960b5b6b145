import Foundation
import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import TestSupport
import Testing

@testable import Interceptor

@Suite(
    "What happens at once, in every order of its API calls up to a bound, with each who may be killed at each of them"
)
struct ExplorationTests {
    /// How many deviations from one after the other; `DETOUR_DEVIATIONS` asks for more; `DETOUR_PLOT` for one plot, by words of it.
    private static let deviations = Self.number("DETOUR_DEVIATIONS") ?? 1
    private static let plots = Plot.all.filter { plot in
        ProcessInfo.processInfo.environment["DETOUR_PLOT"].map { "\(plot)".contains($0) } ?? true
    }
    /// How many orders of a plot at most, `DETOUR_ORDERS`; which of those with the most deviations, `DETOUR_SEED` decides.
    private static let limit = Self.number("DETOUR_ORDERS") ?? .max
    private static let seed = UInt64(Self.number("DETOUR_SEED") ?? 1)

    private static func number(_ variable: String) -> Int? {
        ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
    }

    @Test(
        "In no order is the original lost or anything left in the end",
        .timeLimit(.minutes(120)),
        arguments: ExplorationTests.plots
    )
    func everyOrder(plot: Plot) async throws {
        let exploration = Exploration(plot, deviations: Self.deviations, limit: Self.limit, seed: Self.seed)
        let layers = try await exploration.explore()
        #expect(layers.reduce(0) { $0 + $1.played } > plot.cast.count, "\(layers)")
        guard let path = ProcessInfo.processInfo.environment["DETOUR_EXPLORED"] else { return }
        // One line for each number of deviations, for whoever counts them, and one for each of the first faults.
        let lines = layers.enumerated().map { deviations, layer in
            "\(deviations) \(layer.played) \(layer.all) \(layer.faulty) \(plot)\n"
                + layer.faults.map { "fault \($0.replacing("\n", with: " "))\n" }.joined()
        }
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(lines.joined().utf8))
    }
}

/// All orders of a plot's API calls that deviate at most so often from letting each of its cast finish before the next.
///
/// Each order is a run of its own, from the start: what an actor is about to do cannot be copied. A choice counts as a
/// deviation where it takes the turn from an actor who could go on, lets another than the first begin, or kills the one whose
/// turn it is; faults of concurrency rarely need more than two of them
/// (Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007).
private struct Exploration: Sendable {
    private let plot: Plot
    private let deviations: Int
    private let limit: Int
    private let seed: UInt64

    /// The orders with one number of deviations.
    struct Layer: Sendable {
        var played = 0
        /// How many there are.
        var all: Int
        /// How many of those that were played had a problem.
        var faulty = 0
        /// What was wrong with the first of these.
        var faults: [String] = []
    }

    /// Some orders are asked for together, and two cores play them.
    private static let batch = 256
    /// How many faults of a layer are told.
    private static let told = 3

    init(_ plot: Plot, deviations: Int, limit: Int, seed: UInt64) {
        self.plot = plot
        self.deviations = deviations
        self.limit = limit
        self.seed = seed
    }

    /// Tries them, those with the fewest deviations first; where there are more than the limit, some of the last, by the seed.
    ///
    /// - Returns: how many there were, by the number of deviations. What deviates from orders that were left out is not counted.
    func explore() async throws -> [Layer] {
        var random = SplitMix64(seed: self.seed)
        var layers: [Layer] = []
        var orders: [[Int: Int]] = [[:]]
        while !orders.isEmpty {
            var layer = Layer(all: orders.count)
            let room = self.limit - layers.reduce(0) { $0 + $1.played }
            if orders.count > room { orders = Array(orders.shuffled(using: &random).prefix(room)) }
            let isLast = layers.count == self.deviations
            var next: [[Int: Int]] = []
            for start in stride(from: 0, to: orders.count, by: Self.batch) {
                for play in try await self.play(orders[start..<min(start + Self.batch, orders.count)]) {
                    layer.played += 1
                    if let fault = play.fault {
                        layer.faulty += 1
                        if layer.faults.count < Self.told { layer.faults.append(fault) }
                    }
                    if !isLast { next += play.deviations }
                }
            }
            layers.append(layer)
            orders = next
        }
        return layers
    }

    /// One order as it was played.
    private struct Play: Sendable {
        var order: [Int: Int]
        /// How many ways to go on there were at each choice.
        var choices: [Int]
        /// The order, its choices and what was wrong; nil where nothing was.
        var fault: String?

        /// The orders that deviate from it once more, later.
        var deviations: [[Int: Int]] {
            let start = (self.order.keys.max() ?? -1) + 1
            return (start..<max(start, self.choices.count)).flatMap { place in
                (1..<max(1, self.choices[place])).map { self.order.merging([place: $0]) { $1 } }
            }
        }
    }

    private func play(_ orders: ArraySlice<[Int: Int]>) async throws -> [Play] {
        try await withThrowingTaskGroup(of: (Int, Play).self) { group in
            for index in orders.indices { group.addTask { (index, try await self.play(orders[index])) } }
            // In their order, so that a seed always draws the same.
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private func play(_ order: [Int: Int]) async throws -> Play {
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
        guard !trial.problems.isEmpty else { return Play(order: order, choices: choices) }
        let places = order.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        let fault = "order [\(places)], choices \(choices): \(trial.problems); \(trial.story)"
        Issue.record("\(self.plot), \(fault)")
        return Play(order: order, choices: choices, fault: fault)
    }
}
