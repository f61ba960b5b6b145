import ClusterTestSupport
import Foundation
import KubernetesModel

/// What the measurements were made with.
enum Machine {
    /// The load averages of 1, 5 and 15 minutes.
    static func loadAverage() throws -> JSONValue {
        let words = try String(contentsOfFile: "/proc/loadavg", encoding: .utf8).split(separator: " ")
        return .array(words.prefix(3).compactMap { Double($0).map(JSONValue.double) })
    }

    static func date() -> JSONValue { .string(Date.now.formatted(.iso8601)) }

    static func machine() throws -> JSONValue {
        let information = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let cpu = information.firstMatch(of: #/model name\s*: (.+)/#).map { String($0.1) } ?? ""
        let kernel = try String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        return [
            "cpu": .string(cpu), "kernel": .string("Linux \(kernel.trimmingCharacters(in: .whitespacesAndNewlines))"),
            "cores": .integer(Int64(ProcessInfo.processInfo.activeProcessorCount)),
        ]
    }

    static func versions() async throws -> JSONValue {
        let answer = try JSONValue(parsing: try await Cluster.kubectl("get", "--raw", "/version"))
        return [
            "kubernetes": answer["gitVersion"] ?? .null,
            "detour": .string(try await Self.must([Cluster.detour, "--version"])),
        ]
    }

    static func must(_ words: [String]) async throws -> String {
        let result = try await Shell.run(words)
        guard result.status == 0 else { throw Trouble("\(words.joined(separator: " ")): \(result)") }
        return result.text
    }
}
