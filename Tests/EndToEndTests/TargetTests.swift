import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension ElsewhereEndToEndTests {
    @Test(
        "A workload stands for its Service, which of several is asked; each port goes its own way, the others pass through",
        .timeLimit(.minutes(5))
    )
    func targets() async throws {
        let place = Workloads(namespace: "targets")
        try await place.make()
        do {
            try await self.severalServices(place)
            try await self.severalPorts(place)
        } catch {
            try await place.remove()
            throw error
        }
        try await place.remove()
    }

    /// Nobody can be asked in a pipeline; on a terminal the answer decides, and port 81 passes through.
    private func severalServices(_ place: Workloads) async throws {
        let before = try await Cluster.inventory(of: place.namespace)
        let refused = try await place.intercept(["deployment/pair", "-p", "80"], user: "ada")
        #expect(await refused.ended() == 64)
        for name in ["pair", "pair-too"] {
            #expect(
                refused.errors.contains("\n  detour intercept \(name) -n \(place.namespace)\n"),
                "\(refused.errors)"
            )
        }
        #expect(try await Cluster.inventory(of: place.namespace) == before)

        let service = try await Cluster.snapshot("pair", in: place.namespace)
        let (local, port) = try await LocalLeaf.start(name: "ada")
        defer { local.signal(SIGKILL) }
        let keys = "\(NSTemporaryDirectory())/detour-\(UUID().uuidString).keys"
        try #require(mkfifo(keys, 0o600) == 0)
        defer { unlink(keys) }
        let keyboard = try #require(FileHandle(forUpdatingAtPath: keys))
        let terminal = try RunningProcess(
            ["sh", "-c", "exec script -qefc \"$LINE\" /dev/null < \"$KEYS\" >&2"],
            environment: try await Cluster.environment().merging([
                "LINE": "exec \(Cluster.detour) intercept deployment/pair -n \(place.namespace) -p 80:\(port) "
                    + "--no-screen --drain 1s",
                "KEYS": keys, "SHELL": "/bin/sh",
            ]) { $1 }
        )
        defer { terminal.signal(SIGKILL) }
        try await terminal.says("which one? [1-2, none]", within: .seconds(20))
        let asked = terminal.errors.split(separator: "\n").first { $0.hasSuffix("pair\r") }
        keyboard.write(Data("\(asked?.split(separator: " ").first ?? "pair")\r".utf8))
        try await terminal.says("ready:", within: .seconds(90))
        let http = try await Cluster.url("\(place.namespace)/pair", 80)
        let admin = try await Cluster.url("\(place.namespace)/pair", 81)
        let too = try await Cluster.url("\(place.namespace)/pair-too", 80)
        let header = ["-H", "X-C6O-INTERCEPT: yes"]
        try await place.untilAnswered(by: "leaf/ada", http, header)
        #expect(try await place.answeredBy(http).hasPrefix("http/pair-"))
        #expect(try await place.answeredBy(admin, header).hasPrefix("admin/pair-"), "nobody asked for port 81")
        #expect(try await place.answeredBy(too, header).hasPrefix("http/pair-"), "the other Service is not touched")
        keyboard.write(Data([3]))
        #expect(await terminal.ended() == 0, "\(terminal.errors)")
        #expect(try await Cluster.snapshot("pair", in: place.namespace).differences(from: service).isEmpty)
    }

    /// Two ports of a StatefulSet's Service, by name and by number, each to a process of its own.
    private func severalPorts(_ place: Workloads) async throws {
        let service = try await Cluster.snapshot("ordered", in: place.namespace)
        let (first, port) = try await LocalLeaf.start(name: "first")
        defer { first.signal(SIGKILL) }
        let (second, other) = try await LocalLeaf.start(name: "second")
        defer { second.signal(SIGKILL) }
        let detour = try await place.intercept(
            ["statefulset", "ordered", "-p", "http:\(port)", "-p", "81:\(other)"],
            user: "ada"
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        #expect(detour.errors.contains("statefulset ordered: service ordered\n"), "\(detour.errors)")
        let header = ["-H", "X-C6O-INTERCEPT: yes"]
        for (number, local, original) in [(80, "first", "http"), (81, "second", "admin")] {
            let url = try await Cluster.url("\(place.namespace)/ordered", number)
            try await place.untilAnswered(by: "leaf/\(local)", url, header)
            #expect(try await place.answeredBy(url) == "\(original)/ordered-0")
        }
        detour.signal(SIGINT)
        #expect(await detour.ended() == 0, "\(detour.errors)")
        #expect(try await Cluster.snapshot("ordered", in: place.namespace).differences(from: service).isEmpty)
    }
}
