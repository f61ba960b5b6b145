import Foundation
import KubernetesModel

/// The processor time, user and system, that those on the way of a request have used so far, as proc(5) tells.
struct ProcessorTime: Sendable {
    /// One process, what it is on the way, and its microseconds.
    struct Share: Sendable, Hashable {
        var role: String
        var microseconds: Int64
    }

    /// By process.
    var shares: [Int32: Share] = [:]

    /// Up to this moment; of processes that end meanwhile only what this one has started is known.
    static func now() -> ProcessorTime {
        let own = ProcessInfo.processInfo.processIdentifier
        var time = ProcessorTime()
        for pid in ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(Int32.init) {
            func read(_ name: String) -> Data { FileManager.default.contents(atPath: "/proc/\(pid)/\(name)") ?? Data() }
            let words = read("cmdline").split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            let stat = String(decoding: read("stat"), as: UTF8.self)
            time.shares[pid] =
                pid == own ? Self.ofClients(stat: stat) : Self.role(words).flatMap { Self.share($0, stat: stat) }
        }
        return time
    }

    /// What was used since an earlier moment, in microseconds, by role.
    func since(_ earlier: ProcessorTime) -> [String: Int64] {
        var used: [String: Int64] = [:]
        for (pid, share) in self.shares {
            // Numbers are given again: another role, or less time, is another process.
            let before = earlier.shares[pid].map { $0.role == share.role ? $0.microseconds : 0 } ?? 0
            let isSame = before <= share.microseconds
            used[share.role, default: 0] += share.microseconds - (isSame ? before : 0)
        }
        return used
    }

    /// Members `NAME_ROLE`, and `NAME` for all of them: microseconds for each of so many.
    static func members(_ used: [String: Int64], of count: Int64, named name: String) -> JSONValue {
        guard count > 0 else { return [:] }
        var members: JSONValue = [name: .integer(used.values.reduce(0, +) / count)]
        for (role, microseconds) in used where microseconds > 0 {
            members["\(name)_\(role)"] = .integer(microseconds / count)
        }
        return members
    }

    /// What a process is on the way between a client and the server at the other end; nil for one that is not on it.
    static func role(_ words: [String]) -> String? {
        guard let first = words.first else { return nil }
        let name = first.split(separator: "/").last.map(String.init) ?? first
        switch name {
        case "hyperkube": return words.dropFirst().first
        case "containerd", "etcd", "kubectl": return name
        case "detour" where words.dropFirst().starts(with: ["serve", "interceptor"]): return "interceptor"
        case "detour" where words.dropFirst().first == "intercept": return "detour-intercept"
        // The demo's programs have these names in Pods, and longer ones on this machine.
        case "shop", "fixtures": return "pods"
        case _ where name.hasPrefix("shop-"): return "server"
        case _ where name.hasPrefix("fixtures-") && words.dropFirst().first == "serve": return "server"
        // What brings this machine's connections into the node's network.
        case _ where name.hasPrefix("relay-"): return "relay"
        default: return nil
        }
    }

    private static func share(_ role: String, stat: String) -> Share? {
        Self.microseconds(stat, 11...12).map { Share(role: role, microseconds: $0) }
    }

    /// The load generator has ended by the time it is asked for: what is left of it is its parent's sum.
    static func ofClients(stat: String) -> Share? {
        Self.microseconds(stat, 13...14).map { Share(role: "client", microseconds: $0) }
    }

    /// The sum of some fields of `stat`, counted from behind the name, which may hold anything.
    static func microseconds(_ stat: String, _ fields: ClosedRange<Int>) -> Int64? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let all = stat[stat.index(after: end)...].split(separator: " ")
        guard all.indices.contains(fields.upperBound) else { return nil }
        let ticks = all[fields].compactMap { Int64($0) }
        // Linux counts a hundred ticks a second in there, whatever its own clock does.
        return ticks.count == fields.count ? ticks.reduce(0, +) * 10_000 : nil
    }
}
