import Foundation
import ProxyTransport
import Telemetry
import Testing

@testable import PeerTestSupport

@Suite("The access log and the counters", .timeLimit(.minutes(5)))
struct LogTests {
    private struct Line: Decodable {
        var time: String
        var connection: Int
        var port: Int
        var method: String?
        var path: String?
        var `protocol`: String
        var status: Int?
        var bytes_in: Int
        var bytes_out: Int
        var duration_ms: Double
        var served_by: String
        var route: String?
        var reason: String?
        var flags: String?
    }

    @Test("have one line a request, and say who answered and why")
    func requests() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get("/one?token=secret"))
            await origin.wait { !$0.bytes.isEmpty }
            try await origin.write(ok("1"))
            await client.text(ok("1"))
            try await client.write(get("/two", user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.wait { !$0.bytes.isEmpty }
            try await stream.write(ok("2"))
            await client.text(ok("1") + ok("2"))
            harness.routes.setUp(false, route: "alice")
            try await client.write(get("/three", user: "alice"))
            await origin.text(get("/one?token=secret") + get("/three", user: "alice"))
            try await origin.write(ok("3"))
            await client.text { $0.hasSuffix("3") }
            try await client.close()
            try await origin.close()
            let texts = try await harness.logLines(3)
            let lines = try texts.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
            #expect(lines.map(\.path) == ["/one", "/two", "/three"])
            #expect(lines.map(\.served_by) == ["original", "laptop", "original"])
            #expect(lines.map(\.route) == [nil, "alice", "alice"])
            #expect(lines.map(\.reason) == [nil, nil, "route-down"])
            #expect(lines.map(\.status) == [200, 200, 200])
            #expect(lines[0].bytes_in == get("/one?token=secret").utf8.count)
            #expect(lines[0].bytes_out == ok("1").utf8.count)
            #expect(lines[0].time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
            #expect(!texts.joined().contains("secret"))
            let page = harness.metrics.prometheusText()
            #expect(page.contains(#"detour_requests_total{port="80",served_by="original",reason=""} 1"#))
            #expect(page.contains(#"detour_requests_total{port="80",served_by="laptop",reason=""} 1"#))
            #expect(page.contains(#"detour_requests_total{port="80",served_by="original",reason="route-down"} 1"#))
            #expect(page.contains(#"detour_upstream_acknowledgement_seconds_count{port="80"} 1"#))
            #expect(page.contains(#"detour_connections_active{port="80"} 0"#))
        }
    }

    @Test("have one line for a connection that passed unread")
    func raw() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write("\u{16}hello")
            await origin.text("\u{16}hello")
            try await origin.write("bye")
            await client.text("bye")
            try await client.close()
            try await origin.close()
            let lines = try await harness.logLines(1)
            #expect(lines.count == 1)
            #expect(lines.first?.contains(#""protocol":"raw","bytes_in":6,"bytes_out":3"#) == true)
            #expect(lines.first?.contains(#""reason":"tls""#) == true)
            #expect(
                harness.metrics.prometheusText().contains(#"detour_raw_connections_total{port="80",reason="tls"} 1"#)
            )
        }
    }

    /// Row 9 of the list of bad inputs.
    @Test(
        "let no byte of a request out of its string",
        arguments: ["/a\"b\\c", "/\u{9b}2J\u{e9}", "/{}<script>", "/\(String(repeating: "p", count: 300))"]
    )
    func injection(path: String) async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(path))
            await origin.wait { $0.text.hasSuffix("\r\n\r\n") }
            try await origin.write(ok("1"))
            await client.text(ok("1"))
            try await client.close()
            try await origin.close()
            let lines = try await harness.logLines(1)
            #expect(lines.count == 1)
            let ascii = lines.joined().utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
            #expect(ascii)
            let line = try JSONDecoder().decode(Line.self, from: Data(lines.joined().utf8))
            let expected = path.utf8.prefix(256).map {
                $0 < 0x7f ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16, uppercase: true)
            }
            #expect(line.path == expected.joined())
        }
    }

    @Test("drop lines that do not fit, and count them")
    func bounded() async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let metrics = ProxyMetrics()
        let log = AccessLog(LogFile(descriptor: ends[1]), capacity: 100, dropped: metrics.logLinesDropped)
        log.submit([UInt8](repeating: 97, count: 101), lines: 3)
        #expect(metrics.prometheusText().contains("detour_log_lines_dropped_total 3\n"))
        log.submit([UInt8](repeating: 97, count: 100), lines: 1)
        await log.close()
        close(ends[1])
        let data = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).readDataToEndOfFile()
        #expect(data.count == 100)
        #expect(metrics.prometheusText().contains("detour_log_lines_dropped_total 3\n"))
    }
}
