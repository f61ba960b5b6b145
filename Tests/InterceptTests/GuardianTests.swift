import Foundation
import Glibc
import InterceptPlanning
import KubernetesModel
import Synchronization
import Testing
import TrafficMatch

@testable import Intercept

@Suite("A guardian's process", .timeLimit(.minutes(5)))
struct GuardianTests {
    /// An order whose route has this ID.
    private static func order(_ id: String) throws -> GuardianOrder {
        let route = Route(
            id: id,
            owner: "ada@laptop",
            ports: [80],
            match: try RequestMatch(headers: [HeaderMatch(parsing: "X-Dev:ada")]),
            fingerprint: "ff"
        )
        let session = Session(
            names: Scene.names,
            serviceUID: "u",
            incarnation: String(repeating: "a", count: 40),
            original: OriginalService(selector: ["app": "leaf"], ports: [["port": 80]]),
            routes: [route],
            settings: InterceptorSettings(image: "detour:test", replicas: 1)
        )
        return GuardianOrder(routeID: id, session: session)
    }

    private final class Warnings: Sendable {
        let texts = Mutex<[String]>([])
        func add(_ text: String) { self.texts.withLock { $0.append(text) } }
    }

    /// A guardian that is a script, with the paths that its words behind it name.
    private func guardian(_ script: String, _ paths: String..., warnings: Warnings = Warnings()) -> Guardian {
        Guardian(program: "/bin/sh", words: ["-c", script] + paths, warn: warnings.add)
    }

    @Test("It hears each order and the word that all is done, and then the end")
    func told() async throws {
        let mark = Mark()
        let guardian = self.guardian("cat > \"$0.got\"; mv \"$0.got\" \"$0.all\"; echo > \"$0\"", mark.path)
        defer { unlink("\(mark.path).all") }
        #expect(!guardian.isThere)
        for id in ["r1", "r2"] { guardian.watch(over: try Self.order(id)) }
        #expect(guardian.isThere)
        guardian.watch(over: nil)
        #expect(!guardian.isThere)
        _ = await mark.reached()
        let lines = try Data(contentsOf: URL(filePath: "\(mark.path).all")).split(separator: 0x0a).map(
            GuardianLine.init
        )
        #expect(lines == [.order(try Self.order("r1")), .order(try Self.order("r2")), .done])
    }

    @Test("It has a session of its own, nothing open but its input, and no signal that ends a command ends it")
    func apart() async throws {
        let mark = Mark()
        let other = open("/dev/null", O_RDONLY)
        defer { close(other) }
        let script = """
            for signal in HUP INT QUIT TERM; do kill -$signal $$; done
            read -r pid name state parent group session rest < /proc/$$/stat
            test "$pid" = "$session" || echo "session $session of $pid" > "$0"
            test "$(readlink /proc/$$/fd/1 /proc/$$/fd/2 | sort -u)" = /dev/null || echo "output" > "$0"
            test ! -e "/proc/$$/fd/$1" || echo "open file" > "$0"
            echo fine > "$0"
            """
        let guardian = self.guardian(script, mark.path, "\(other)")
        guardian.watch(over: try Self.order("r1"))
        #expect(await mark.reached() == "fine\n")
    }

    @Test("No program that is started meanwhile keeps the line open: with this process's end of it, it ends")
    func line() async throws {
        let mark = Mark()
        let guardian = self.guardian("cat > \"$0.got\"; echo ended > \"$0\"", mark.path)
        defer { unlink("\(mark.path).got") }
        guardian.watch(over: try Self.order("r1"))
        var other: pid_t = 0
        var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("600"), nil]
        defer { words.forEach { free($0) } }
        // Nothing is closed for it but what asks for that.
        #expect(posix_spawnp(&other, "sleep", nil, nil, &words, environ) == 0)
        guardian.watch(over: nil)
        #expect(await mark.reached() == "ended\n")
        #expect(waitpid(other, nil, WNOHANG) == 0, "it goes on")
        kill(other, SIGKILL)
        waitpid(other, nil, 0)
    }

    @Test("One that was ended by somebody is replaced at the next order")
    func replaced() async throws {
        let mark = Mark()
        let guardian = self.guardian("echo $$ > \"$0\"; exec cat", mark.path)
        guardian.watch(over: try Self.order("r1"))
        let first = try #require(pid_t(await mark.reached().dropLast()))
        kill(first, SIGKILL)
        var info = siginfo_t()
        while waitid(P_PID, id_t(first), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        guardian.watch(over: try Self.order("r2"))
        let second = try #require(pid_t(await mark.reached().dropLast()))
        #expect(second != first && guardian.isThere)
    }

    @Test("Where none can be started that is said once, with the mend, and nothing else happens")
    func refused() throws {
        let warnings = Warnings()
        let guardian = Guardian(program: "/nonexistent/detour", words: [], warn: warnings.add)
        for id in ["r1", "r2"] { guardian.watch(over: try Self.order(id)) }
        #expect(!guardian.isThere)
        let texts = warnings.texts.withLock { $0 }
        #expect(texts.count == 1)
        #expect(texts.first?.contains("cannot run /nonexistent/detour: No such file or directory") == true)
        #expect(texts.first?.contains("`detour session close leaf -n shop`") == true)
    }

    @Test("What it is told is the same in any pieces; the half of a line, and what is none, is nothing")
    func briefing() throws {
        let first = GuardianLine.order(try Self.order("r1")).bytes
        let second = GuardianLine.order(try Self.order("r2")).bytes
        for size in [1, 7, first.count, 10_000] {
            var briefing = GuardianBriefing()
            let all = first + Array("{\"route\": 5}\n\n".utf8) + second.dropLast()
            for start in stride(from: 0, to: all.count, by: size) { briefing.take(all.dropFirst(start).prefix(size)) }
            #expect(briefing.order == (try Self.order("r1")) && !briefing.isDone)
            briefing.take([0x0a])
            #expect(briefing.order == (try Self.order("r2")))
            briefing.take(GuardianLine.done.bytes + first)
            #expect(briefing.order == nil && briefing.isDone)
        }
    }
}
