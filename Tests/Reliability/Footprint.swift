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
    /// The processes of a Pod's containers, as cgroups(7) tells; not the one that only holds its namespaces.
    ///
    /// - Parameter uid: the Pod's. Its processes have to be on this machine.
    static func processes(ofPod uid: String) -> [Int32] {
        self.processes { pid in
            guard self.text("cgroup", of: pid).contains("pod\(uid)") else { return false }
            let program = self.text("cmdline", of: pid).split(separator: "\0").first ?? ""
            return !program.isEmpty && !["pause", "sleep"].contains { program.hasSuffix("/\($0)") }
        }
    }

    /// How many processes of a program there are.
    static func count(of program: String) -> Int {
        self.processes { self.text("cmdline", of: $0).split(separator: "\0").first.map(String.init) == program }.count
    }

    private static func processes(where holds: (Int32) -> Bool) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter(holds)
    }

    private static func text(_ name: String, of pid: Int32) -> String {
        String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/\(name)") ?? Data(), as: UTF8.self)
    }
}
