import ClusterTestSupport
import Foundation
import KubernetesModel

/// The batches of scenarios that take long, or many.
extension Reliability {
    /// Starts and ends until something would have grown.
    func soak(_ start: JSONValue, _ count: Int, _ stage: Stage) async throws -> Document.Batch {
        let last = ContinuousClock.now + .seconds(60 * self.settings.minutes)
        let scenario = SoakScenario(stage: stage, rate: self.settings.rate, say: Self.say)
        let results = try await scenario.run(count, until: last)
        var about = try Self.finished(start, asked: count, made: results.runs.count)
        about["samples"] = .array(results.samples)
        about["growth"] = Growth.ofSoak(results.samples)
        about["memory_kib"] = Growth.memoryOfSoak(results.samples)
        return Document.Batch(scenario: .soak, about: about, runs: results.runs, bystanders: results.bystanders)
    }

    /// A day's traffic in so many minutes.
    func day(_ start: JSONValue, _ minutes: Int, _ stage: Stage) async throws -> Document.Batch {
        let results = try await DayScenario(stage: stage, rate: self.settings.rate, say: Self.say).run(minutes: minutes)
        var about = try Self.finished(start, asked: 1, made: results.runs.count)
        about["minutes"] = .integer(Int64(minutes))
        about["samples"] = .array(results.samples)
        about["growth"] = Growth.ofDay(results.samples)
        about["resident"] = results.resident
        return Document.Batch(scenario: .day, about: about, runs: results.runs, bystanders: results.bystanders)
    }

    /// Orders of API calls on the model.
    func orders(_ start: JSONValue) async throws -> Document.Batch {
        let count = self.settings.counts[.orders, default: 0]
        let limit = Duration.seconds(60 * self.settings.minutes)
        let runs = try await OrdersScenario(seed: self.settings.seed).run(count, within: limit)
        let made = runs.reduce(0) { $0 + Int($1["orders"]?.integer ?? 0) }
        let about = try Self.finished(start, asked: count, made: made)
        return Document.Batch(scenario: .orders, about: about, runs: runs, bystanders: [])
    }

    /// What is known of a batch at its end.
    static func finished(_ start: JSONValue, asked: Int, made: Int) throws -> JSONValue {
        var about = start
        about["load_average_after"] = try Machine.loadAverage()
        (about["asked"], about["made"]) = (.integer(Int64(asked)), .integer(Int64(made)))
        return about
    }
}
