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

    /// How many more sockets are none: connections of bystanders and of the cluster come and go by themselves.
    static let socketTolerance: Int64 = 30

    /// What there is more of after the last cycle than before the first, and how much; of what was not there before there was none.
    static func ofSoak(_ samples: [JSONValue]) -> JSONValue {
        guard let first = samples.first?.object, let last = samples.last?.object, samples.count >= 2 else { return [:] }
        var growth: JSONValue = [:]
        for (name, value) in last where name != "cycles" {
            guard let after = value.integer else { continue }
            let before = first[name]?.integer ?? 0
            guard after > before + (name == "sockets" ? Self.socketTolerance : 0) else { continue }
            growth[name] = .array([.integer(before), .integer(after)])
        }
        return growth
    }

    /// What memory each of the cluster's programs had before the first cycle and after the last, in KiB.
    static func memoryOfSoak(_ samples: [JSONValue]) -> JSONValue {
        var memory: JSONValue = [:]
        for (name, before) in samples.first?["memory_kib"]?.object ?? [:] {
            guard let after = samples.last?[path: "memory_kib", name] else { continue }
            memory[name] = [before, after]
        }
        return memory
    }

    /// How many objects there are of each kind, by what `kubectl get -o name` prints: `deployment.apps/leaf` is a deployment.
    static func kinds(_ names: String) -> [String: Int64] {
        names.split(separator: "\n").reduce(into: [:]) { counts, name in
            counts[String(name.prefix { $0 != "." && $0 != "/" }), default: 0] += 1
        }
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
