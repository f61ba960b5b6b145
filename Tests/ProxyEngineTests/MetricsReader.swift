#if os(Linux)
    import Testing

    /// A page for Prometheus, read as strictly as its own checker does: what it would complain of fails the test.
    struct MetricsReader {
        private struct Series: Hashable {
            let name: String
            let labels: [String: String]
        }

        private var values: [Series: Double] = [:]
        private var types: [String: String] = [:]
        private var family = ""

        subscript(name: String, labels: [String: String]) -> Double? { self.values[Series(name: name, labels: labels)] }

        /// How many series there are.
        var count: Int { self.values.count }

        init(_ text: String) throws {
            try #require(text.hasSuffix("\n"))
            var help: String?
            for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
                if let match = line.wholeMatch(of: /# HELP ([a-z_]+) (\S.*)/) {
                    try #require(help == nil && match.2.hasSuffix("."), "\(line)")
                    help = String(match.1)
                } else if let match = line.wholeMatch(of: /# TYPE ([a-z_]+) (counter|gauge|histogram)/) {
                    try #require(help == String(match.1), "HELP goes before TYPE: \(line)")
                    help = nil
                    try self.begin(String(match.1), String(match.2))
                } else {
                    try #require(help == nil)
                    try self.sample(line)
                }
            }
            for (name, type) in self.types where type == "histogram" { try self.checkHistogram(name) }
        }

        private mutating func begin(_ name: String, _ type: String) throws {
            let isNew = self.types.updateValue(type, forKey: name) == nil
            try #require(isNew, "\(name) is there twice")
            try #require(type != "counter" || name.hasSuffix("_total"), "\(name) is a counter")
            try #require(type == "counter" || !name.hasSuffix("_total"), "\(name) is no counter")
            self.family = name
        }

        private mutating func sample(_ line: Substring) throws {
            let match = try #require(line.wholeMatch(of: /([a-z_]+)(?:\{(.*)\})? (\S+)/), "\(line)")
            let name = String(match.1)
            let suffixes = self.types[self.family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
            try #require(suffixes.contains { name == self.family + $0 }, "\(name) is not of \(self.family)")
            var labels: [String: String] = [:]
            var rest = match.2 ?? ""
            while let label = rest.prefixMatch(of: /([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/) {
                let isNew = labels.updateValue(String(label.2), forKey: String(label.1)) == nil
                try #require(isNew, "\(line)")
                rest = rest[label.range.upperBound...]
            }
            try #require(rest.isEmpty, "\(line)")
            let value = try #require(Double(match.3), "\(line)")
            let series = Series(name: name, labels: labels)
            let isNew = self.values.updateValue(value, forKey: series) == nil
            try #require(isNew, "\(line) is there twice")
        }

        private func checkHistogram(_ name: String) throws {
            var groups: [[String: String]: [(Double, Double)]] = [:]
            for (series, value) in self.values where series.name == "\(name)_bucket" {
                var labels = series.labels
                let end = labels.removeValue(forKey: "le")
                let word = try #require(end)
                let bound = try word == "+Inf" ? .infinity : #require(Double(word))
                groups[labels, default: []].append((bound, value))
            }
            try #require(!groups.isEmpty)
            for (labels, steps) in groups {
                let steps = steps.sorted { $0.0 < $1.0 }
                try #require(zip(steps, steps.dropFirst()).allSatisfy { $0.1 <= $1.1 }, "\(name) adds up")
                try #require(steps.last?.0 == .infinity)
                try #require(steps.last?.1 == self["\(name)_count", labels])
                try #require(self["\(name)_sum", labels] != nil)
            }
        }
    }
#endif
