import Foundation
import Telemetry
import Testing

@Suite("What the access log holds and lets go", .timeLimit(.minutes(5)))
struct LogBoundsTests {
    private static func with(_ body: (String) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "detour-log-\(UUID().uuidString.prefix(8))"
        defer { for suffix in ["", ".1"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        try await body(path)
    }

    @Test("what is too much is dropped, each of its lines counted; then there is room as before")
    func room() async throws {
        try await Self.with { path in
            let log = AccessLog(try LogFile(path: path), capacity: 1_000)
            for _ in 0..<3 { log.submit([UInt8](repeating: 97, count: 1_001), lines: 5) }
            #expect(log.dropped.value == 15)
            var size = 0
            for _ in 0..<10 {
                // The piece before may still be counted as waiting, and there is room for both.
                log.submit([UInt8](repeating: 98, count: 400), lines: 1)
                size += 400
                while log.dropped.value == 15, try Self.size(path) < size { await Task.yield() }
            }
            await log.close()
            #expect(try Self.size(path) == 4_000)
            #expect(log.dropped.value == 15)
        }
    }

    private static func size(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }

    @Test("a file opened anew is let go of: its reader sees the end")
    func letsGo() async throws {
        try await Self.with { path in
            #expect(mkfifo(path, 0o600) == 0)
            let reader = open(path, O_RDONLY | O_NONBLOCK)
            defer { close(reader) }
            let log = AccessLog(try LogFile(path: path))
            log.submit(Array("one\n".utf8), lines: 1)
            try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
            try await log.reopen()
            var buffer = [UInt8](repeating: 0, count: 64)
            #expect(read(reader, &buffer, 64) == 4)
            #expect(read(reader, &buffer, 64) == 0, "nobody can write into it any more")
            await log.close()
        }
    }

    @Test("the file is for its owner and group alone")
    func mode() async throws {
        try await Self.with { path in
            let log = AccessLog(try LogFile(path: path))
            await log.close()
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0o777
            #expect(mode & 0o600 == 0o600)
            #expect(mode & 0o137 == 0, "\(String(mode, radix: 8))")
        }
    }
}
