import ArgumentParser

/// A share such as `10%` or `0.5%`, to the hundredth of a percent.
struct Percentage: ExpressibleByArgument, Hashable {
    /// Of 10,000.
    let per10000: Int

    static let all = Percentage(per10000: 10_000)

    private init(per10000: Int) { self.per10000 = per10000 }

    init?(argument: String) {
        let digits = argument.hasSuffix("%") ? String(argument.dropLast()) : argument
        guard let percent = Double(digits), percent > 0, percent <= 100 else { return nil }
        let rounded = Int((percent * 100).rounded())
        guard rounded > 0 else { return nil }
        self.init(per10000: rounded)
    }

    var defaultValueDescription: String { "100%" }
}
