import Foundation
import KubernetesModel

/// What a process has of this machine: what grows where something is not given back.
struct Footprint: Sendable, Hashable {
    /// Resident memory, in KiB.
    var memory: Int
    /// Open file descriptors: sockets, files, pipes.
    var descriptors: Int
    var threads: Int

    /// What several have together.
    static func + (one: Footprint, other: Footprint) -> Footprint {
        Footprint(
            memory: one.memory + other.memory,
            descriptors: one.descriptors + other.descriptors,
            threads: one.threads + other.threads
        )
    }

    static let none = Footprint(memory: 0, descriptors: 0, threads: 0)

    /// That of a process, as proc(5) tells; nil where there is none.
    init?(of pid: Int32) {
        let files = FileManager.default
        guard let descriptors = try? files.contentsOfDirectory(atPath: "/proc/\(pid)/fd"),
            let status = files.contents(atPath: "/proc/\(pid)/status")
        else { return nil }
        self.init(status: String(decoding: status, as: UTF8.self), descriptors: descriptors.count)
    }

    init(memory: Int, descriptors: Int, threads: Int) {
        (self.memory, self.descriptors, self.threads) = (memory, descriptors, threads)
    }

    /// From the text of `/proc/PID/status`; nil where it does not tell, as of a process that has ended.
    init?(status: String, descriptors: Int) {
        func number(_ name: String) -> Int? {
            let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
            return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        }
        guard let memory = number("VmRSS"), let threads = number("Threads") else { return nil }
        self.init(memory: memory, descriptors: descriptors, threads: threads)
    }

    var json: JSONValue {
        [
            "memory_kib": .integer(Int64(self.memory)), "descriptors": .integer(Int64(self.descriptors)),
            "threads": .integer(Int64(self.threads)),
        ]
    }
}

extension Footprint {
    /// The resident memory of some of the cluster's programs, in KiB, by what ``ProcessorTime`` calls them.
    static func memory(of roles: [String]) -> JSONValue {
        var memory: JSONValue = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let words = FileManager.default.contents(atPath: "/proc/\(name)/cmdline"),
                let role = ProcessorTime.role(words.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }),
                roles.contains(role), let footprint = Footprint(of: pid)
            else { continue }
            memory[role] = .integer((memory[role]?.integer ?? 0) + Int64(footprint.memory))
        }
        return memory
    }

    /// How many processes of a program there are.
    static func count(of program: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.count { name in
            guard Int32(name) != nil, let words = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return false
            }
            return words.split(separator: 0).first.map { String(decoding: $0, as: UTF8.self) } == program
        }
    }
}
