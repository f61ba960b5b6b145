import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// Large bodies and slow readers through the tunnel.
extension AloneEndToEndTests {
    @Test("1 GiB each way beside 50 slow readers: every byte is right, and neither end grows", .timeLimit(.minutes(8)))
    func bulk() async throws {
        let fixtures = try Cluster.program("DETOUR_FIXTURES")
        let local = try RunningProcess([fixtures, "serve", "bulk", "--host", "127.0.0.1", "--port", "0"])
        defer { local.signal(SIGKILL) }
        try await local.says("listens on", within: .seconds(5))
        let port = try #require(local.errors.firstMatch(of: #/listens on 127\.0\.0\.1:(\d+)/#)?.1)
        let detour = try RunningProcess(
            [Cluster.detour, "intercept", "leaf", "-n", "shop", "-p", "80:\(port)", "--drain", "2s"],
            environment: try await Cluster.environment()
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        let load = try RunningProcess(
            [
                fixtures, "bulk", "--url", try await Cluster.url("shop/leaf", 80), "--header", "X-C6O-INTERCEPT:yes",
                "--size", String(1 << 30), "--slow", "25",
            ]
        )
        defer { load.signal(SIGKILL) }
        // Where the cluster is another machine its processes cannot be seen.
        let interceptors = ProcessMemory.all { $0.contains("serve") && $0.contains("interceptor") }
        if ProcessInfo.processInfo.environment["DETOUR_CLUSTER"] == nil { #expect(!interceptors.isEmpty) }
        var highest: [Int32: Int] = [:]
        while load.status == nil {
            for process in interceptors + [detour.pid] {
                highest[process] = max(highest[process] ?? 0, ProcessMemory.kibibytes(of: process, "RssAnon") ?? 0)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(await load.ended() == 0, "\(load.errors)")
        let report = try JSONValue(parsing: load.output)
        let resident = (interceptors + [detour.pid]).map { ProcessMemory.kibibytes(of: $0, "VmHWM") ?? 0 }
        print(
            "bulk: \(report.compact); highest resident sets, KiB, the last is the CLI's: \(resident); own: \(highest)"
        )
        // Their own memory; the program's pages, some 40 MiB of which are mapped, are not theirs.
        #expect(highest.values.allSatisfy { $0 > 0 && $0 < 48 << 10 }, "\(highest)")
        detour.signal(SIGINT)
        #expect(await detour.ended() == 0, "\(detour.errors)")
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}

/// What Linux says of processes' memory: proc_pid_status(5).
private enum ProcessMemory {
    /// The processes whose command line has what is asked for.
    static func all(where matches: ([Substring]) -> Bool) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { pid in
            let line = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
            let words = line.split(separator: "\0")
            return words.first?.hasSuffix("detour") == true && matches(words)
        }
    }

    /// A field in kB; nil when the process is gone.
    static func kibibytes(of pid: Int32, _ field: String) -> Int? {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(field):") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
}
