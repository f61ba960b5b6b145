import KubernetesModel

/// One thing that happens to a laptop in a day, after which it has to be back by itself.
struct Absence: Sendable, Hashable {
    /// What happens.
    enum Kind: String, Sendable, Hashable {
        /// The network is gone: connections end, new ones hang.
        case cut
        /// The network is gone, and nothing says so: everything hangs.
        case silent
        /// Another address: what there was hangs for ever, new connections work at once.
        case address
        /// As `silent`; meanwhile the token with which the command has signed in ends, and its plugin has another.
        case token
        /// The command is stopped by SIGSTOP, as a lid that is closed does it.
        case stopped
    }

    /// For how long, in seconds.
    struct Lengths: Sendable, Hashable {
        /// Without a network.
        var away = 60
        /// Stopped.
        var asleep = 600
    }

    var kind: Kind
    /// Whether it lasts at least until the cluster has given the laptop up.
    var expires = false

    /// As the document calls it.
    var name: String { self.kind.rawValue + (self.expires ? "_expired" : "") }

    /// A day in which the route survives everything.
    static let surviving = [Kind.cut, .silent, .address, .token, .stopped].map { Absence(kind: $0) }
    /// A day in which it survives nothing.
    static let expiring = [Kind.silent, .stopped].map { Absence(kind: $0, expires: true) }

    /// How long it lasts at least, in seconds.
    func seconds(_ lengths: Lengths) -> Int {
        switch self.kind {
        case .cut, .silent, .token: lengths.away
        case .address: 0
        case .stopped: lengths.asleep
        }
    }

    /// Which `--ttl` lets a route survive all of a day, or nothing of it, in seconds; the default of the command where that is
    /// short enough.
    static func ttl(_ lengths: Lengths, expires: Bool) -> Int {
        expires ? max(5, min(60, lengths.away)) : 300 + max(lengths.away, lengths.asleep)
    }

    /// What happens, as the table says it.
    func text(_ lengths: Lengths) -> String {
        let away =
            self.expires
            ? "until the route has expired (`--ttl \(Self.ttl(lengths, expires: true))s`)"
            : "for \(self.seconds(lengths)) s"
        return switch self.kind {
        case .cut: "network cut \(away)"
        case .silent: "network silent \(away)"
        case .address: "another address"
        case .token: "network silent \(away), the token ended meanwhile"
        case .stopped: "stopped\(self.expires ? " for \(self.seconds(lengths)) s," : "") \(away)"
        }
    }
}

extension Bars {
    /// How soon a laptop answers again, one line for each thing that may happen to it.
    static func laptop(_ section: JSONValue?) -> [Line] {
        guard let seconds = section?["seconds"], let batch = section?["batches"]?[0] else { return [] }
        func figure(_ name: String) -> Double? { seconds[path: name, "max"]?.number }
        func length(_ name: String) -> Int { Int(batch[name]?.integer ?? 0) }
        let lengths = Absence.Lengths(away: length("away_s"), asleep: length("asleep_s"))
        var lines: [Line] = []
        for absence in Absence.surviving + Absence.expiring {
            guard let value = figure("\(absence.name)_back_s") else { continue }
            var (limit, bar) = (Self.back, "max ≤ \(Self.plain(Self.back)) s")
            if absence.expires {
                // The Pods of an interceptor have to start, which the network's return does not hasten.
                guard let start = figure("expiring_start_s") else { continue }
                limit += start
                bar += " and a start, \(Self.seconds(.double(start)))"
            }
            lines.append(
                Line(
                    what: "\(absence.text(lengths)) → the laptop answers again",
                    bar: bar,
                    measured: "max \(Self.seconds(.double(value)))",
                    isMet: value <= limit
                )
            )
        }
        if let value = figure("failover_s") {
            let measured = "max \(Self.seconds(.double(value)))"
            let what = "laptop away → the original answers a matching request"
            lines.append(Line(what: what, bar: "max ≤ 3.5 s", measured: measured, isMet: value <= 3.5))
        }
        return lines
    }

    /// How soon after its network a laptop has to answer again, in seconds.
    private static let back = 5.0
}
