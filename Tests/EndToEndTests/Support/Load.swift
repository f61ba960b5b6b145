import Foundation
import KubernetesModel

/// The load generator of the fixtures: numbered requests, every body checked.
struct Load: Sendable {
    let process: RunningProcess

    /// Starts a load that goes on until `finish`, at most five minutes.
    static func start(_ url: String, rate: Int, concurrency: Int = 8, flags: [String] = []) async throws -> Load {
        let words = [
            try Cluster.program("DETOUR_FIXTURES"), "load", "--url", url, "--rate", String(rate), "--concurrency",
            String(concurrency),
            "--duration", "300s",
        ]
        return Load(process: try RunningProcess(words + flags))
    }

    /// What it counted, as it printed it.
    struct Report: Sendable, CustomStringConvertible {
        var json: JSONValue
        var ok: Int64 { self.json["ok"]?.integer ?? 0 }
        /// Requests that failed, were answered wrongly, or that a client had to send again by itself.
        var bad: Int64 {
            ["failed", "wrong", "retried"].reduce(0) { $0 + (self.json[$1]?.integer ?? 1) }
        }
        var description: String { self.json.pretty }
    }

    /// Stops it and reads its report.
    func finish() async throws -> Report {
        self.process.signal(SIGTERM)
        _ = await self.process.ended()
        return Report(json: try JSONValue(parsing: self.process.output))
    }
}
