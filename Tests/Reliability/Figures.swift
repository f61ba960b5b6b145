import KubernetesModel

/// Median, 90th percentile and extremes of some measurements.
struct Figures: Sendable, Hashable {
    let sorted: [Double]

    /// The figures of measurements in any order; nil when there are none, for then there is nothing to say.
    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        self.sorted = values.sorted()
    }

    /// The middle one, or the mean of the two in the middle.
    var median: Double {
        let middle = self.sorted.count / 2
        return self.sorted.count.isMultiple(of: 2)
            ? (self.sorted[middle - 1] + self.sorted[middle]) / 2 : self.sorted[middle]
    }

    /// The smallest one that 90 % are not above (nearest rank).
    var p90: Double { self.sorted[(self.sorted.count * 9 + 9) / 10 - 1] }
    var max: Double { self.sorted[self.sorted.count - 1] }

    var json: JSONValue {
        ["median": .seconds(self.median), "p90": .seconds(self.p90), "max": .seconds(self.max)]
    }

    /// The figures of every member of some runs whose name says that it is a time.
    static func ofTimes(_ runs: [JSONValue]) -> JSONValue {
        let names = Set(runs.flatMap { ($0.object ?? [:]).keys }).filter { $0.hasSuffix("_s") }
        var all: JSONValue = [:]
        for name in names { all[name] = Figures(runs.compactMap { $0[name]?.number })?.json }
        return all
    }

    /// The median of every member of some runs that is a number.
    static func medians(_ runs: [JSONValue]) -> JSONValue {
        var all: JSONValue = [:]
        for name in Set(runs.flatMap { ($0.object ?? [:]).keys }) {
            all[name] = Figures(runs.compactMap { $0[name]?.number }).map { JSONValue.seconds($0.median) }
        }
        return all
    }
}

extension JSONValue {
    /// Seconds, to the millisecond.
    static func seconds(_ value: Double) -> JSONValue { .double((value * 1_000).rounded() / 1_000) }

    /// Any number.
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}

extension Duration {
    /// In seconds.
    var seconds: Double {
        Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18
    }
}
