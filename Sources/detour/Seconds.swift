import ArgumentParser

/// A whole number of seconds, read from `45`, `45s`, `10m` or `2h`.
struct Seconds: ExpressibleByArgument, CustomStringConvertible, Hashable {
    var value: Int

    init(_ value: Int) {
        self.value = value
    }

    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? argument : String(argument.dropLast())), number > 0, number < 1_000_000
        else { return nil }
        self.value = number * (unit ?? 1)
    }

    /// As short as it can be typed: `2h`, `10m`, `60s`.
    var description: String {
        if self.value.isMultiple(of: 3_600) { return "\(self.value / 3_600)h" }
        return self.value > 60 && self.value.isMultiple(of: 60) ? "\(self.value / 60)m" : "\(self.value)s"
    }

    var defaultValueDescription: String { self.description }
}
