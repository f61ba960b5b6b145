import KubernetesModel

/// What is done to the Pods of a Service, or of its interceptor, while somebody asks it.
struct Disruption: Sendable, Hashable {
    /// What is done.
    enum Kind: String, Sendable {
        /// Nothing, for a while.
        case wait
        /// The command is started, until it is ready.
        case start
        /// A roll-out of the same again.
        case restart
        /// One Pod after the other is evicted.
        case evict
        /// Two replicas, then three, one, and two again.
        case scale
        /// The processes of one Pod get SIGKILL, the laptop loses its power, or a server of the cluster dies and comes back.
        case kill
        /// The connection under one replica's tunnel is reset.
        case cut
        /// As `kubectl drain` does it, as far as one node allows.
        case drain
        /// Ctrl-C, until nothing is left.
        case stop
    }

    /// To whom.
    enum Target: String, Sendable {
        case interceptor
        case workload
        case tunnel
        case node
        case command
        case apiServer = "kube-apiserver"
        case etcd
    }

    var kind: Kind
    var target: Target

    init(_ kind: Kind, _ target: Target) {
        self.kind = kind
        self.target = target
    }

    /// As the document calls it.
    var name: String { "\(self.kind.rawValue) \(self.target.rawValue)" }

    /// A round with an intercept.
    static let intercepted = [
        Disruption(.start, .command), Disruption(.restart, .interceptor), Disruption(.evict, .interceptor),
        Disruption(.scale, .interceptor), Disruption(.cut, .tunnel), Disruption(.scale, .workload),
        Disruption(.restart, .workload), Disruption(.drain, .node), Disruption(.kill, .interceptor),
        Disruption(.stop, .command),
    ]

    /// A round without one: the same, done to what is there.
    static let plain = [
        Disruption(.wait, .workload), Disruption(.evict, .workload), Disruption(.scale, .workload),
        Disruption(.restart, .workload), Disruption(.drain, .node), Disruption(.kill, .workload),
    ]

    /// A round with an intercept, in which everybody but Pods dies. Watches break in it.
    static let deaths = [
        Disruption(.start, .command), Disruption(.kill, .apiServer), Disruption(.kill, .etcd),
        Disruption(.kill, .command), Disruption(.start, .command), Disruption(.kill, .command),
    ]

    /// Whether nobody's connections end without a word. Where a Pod is killed they do, whoever's Pod it is.
    var isGraceful: Bool { self.kind != .kill || ![.interceptor, .workload].contains(self.target) }

    /// The graceful steps with an intercept, as the document calls them, in their order, each once.
    static let gracefulSteps = (Self.intercepted + Self.deaths).filter(\.isGraceful).map(\.name)
        .reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }

    /// Whether a step that the document calls so is.
    static func isGraceful(_ name: String) -> Bool {
        !(Self.intercepted + Self.plain).contains { $0.name == name && !$0.isGraceful }
    }

    /// What became of all requests of bystanders in some runs: by whether there was an intercept, and by step.
    static func totals(_ runs: [JSONValue]) -> JSONValue {
        var totals: JSONValue = [:]
        for run in runs {
            let setting = run["intercepted"] == true ? "intercepted" : "plain"
            for step in run["steps"]?.array ?? [] {
                guard let name = step["step"]?.string else { continue }
                let loads = step["bystanders"]?.array ?? []
                totals[setting] = totals[setting] ?? [:]
                let sum = Self.sum(loads, onto: totals[path: setting, name])
                totals[setting]?[name] = sum
            }
        }
        return totals
    }

    /// The counts of some loads, added to others; of their longest times, in milliseconds, the longest.
    private static func sum(_ loads: [JSONValue], onto start: JSONValue?) -> JSONValue {
        var sum = start ?? [:]
        for key in ["requests", "failed", "altered", "retried"] {
            sum[key] = .integer(loads.reduce(sum[key]?.integer ?? 0) { $0 + ($1[key]?.integer ?? 0) })
        }
        sum["max_ms"] = (loads + [sum]).compactMap { $0["max_ms"]?.number }.max().map { .double($0) }
        return sum
    }

    /// The loads of all graceful steps with an intercept, one entry for each kind of load.
    static func bystanders(_ runs: [JSONValue]) -> [JSONValue] {
        let loads = runs.filter { $0["intercepted"] == true }
            .flatMap { $0["steps"]?.array ?? [] }
            .filter { Self.isGraceful($0["step"]?.string ?? "") }
            .flatMap { $0["bystanders"]?.array ?? [] }
        let kinds = Dictionary(grouping: loads) { $0["what"]?.string ?? "" }
        return kinds.sorted { $0.key < $1.key }.map { what, loads in
            var entry = Self.sum(loads, onto: nil)
            (entry["what"], entry["rate"]) = (.string(what), loads[0]["rate"])
            return entry
        }
    }
}
