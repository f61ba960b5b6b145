/// Writes the text format that Prometheus reads: a family's two comment lines, then its samples.
public struct MetricsPage {
    /// What has been written.
    public private(set) var text = ""
    private var name = ""

    /// A page with nothing on it.
    public init() {}

    /// Begins a family; `type` is `counter`, `gauge` or `histogram`, `help` one line.
    public mutating func family(_ name: String, _ type: String, _ help: String) {
        self.name = name
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    /// Adds a sample to the family begun last.
    public mutating func sample(
        _ labels: [(String, String)],
        _ value: some CustomStringConvertible,
        suffix: String = ""
    ) {
        let list = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        self.text += "\(self.name)\(suffix)\(list.isEmpty ? "" : "{\(list)}") \(value)\n"
    }

    /// Adds a histogram's samples, in seconds, to the family begun last.
    public mutating func histogram(_ labels: [(String, String)], _ durations: Durations) {
        var total = 0
        for (bound, bucket) in zip(durations.bounds, durations.buckets) {
            total += bucket
            self.sample(labels + [("le", "\(Double(bound) / 1_000_000)")], total, suffix: "_bucket")
        }
        // Never less than the steps before, whatever was noted between two reads.
        let count = max(durations.count, total)
        self.sample(labels + [("le", "+Inf")], count, suffix: "_bucket")
        self.sample(labels, Double(durations.sum) / 1_000_000, suffix: "_sum")
        self.sample(labels, count, suffix: "_count")
    }

    /// A label's value, as the format wants it: the three characters that would end it or its line.
    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x5c || $0 == 0x22 || $0 == 0x0a }) else { return value }
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}

/// How long things took: how many took at most so long.
public struct Durations: Hashable, Sendable {
    /// The upper ends of the steps, in microseconds.
    public var bounds: [Int]
    /// How many are in each step, and in none before.
    public var buckets: [Int]
    /// How many there are, those beyond the last step included.
    public var count: Int
    /// What they add up to, in microseconds.
    public var sum: Int

    /// Durations from their parts.
    public init(bounds: [Int], buckets: [Int], count: Int, sum: Int) {
        self.bounds = bounds
        self.buckets = buckets
        self.count = count
        self.sum = sum
    }
}

extension Durations {
    /// Several with the same steps, added up; none when there are none.
    public init(_ parts: [Durations]) {
        self.init(bounds: parts.first?.bounds ?? [], buckets: parts.first?.buckets ?? [], count: 0, sum: 0)
        for (index, part) in parts.enumerated() {
            if index > 0 { for step in self.buckets.indices { self.buckets[step] += part.buckets[step] } }
            self.count += part.count
            self.sum += part.sum
        }
    }
}
