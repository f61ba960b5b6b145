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

    var description: String { "\(self.value)s" }
    var defaultValueDescription: String { self.description }
}
