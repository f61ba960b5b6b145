import KubernetesModel

/// What some samples, in order, say about growth.
enum Growth {
    /// The parts of a ``DayScenario`` that are looked at.
    static let parts = ["interceptor", "command"]

    /// Memory in KiB by the end of the first quarter of the time and at the end, and descriptors before the first and after the last
    /// request, of each part.
    ///
    /// Not the first sample's memory: what an allocator keeps for the next request is there after some of them, and then stays.
    static func ofDay(_ samples: [JSONValue]) -> JSONValue {
        guard samples.count >= 4, let first = samples.first, let last = samples.last else { return [:] }
        let quarter = samples[samples.count / 4]
        var growth: JSONValue = [:]
        for part in Self.parts {
            growth[part] = [
                "memory_kib": .array([quarter, last].compactMap { $0[path: part, "memory_kib"] }),
                "descriptors": .array([first, last].compactMap { $0[path: part, "descriptors"] }),
                "threads": .array([quarter, last].compactMap { $0[path: part, "threads"] }),
            ]
        }
        return growth
    }

    /// What there is more of after the last cycle than before the first, and how much; sockets come and go by themselves.
    static func ofSoak(_ samples: [JSONValue]) -> JSONValue {
        guard let first = samples.first?.object, let last = samples.last?.object, samples.count >= 2 else { return [:] }
        var growth: JSONValue = [:]
        for (name, value) in first where name != "cycles" && name != "sockets" {
            guard let before = value.integer, let after = last[name]?.integer, after > before else { continue }
            growth[name] = .array([.integer(before), .integer(after)])
        }
        return growth
    }

    /// Whether a part has grown: by more than a tenth of its memory and 4 MiB, or by more than 5 descriptors or any thread.
    static func isGrown(_ part: JSONValue) -> Bool {
        func pair(_ name: String) -> (before: Int64, after: Int64)? {
            guard let values = part[name]?.array?.compactMap(\.integer), values.count == 2 else { return nil }
            return (values[0], values[1])
        }
        guard let memory = pair("memory_kib"), let descriptors = pair("descriptors"), let threads = pair("threads")
        else { return true }
        return memory.after > memory.before + memory.before / 10 + 4_096
            || descriptors.after > descriptors.before + 5 || threads.after > threads.before
    }
}
