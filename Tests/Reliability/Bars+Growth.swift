import KubernetesModel

extension Bars {
    /// What hundreds of cycles and a day's traffic have made grow.
    static func growth(_ document: JSONValue) -> [Line] {
        self.cycles(document[path: "scenarios", "soak"]) + self.day(document[path: "scenarios", "day"])
    }

    private static func cycles(_ soak: JSONValue?) -> [Line] {
        guard let soak, let count = soak["count"]?.integer else { return [] }
        let batches = soak["batches"]?.array ?? []
        let grown = batches.flatMap { ($0["growth"]?.object ?? [:]).map { "\($0.key) \($0.value.compact)" } }.sorted()
        func median(_ name: String) -> String { Self.seconds(soak[path: "seconds", name, "median"]) }
        func isWithin(_ name: String, _ limit: Double) -> Bool {
            soak[path: "seconds", name, "median"]?.number.map { $0 <= limit } ?? false
        }
        let memory = batches.flatMap { batch in
            (batch["memory_kib"]?.object ?? [:]).sorted { $0.key < $1.key }.map { name, pair in
                "\(name) \((pair.array ?? []).map { Self.count($0) }.joined(separator: " → "))"
            }
        }
        let shown = Line(
            what: "… resident memory of the cluster's own programs, in KiB",
            bar: "none",
            measured: memory.joined(separator: "; "),
            isMet: true
        )
        let residue = (soak["residue"]?.integer ?? 0) + (soak["problems"]?.integer ?? 0)
        return [
            Line(
                what: "many cycles: rounds with a problem or residue, growth of processes, objects, rules, sockets",
                bar: "0 of ≥ \(Self.cycles)",
                measured: "\(residue) of \(count)" + (grown.isEmpty ? ", none" : ", \(grown.joined(separator: ", "))"),
                isMet: residue == 0 && grown.isEmpty && count >= Self.cycles
            ),
            Line(
                what: "… start and stop",
                bar: "median ≤ 3 s, ≤ 2 s",
                measured: "median \(median("start_s")), \(median("stop_s"))",
                isMet: isWithin("start_s", 3) && isWithin("stop_s", 2)
            ),
        ] + (memory.isEmpty ? [] : [shown])
    }

    /// How many cycles are many.
    private static let cycles: Int64 = 500

    private static func day(_ day: JSONValue?) -> [Line] {
        (day?["batches"]?.array ?? []).flatMap { batch -> [Line] in
            let minutes = batch["minutes"]?.integer ?? 0
            let lines = Growth.parts.compactMap { part -> Line? in
                guard let growth = batch[path: "growth", part] else { return nil }
                func pair(_ name: String) -> String {
                    (growth[name]?.array ?? []).map { "\($0)" }.joined(separator: " → ")
                }
                return Line(
                    what: "a day in \(minutes) minutes: \(part), memory in KiB, descriptors, threads",
                    bar: "≤ 10 % and 4 MiB, ≤ 5, ≤ 0 more",
                    measured: "\(pair("memory_kib")); \(pair("descriptors")); \(pair("threads"))",
                    isMet: !Growth.isGrown(growth)
                )
            }
            let resident = batch["resident"] ?? [:]
            let lost = ["failed", "altered", "retried"].reduce(0) { $0 + (resident[$1]?.integer ?? 1) }
            let all = resident["requests"] ?? 0
            return lines + [
                Line(
                    what: "… requests of the developer who stayed, lost or not theirs",
                    bar: "0",
                    measured: "\(lost) of \(Self.count(all)), during \(day?["count"] ?? 0) visits of another",
                    isMet: lost == 0 && all != 0
                )
            ]
        }
    }
}
