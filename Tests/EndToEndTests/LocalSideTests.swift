import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// The local service as a command of `intercept`.
extension InterceptEndToEndTests {
    /// A port that is free now, and the words that start a leaf on it.
    private static func leaf() async throws -> (port: Int, words: [String]) {
        let (placeholder, port) = try await LocalLeaf.start()
        placeholder.signal(SIGKILL)
        _ = await placeholder.ended()
        let program = try Cluster.program("DETOUR_SHOP")
        return (port, [program, "--role", "leaf", "--host", "127.0.0.1", "--port", "\(port)", "--name", "laptop"])
    }

    @Test(
        "A Deployment's environment and a command: exactly as many requests as were allowed, then nothing is left",
        .timeLimit(.minutes(5))
    )
    func bounded() async throws {
        let before = try await Cluster.snapshot("leaf")
        let frontend = try await Cluster.url("shop/frontend", 80)
        let (port, words) = try await Self.leaf()
        let file = "\(NSTemporaryDirectory())/detour-\(UUID().uuidString).env"
        defer { unlink(file) }
        let detour = try RunningProcess(
            [
                Cluster.detour, "intercept", "deployment/leaf", "-n", "shop", "-p", "80:\(port)", "--drain", "2s",
                "--env-file", file, "--max-requests", "3", "--",
            ] + words,
            environment: try await Cluster.environment()
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        var local = 0
        try await Cluster.eventually("the third request is answered", within: .seconds(30)) {
            if try await Shop.answeredBy(frontend, matching: true) == "leaf/laptop" { local += 1 }
            return local == 3 || detour.status != nil
        }
        for _ in 0..<10 { #expect(try await Shop.answeredBy(frontend, matching: true).hasPrefix("leaf/leaf-")) }
        #expect(local == 3)
        #expect(await detour.ended() == 0, "\(detour.errors)")
        #expect(detour.errors.contains("3 requests were taken"))
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("SHOP_ROLE=leaf\n"))
        #expect(try await Cluster.snapshot("leaf").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
    }

    @Test("Ctrl-C on a terminal reaches the command once, and everything is put back", .timeLimit(.minutes(5)))
    func terminal() async throws {
        let before = try await Cluster.snapshot("leaf")
        let (port, words) = try await Self.leaf()
        let keys = "\(NSTemporaryDirectory())/detour-\(UUID().uuidString).keys"
        try #require(mkfifo(keys, 0o600) == 0)
        defer { unlink(keys) }
        let keyboard = try #require(FileHandle(forUpdatingAtPath: keys))
        let mark = "\(keys).told"
        defer { unlink(mark) }
        // Its child is in the background, where a shell lets no terminal interrupt it: the trap ends it.
        let script = "trap 'echo told >> \(mark); kill $!; exit 7' INT; \(words.joined(separator: " ")) & wait"
        // `exec`, for some shells would stay between and answer an interrupt themselves.
        let line = "exec \(Cluster.detour) intercept leaf -n shop -p 80:\(port) --drain 2s -- sh -c \"\(script)\""
        let terminal = try RunningProcess(
            ["sh", "-c", "exec script -qefc \"$LINE\" /dev/null < \"$KEYS\" >&2"],
            environment: try await Cluster.environment().merging([
                "LINE": line.replacing("$!", with: "\\$!"), "KEYS": keys, "SHELL": "/bin/sh",
            ]) {
                $1
            }
        )
        defer { terminal.signal(SIGKILL) }
        try await terminal.says("ready:", within: .seconds(90))
        keyboard.write(Data([3]))
        #expect(await terminal.ended() == 7, "\(terminal.errors)")
        #expect(try String(contentsOfFile: mark, encoding: .utf8) == "told\n")
        #expect(try await Cluster.snapshot("leaf").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "leaf")
    }
}
