/// An amount of a resource as the API writes it: `50m`, `64Mi`, `1.5`, `2e3`.
///
/// Kept in thousandths, rounded up, as Kubernetes does; exact up to 9 × 10¹² units.
public struct Quantity: Sendable, Hashable, Comparable {
    /// The amount times a thousand.
    public var thousandths: Double

    /// A whole amount.
    public init(_ whole: Int) {
        self.thousandths = Double(whole) * 1000
    }

    /// The amount that a string or number of the API stands for; nil when it is none.
    public init?(_ json: JSONValue?) {
        switch json {
        case .integer(let value): self.thousandths = Double(value) * 1000
        case .double(let value): self.thousandths = Self.roundedUp(value * 1000)
        case .string(let text):
            guard let quantity = Self(parsing: text) else { return nil }
            self = quantity
        default: return nil
        }
    }

    /// Reads the amount; nil when the text is none.
    public init?(parsing text: String) {
        let (digits, factor) =
            Self.suffixes.first { text.hasSuffix($0.0) }
            .map { (text.dropLast($0.0.count), $0.1) } ?? (text[...], 1000)
        guard let last = digits.last, last.isASCII, last.isNumber || last == ".",
            digits.allSatisfy({ "0123456789.+-eE".contains($0) }), let value = Double(digits), value.isFinite
        else { return nil }
        self.thousandths = Self.roundedUp(value * factor)
    }

    /// Rounded up, but for what only the binary form of a decimal fraction adds: `2.007` are 2007 thousandths.
    private static func roundedUp(_ value: Double) -> Double {
        let nearest = value.rounded()
        return abs(value - nearest) <= 1e-9 * max(1, abs(value)) ? nearest : value.rounded(.up)
    }

    /// What one of the unit is in thousandths.
    private static let suffixes: [(String, Double)] = [
        ("Ki", 1_024e3), ("Mi", 1_048_576e3), ("Gi", 1_073_741_824e3), ("Ti", 1_099_511_627_776e3),
        ("Pi", 1_125_899_906_842_624e3), ("Ei", 1_152_921_504_606_846_976e3), ("n", 1e-6), ("u", 1e-3), ("m", 1),
        ("k", 1e6), ("M", 1e9), ("G", 1e12), ("T", 1e15), ("P", 1e18), ("E", 1e21),
    ]

    /// The sum.
    public static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.thousandths += right.thousandths
        return sum
    }

    /// As many times the amount.
    public static func * (count: Int, amount: Self) -> Self {
        var product = amount
        product.thousandths *= Double(count)
        return product
    }

    /// Whether the first is the smaller amount.
    public static func < (left: Self, right: Self) -> Bool { left.thousandths < right.thousandths }
}
