/// An amount of a resource as Kubernetes writes it, such as `250m` or `64Mi`, in thousandths.
struct Quantity: Sendable, Hashable {
    /// The amount times 1000, rounded up.
    var thousandths: Int64

    private static let binary: [String: Int64] = [
        "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50,
    ]
    private static let decimal: [String: Int64] = [
        "": 1_000, "m": 1, "k": 1_000_000, "M": 1_000_000_000, "G": 1_000_000_000_000, "T": 1_000_000_000_000_000,
    ]

    /// Reads an amount; nil when it is none, or too large.
    init?(_ text: String) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let suffix = String(text.dropFirst(number.count))
        guard let value = Double(number) else { return nil }
        let factor: Double
        if let binary = Self.binary[suffix] {
            factor = Double(binary) * 1_000
        } else if let decimal = Self.decimal[suffix] {
            factor = Double(decimal)
        } else {
            return nil
        }
        guard let thousandths = Int64(exactly: (value * factor).rounded(.up)) else { return nil }
        self.thousandths = thousandths
    }

    /// How many times the divisor goes into this amount, rounded up.
    func divided(by divisor: Quantity) -> Int64? {
        guard divisor.thousandths > 0 else { return nil }
        let (whole, rest) = self.thousandths.quotientAndRemainder(dividingBy: divisor.thousandths)
        return rest > 0 ? whole + 1 : whole
    }
}
