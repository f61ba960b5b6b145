import KubernetesModel
import Testing

@testable import ClusterTestSupport
@testable import reliability

@Suite("Those who ask all the time: what counts as lost")
struct ProberTests {
    private let origin = ContinuousClock.now

    private func answer(_ second: Int, failure: String? = nil) -> Prober.Answer {
        let sent = self.origin + .seconds(second)
        return Prober.Answer(sent: sent, received: sent, by: failure == nil ? "leaf/ada" : nil, failure: failure)
    }

    @Test("A request that hangs is lost, while it does and when the asking ends; one that is only under way is not")
    func hanging() {
        var log = Prober.Log()
        log.ask(at: self.origin)
        log.take(self.answer(0))
        log.ask(at: self.origin + .seconds(1))
        log.take(self.answer(1, failure: "reset"))
        log.ask(at: self.origin + .seconds(2))
        #expect(log.lost(at: self.origin + .seconds(4)).map(\.failure) == ["reset"])
        let late = self.origin + .seconds(5)
        #expect(log.lost(at: late).map(\.failure) == ["reset", "no answer after 3.0 s"])
        var ended = log
        ended.end(at: self.origin + .seconds(3))
        #expect(ended.lost(at: late).count == 1)
        log.end(at: late)
        #expect(log.lost(at: late + .seconds(60)).map(\.failure) == ["reset", "no answer after 3.0 s"])
    }

    private func load(_ script: String) throws -> Load { Load(process: try RunningProcess(["/bin/sh", "-c", script])) }

    @Test("A load that ends before it is told to has lost a request, one that is told has not")
    func early() async throws {
        let early = try self.load(#"echo '{"ok": 1, "failed": 0, "wrong": 0, "retried": 0}'"#)
        _ = await early.process.ended()
        let report = try await early.finish()
        #expect(report.bad == 1 && report.json["errors"]?[0]?.string?.contains("before it was told to") == true)
        // Not a shell's trap: a shell leaves a signal ignored that its parent ignores.
        let script = """
            import signal, sys
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            print("on", file=sys.stderr, flush=True)
            signal.sigwait({signal.SIGTERM})
            print('{"ok": 1, "failed": 0, "wrong": 0, "retried": 0}')
            """
        let told = Load(process: try RunningProcess(["python3", "-c", script]))
        try await told.process.says("on")
        #expect(try await told.finish().bad == 0)
    }

    @Test("A load without a report says why")
    func noReport() async throws {
        let load = try self.load("echo broken >&2; exit 3")
        _ = await load.process.ended()
        let failure = await #expect(throws: ShellFailure.self) { try await load.finish() }
        #expect(failure?.description.contains("ended with 3: broken") == true)
    }
}
