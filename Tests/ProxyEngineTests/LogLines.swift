#if os(Linux)
    import Foundation
    import GatewayCore
    @testable import PeerTestSupport
    import ProxyEngine
    import Telemetry
    import Testing

    /// A line of the access log in text, read strictly.
    struct LogLine {
        static let keys = [
            "time", "listener", "client", "method", "path", "host", "request_id", "status", "flags", "reason",
            "bytes_in",
            "bytes_out", "duration_ms", "first_byte_ms", "cluster", "server", "retries",
        ]

        private let values: [String: String]

        subscript(key: String) -> String { self.values[key] ?? "" }

        init(_ line: Substring) throws {
            var values: [String: String] = [:]
            var keys: [String] = []
            var rest = line
            while let match = rest.prefixMatch(of: /([a-z_]+)=("(?:[^"\\]|\\["\\])*"|[^ "]+)(?: |$)/) {
                keys.append(String(match.1))
                values[String(match.1)] = String(match.2)
                rest = rest[match.range.upperBound...]
            }
            try #require(rest.isEmpty, "left: \(rest)")
            try #require(keys == Self.keys)
            self.values = values
        }
    }

    extension Stage {
        /// The lines that are written while a stage stands.
        static func lines(
            _ format: AccessLogRules.Format = .text,
            isReachable: Bool = true,
            takesAll: Bool = true,
            _ body: (Stage) async throws -> Void
        ) async throws -> [Substring] {
            let path = NSTemporaryDirectory() + "detour-\(UUID().uuidString.prefix(13)).log"
            let log = AccessLog(try LogFile(path: path))
            defer { try? FileManager.default.removeItem(atPath: path) }
            do {
                try await Stage.with(
                    isReachable: isReachable,
                    takesAll: takesAll,
                    log: log,
                    rules: AccessLogRules(path: path, format: format),
                    body
                )
            } catch {
                await log.close()
                throw error
            }
            await log.close()
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try #require(text.isEmpty || text.hasSuffix("\n"))
            return text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
        }
    }
#endif
