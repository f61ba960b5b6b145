import Foundation

/// A process that another one started, told from a later one of the same number.
struct Descendant: Sendable, Hashable {
    /// Its number.
    var pid: Int32
    /// When it was started, in clock ticks since the system was.
    var start: UInt64
}

/// Who started whom, as `/proc` tells (proc(5)); elsewhere than on Linux nothing is known.
struct ProcessTree: Sendable {
    private struct Entry {
        var process: Descendant
        var parent: Int32
        var group: Int32
    }

    private let entries: [Entry]

    /// The processes that there are now.
    static var now: ProcessTree {
        #if os(Linux)
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            // Not lazily: what is asked twice may have ended in between.
            let texts = names.filter { $0.allSatisfy(\.isNumber) }
                .compactMap { FileManager.default.contents(atPath: "/proc/\($0)/stat") }
            return ProcessTree(stats: texts.map { String(decoding: $0, as: UTF8.self) })
        #else
            return ProcessTree(stats: [])
        #endif
    }

    /// The processes whose `stat` files hold these texts.
    init(stats: [String]) {
        self.entries = stats.compactMap { stat in
            // The name stands in parentheses and may hold anything, parentheses too.
            guard let end = stat.lastIndex(of: ")"), let pid = Int32(stat.prefix { $0 != " " }) else { return nil }
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            guard fields.count > 19, let parent = Int32(fields[1]), let group = Int32(fields[2]),
                let start = UInt64(fields[19])
            else { return nil }
            return Entry(process: Descendant(pid: pid, start: start), parent: parent, group: group)
        }
    }

    /// Whom a process started, and whom those did, as far as they are in its process group still.
    func descendants(of pid: Int32) -> [Descendant] {
        guard let group = self.entries.first(where: { $0.process.pid == pid })?.group else { return [] }
        var found: [Descendant] = []
        var parents: Set = [pid]
        while !parents.isEmpty {
            let children = self.entries.filter { parents.contains($0.parent) && $0.group == group }.map(\.process)
            found += children
            parents = Set(children.map(\.pid)).subtracting([pid])
        }
        return found
    }

    /// Whether a process is there still.
    func contains(_ process: Descendant) -> Bool { self.entries.contains { $0.process == process } }
}
