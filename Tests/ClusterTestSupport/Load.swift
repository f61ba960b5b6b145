import Foundation
public import KubernetesModel

/// The load generator of the fixtures: numbered requests, every body checked.
public struct Load: Sendable {
    /// The load generator.
    public let process: RunningProcess

    /// Starts a load that goes on until `finish`, and no longer than a limit.
    ///
    /// - Parameters:
    ///   - url: the Service to load.
    ///   - rate: requests a second; 0 for as many as are answered.
    ///   - concurrency: how many at a time.
    ///   - limit: ends it if nobody does.
    ///   - flags: more flags of the load generator.
    public static func start(
        _ url: String,
        rate: Int,
        concurrency: Int = 8,
        limit: Duration = .seconds(300),
        flags: [String] = []
    ) async throws -> Load {
        let words = [
            try Cluster.program("DETOUR_FIXTURES"), "load", "--url", url, "--rate", String(rate), "--concurrency",
            String(concurrency),
            "--duration", "\(limit.components.seconds)s",
        ]
        return Load(process: try RunningProcess(words + flags))
    }

    /// What it counted, as it printed it.
    public struct Report: Sendable, CustomStringConvertible {
        /// The report itself.
        public var json: JSONValue
        /// Requests that were answered as they had to be.
        public var ok: Int64 { self.json["ok"]?.integer ?? 0 }
        /// Requests that failed, were answered wrongly, or that a client had to send again by itself.
        public var bad: Int64 {
            ["failed", "wrong", "retried"].reduce(0) { $0 + (self.json[$1]?.integer ?? 1) }
        }
        /// The report, for a message.
        public var description: String { self.json.pretty }
    }

    /// Stops it and reads its report.
    ///
    /// One that has ended before it was told to has not asked what was due next: that counts as a request that failed.
    ///
    /// - Throws: ``ShellFailure`` where it has ended without a report.
    public func finish() async throws -> Report {
        let early = self.process.status
        self.process.signal(SIGTERM)
        let status = await self.process.ended()
        guard var json = try? JSONValue(parsing: self.process.output) else {
            throw ShellFailure(description: "the load made no report, and ended with \(status): \(self.process.errors)")
        }
        if let early {
            json["failed"] = .integer((json["failed"]?.integer ?? 0) + 1)
            let line = "the load ended by itself (\(early)), before it was told to: give it a longer limit"
            json["errors"] = .array((json["errors"]?.array ?? []) + [.string(line)])
        }
        return Report(json: json)
    }
}
