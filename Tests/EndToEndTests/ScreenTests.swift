import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension InterceptEndToEndTests {
    @Test("On a terminal there is a screen, and a SIGTERM leaves the terminal as it was", .timeLimit(.minutes(5)))
    func screen() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "detour-screen-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        @Sendable func text(_ name: String) -> String {
            (try? Data(contentsOf: folder.appending(path: name))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let (local, port) = try await LocalLeaf.start()
        defer { local.signal(SIGKILL) }
        let intercept = "exec \(Cluster.detour) intercept leaf -n shop -p 80:\(port) --drain 2s"
        let lines = [
            "stty cols 100 rows 30", "stty -g >before", "sh -c 'echo $$ >pid; \(intercept)'", "stty -g >after",
        ]
        var environment = try await Cluster.environment()
        environment["TERM"] = "xterm"
        let terminal = try RunningProcess(
            ["sh", "-c", "cd \(folder.path) && exec script -qfc \"$0\" typescript", lines.joined(separator: "; ")],
            environment: environment
        )
        defer { terminal.signal(SIGKILL) }
        try await Cluster.eventually("the screen is drawn", within: .seconds(90)) {
            text("typescript").contains("q quit   p pause")
        }
        #expect(text("before") != "" && text("after") == "")
        let pid = try #require(Int32(text("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(pid, SIGTERM)
        _ = await terminal.ended()
        #expect(text("after") == text("before"))
        let shown = text("typescript")
        let entered = try #require(shown.range(of: "\u{1b}[?1049h"))
        let left = try #require(shown.range(of: "\u{1b}[?25h\u{1b}[?1049l"))
        #expect(entered.lowerBound < left.lowerBound)
        #expect(!shown[..<entered.lowerBound].contains("q quit") && !shown[left.upperBound...].contains("q quit"))
        #expect(shown[left.upperBound...].contains("the Service is what it was"), "\(shown)")
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}
