import Foundation
import Telemetry
import Testing

@Suite("The access log's file", .timeLimit(.minutes(5)))
struct AccessLogTests {
    private static func with(_ body: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "detour-log-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    @Test("after its name was given to another file, lines go into a new one, and none is lost")
    func reopen() async throws {
        try await Self.with { folder in
            let path = folder + "/log"
            try "before\n".write(toFile: path, atomically: false, encoding: .utf8)
            let log = AccessLog(try LogFile(path: path))
            log.submit(Array("one\n".utf8), lines: 1)
            try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
            log.submit(Array("two\n".utf8), lines: 1)
            try await log.reopen()
            log.submit(Array("three\n".utf8), lines: 1)
            await log.close()
            #expect(try String(contentsOfFile: path + ".1", encoding: .utf8) == "before\none\ntwo\n")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "three\n")
            #expect(log.dropped.value == 0)
        }
    }

    @Test("a file that cannot be opened anew leaves the one that was")
    func cannotReopen() async throws {
        try await Self.with { folder in
            let path = folder + "/sub/log"
            try FileManager.default.createDirectory(atPath: folder + "/sub", withIntermediateDirectories: false)
            let log = AccessLog(try LogFile(path: path))
            try FileManager.default.moveItem(atPath: folder + "/sub", toPath: folder + "/other")
            let error = await #expect(throws: LogFileError.self) { try await log.reopen() }
            #expect(error?.description.hasSuffix("make its directory") == true)
            log.submit(Array("one\n".utf8), lines: 1)
            await log.close()
            #expect(try String(contentsOfFile: folder + "/other/log", encoding: .utf8) == "one\n")
        }
    }

    @Test(
        "a pipe that nobody reads is said at the start; one that is full ends in time; one whose reader left ends nothing"
    )
    func pipes() async throws {
        try await Self.with { folder in
            let path = folder + "/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            let error = #expect(throws: LogFileError.self) { try LogFile(path: path) }
            #expect(error?.description.contains("nobody reads this pipe") == true)
            let reader = open(path, O_RDONLY | O_NONBLOCK)
            let full = AccessLog(try LogFile(path: path))
            full.submit([UInt8](repeating: 97, count: 1 << 20), lines: 3)
            await full.close(within: .milliseconds(100))
            while full.dropped.value != 3 { await Task.yield() }
            let left = AccessLog(try LogFile(path: path))
            close(reader)
            left.submit(Array("one\n".utf8), lines: 1)
            await left.close()
            while left.dropped.value != 1 { await Task.yield() }
        }
    }
}
