import ClusterTestSupport
import Foundation
import Testing

@testable import reliability

@Suite("Who is killed, and the guardians of those who were")
struct VictimTests {
    @Test("A command that has ended by itself is not struck; one that runs is, once")
    func strike() async throws {
        let victim = Victim()
        let brief = try victim.begin { try RunningProcess(["true"]) }
        #expect(await brief.ended() == 0)
        victim.strike()
        #expect(victim.struckAt == nil)
        let long = try victim.begin { try RunningProcess(["sleep", "600"]) }
        defer { long.signal(SIGKILL) }
        victim.strike()
        let first = try #require(victim.struckAt)
        victim.strike()
        #expect(victim.struckAt == first)
        #expect(await long.ended() == Victim.killed)
    }

    /// A process with a guardian's command line that runs the script there; `before` are the words in front of it.
    private func guardian(of lane: String, in folder: URL, under before: [String] = []) throws -> RunningProcess {
        let words = ["env", "-C", folder.path()] + before + ["bash", "serve", "guardian"]
        return try RunningProcess(words, environment: ["DETOUR_LANE_OF_TEST": lane])
    }

    @Test(
        "Guardians are found by a variable of their command, and where it asks for that only once the command is gone"
    )
    func guardians() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "guardians-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("echo here >&2; kill -STOP $$\n".utf8).write(to: folder.appending(path: "serve"))
        let (mine, other) = (UUID().uuidString, UUID().uuidString)
        func found(_ lane: String, orphaned: Bool = false) -> [Int32] {
            RunningProcess.guardians(having: ("DETOUR_LANE_OF_TEST", lane), orphaned: orphaned)
        }
        // Its parent, this test, was not started with that.
        let orphan = try self.guardian(of: mine, in: folder)
        defer { orphan.signal(SIGKILL) }
        let command = try self.guardian(of: other, in: folder, under: ["bash", "-c", "\"$@\"; :", "command"])
        defer { command.signal(SIGKILL) }
        try await orphan.says("here")
        try await command.says("here")
        #expect(found(mine) == [orphan.pid] && found(mine, orphaned: true) == [orphan.pid])
        let young = try #require(found(other).first)
        defer { kill(young, SIGKILL) }
        #expect(found(other).count == 1 && found(other, orphaned: true).isEmpty)
        command.signal(SIGKILL)
        _ = await command.ended()
        #expect(found(other, orphaned: true) == [young])
        RunningProcess.dismiss(guardian: orphan.pid)
        #expect(await orphan.ended() == Victim.killed)
        #expect(found(mine).isEmpty)
    }
}
