import CSpawn
import Foundation
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Intercept

@Suite("The local service as a command", .timeLimit(.minutes(5)))
struct LocalCommandTests {
    private let events = Events()

    private final class Events: Sendable {
        private let said = Mutex<[InterceptEvent]>([])
        func add(_ event: InterceptEvent) { self.said.withLock { $0.append(event) } }
        var texts: [String] {
            self.said.withLock { $0 }.compactMap {
                switch $0 {
                case .step(let text), .warning(let text): text
                default: nil
                }
            }
        }
    }

    private func command(
        _ script: String,
        environment: [String: String] = [:],
        grace: Duration = .seconds(30),
        sharesTerminal: Bool = false,
        on event: @escaping @Sendable (InterceptEvent) -> Void = { _ in }
    ) -> LocalCommand {
        let events = self.events
        return LocalCommand(
            words: ["sh", "-c", script],
            environment: environment.merging(["PATH": "/usr/bin:/bin"]) { $1 },
            sharesTerminal: sharesTerminal,
            grace: grace,
            patience: .zero
        ) {
            events.add($0)
            event($0)
        }
    }

    /// Runs a command without any port until it ends.
    private func run(
        _ command: LocalCommand,
        signals: AsyncStream<Int32> = AsyncStream { _ in },
        started: @escaping @Sendable () -> Void = {}
    ) async -> LocalCommand.Outcome {
        await command.run(signals: { each in for await number in signals { each(number) } }) { until in
            try await command.listen(on: [])
            started()
            await until()
        }
    }

    @Test("It gets the standard streams and no other open file")
    func descriptors() async {
        let open = Glibc.open("/dev/null", O_RDONLY)
        let outcome = await self.run(self.command("test ! -e /proc/self/fd/$FD", environment: ["FD": "\(open)"]))
        #expect(open > 2)
        #expect(outcome.status == 0)
        close(open)
    }

    /// A port where nobody listens: below those that the system gives out, which are soon another test's.
    private static func freePort() async throws -> Int {
        while true {
            let port = Int.random(in: 20_000..<29_000)
            if await !LocalPort.isOpen(port) { return port }
        }
    }

    private static func listen(on port: Int, after hints: AsyncStream<Void>? = nil) async throws -> any Channel {
        if let hints { for await _ in hints {} }
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: port).get()
    }

    @Test(
        "Its exit status is passed on",
        arguments: [("exit 7", 7), ("exit 0", 0), ("kill -KILL $$", 137)] as [(String, Int32)]
    )
    func status(script: String, status: Int32) async {
        let outcome = await self.run(self.command(script))
        #expect(outcome.status == status)
        #expect(outcome.failure == nil)
    }

    @Test("It sees its environment and what was added, which wins")
    func environment() async {
        let command = self.command("exit $((A + B))", environment: ["A": "40", "B": "9"])
        command.add(["B": "2"])
        #expect(await self.run(command).status == 42)
    }

    @Test("A signal reaches it, and those it started, once")
    func signal() async {
        let mark = Mark()
        let script = """
            trap 'wait "$inner"; exit $(( $? + 6 ))' TERM
            sh -c 'trap "exit 3" TERM; echo ready > "$0"; while :; do sleep 0.05; done' "$MARK" &
            inner=$!
            wait
            exit 1
            """
        let command = self.command(script, environment: ["MARK": mark.path])
        let (signals, send) = AsyncStream<Int32>.makeStream()
        async let outcome = self.run(command, signals: signals)
        _ = await mark.reached()
        send.yield(15)
        #expect(await outcome.status == 9)
    }

    #if os(Linux)
        @Test("On a terminal, where the process group is everybody's, it reaches those that the command started")
        func sharedGroup() async {
            let mark = Mark()
            let script = """
                sh -c 'trap "echo told > \"$0\"; exit" TERM; echo ready > "$0"; while :; do sleep 0.05; done' "$MARK" &
                wait
                """
            let command = self.command(script, environment: ["MARK": mark.path], sharesTerminal: true)
            let (signals, send) = AsyncStream<Int32>.makeStream()
            async let outcome = self.run(command, signals: signals)
            _ = await mark.reached()
            send.yield(15)
            #expect(await mark.reached() == "told\n")
            #expect(await outcome.status == 143)
        }
    #endif

    @Test("Those it started are known by parent, group and age, whatever they are called")
    func processTree() {
        func stat(_ pid: Int32, _ name: String, parent: Int32, group: Int32, start: UInt64 = 7) -> String {
            "\(pid) (\(name)) S \(parent) \(group) " + Array(repeating: "0", count: 16).joined(separator: " ")
                + " \(start) 0 0"
        }
        let tree = ProcessTree(stats: [
            stat(10, "go", parent: 1, group: 5), stat(11, "x) S 1 5 (", parent: 10, group: 5, start: 8),
            stat(12, "daemon", parent: 10, group: 12), stat(13, "inner", parent: 11, group: 5),
            stat(14, "other", parent: 5, group: 5),
            "nonsense", "",
        ])
        #expect(tree.descendants(of: 10) == [Descendant(pid: 11, start: 8), Descendant(pid: 13, start: 7)])
        #expect(tree.descendants(of: 99).isEmpty)
        #expect(tree.contains(Descendant(pid: 13, start: 7)) && !tree.contains(Descendant(pid: 13, start: 6)))
    }

    @Test("A second signal kills what does not end by the first")
    func second() async {
        let mark = Mark()
        let script = "trap 'echo told > \"$MARK\"' TERM; echo ready > \"$MARK\"; while :; do sleep 0.05; done"
        let command = self.command(script, environment: ["MARK": mark.path])
        let (signals, send) = AsyncStream<Int32>.makeStream()
        async let outcome = self.run(command, signals: signals)
        _ = await mark.reached()
        send.yield(15)
        #expect(await mark.reached() == "told\n")
        send.yield(15)
        #expect(await outcome.status == 137)
        #expect(self.events.texts.contains { $0.contains("killing it") })
    }

    @Test(
        "An intercept that ends by itself ends it too, and that is no failure; one that will not end is killed",
        arguments: [false, true]
    )
    func interceptEnds(isStubborn: Bool) async {
        let command = self.command(
            isStubborn ? "trap '' TERM; while :; do sleep 0.05; done" : "while :; do sleep 0.05; done",
            grace: isStubborn ? .milliseconds(1) : .seconds(30)
        )
        let outcome = await command.run(signals: { _ in }) { _ in try await command.listen(on: []) }
        #expect(outcome.status == 0)
        #expect(outcome.failure == nil)
        #expect(self.events.texts.contains { $0.contains(isStubborn ? "by signal 9" : "by signal 15") } || isStubborn)
    }

    @Test("An intercept that fails ends it too, with status 1")
    func interceptFails() async {
        let command = self.command("while :; do sleep 0.05; done")
        let outcome = await command.run(signals: { _ in }) { _ in
            try await command.listen(on: [])
            throw InterceptError(.ended, "taken over")
        }
        #expect(outcome.status == 1)
        #expect("\(outcome.failure.map { "\($0)" } ?? "")" == "taken over")
    }

    @Test("Its port is waited for, and a hint is given when that takes long")
    func listens() async throws {
        let port = try await Self.freePort()
        let (hints, hint) = AsyncStream<Void>.makeStream()
        let command = self.command("while :; do sleep 0.05; done") { event in
            guard case .warning(let text) = event, text.contains("does not listen on port \(port) yet") else { return }
            hint.finish()
        }
        async let opened = Self.listen(on: port, after: hints)
        let outcome = await command.run(signals: { _ in }) { _ in try await command.listen(on: [port]) }
        #expect(outcome.failure == nil)
        #expect(self.events.texts.first?.contains("to listen on port \(port)") == true)
        try await opened.close()
    }

    @Test("One that ends before it listens ends the intercept, with its own status and a reason")
    func endsEarly() async throws {
        let port = try await Self.freePort()
        let command = self.command("exit 5")
        let failure = Mutex("")
        let outcome = await command.run(signals: { _ in }) { _ in
            do {
                try await command.listen(on: [port])
            } catch {
                failure.withLock { $0 = "\(error)" }
                throw error
            }
        }
        #expect(outcome.status == 5)
        #expect(failure.withLock { $0 } == "'sh' ended with status 5 before it listened on port \(port)")
    }

    @Test("A port that somebody else has is refused before it is started")
    func taken() async throws {
        let channel = try await Self.listen(on: 0)
        let port = channel.localAddress?.port ?? 0
        let command = self.command("exit 0")
        let error = await #expect(throws: InterceptError.self) { try await command.listen(on: [port]) }
        #expect(error?.message.contains("port \(port) of this machine is taken") == true)
        #expect(self.events.texts.isEmpty)
        try await channel.close()
    }

    @Test("A program that does not exist is named")
    func missing() async {
        let command = LocalCommand(words: ["no-such-program"], environment: [:], sharesTerminal: false) { _ in }
        let error = await #expect(throws: InterceptError.self) { try await command.listen(on: []) }
        #expect(error?.message.hasPrefix("cannot run 'no-such-program': No such file or directory") == true)
    }

    #if os(Linux)
        @Test("It does not outlive who started it")
        func deathOfParent() async {
            let pid: pid_t = await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("600"), nil]
                    var none: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin"), nil]
                    defer { (words + none).forEach { free($0) } }
                    continuation.resume(returning: detour_spawn(&words, &none, true))
                    // The thread ends here, and with it what it started.
                }
            }
            let end = await withCheckedContinuation { (continuation: CheckedContinuation<CommandEnd, Never>) in
                Thread.detachNewThread {
                    var raw: Int32 = 0
                    waitpid(pid, &raw, 0)
                    continuation.resume(returning: CommandEnd(waitStatus: raw))
                }
            }
            #expect(end == .killed(9))
        }
    #endif
}
