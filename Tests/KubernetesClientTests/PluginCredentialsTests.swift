import Foundation
import KubernetesModel
import Synchronization
import Testing

@testable import KubernetesClient

@Suite("Credentials of a plugin", .timeLimit(.minutes(5)))
struct PluginCredentialsTests {
    /// A plugin that hands out `token-1`, `token-2`, … each for as long as it is told to.
    private final class World: Sendable {
        let now = Mutex(Date(timeIntervalSince1970: 1_000_000))
        let passed = Mutex(Duration.zero)
        private let start = ContinuousClock.now
        let runs = Mutex(0)
        let life = Mutex<TimeInterval?>(nil)
        let failure = Mutex<KubernetesError?>(nil)
        /// What a run waits for.
        let gate = Mutex<AsyncStream<Void>?>(nil)

        func credentials() -> PluginCredentials {
            PluginCredentials(
                ExecPlugin(command: "x"),
                now: { self.now.withLock { $0 } },
                instant: { self.start + self.passed.withLock { $0 } }
            ) { _ in
                let number = self.runs.withLock { count in
                    count += 1
                    return count
                }
                if let gate = self.gate.withLock({ $0 }) {
                    for await _ in gate { break }
                    try Task.checkCancellation()
                }
                if let failure = self.failure.withLock({ $0 }) { throw failure }
                let expiry = self.life.withLock { $0 }.map { life in self.now.withLock { $0 + life } }
                return ExecAnswer(credential: Credential(token: "token-\(number)"), expiry: expiry)
            }
        }

        func pass(_ seconds: TimeInterval) {
            self.now.withLock { $0 += seconds }
            self.passed.withLock { $0 += .seconds(seconds) }
        }
        /// Somebody sets the date.
        func leap(_ seconds: TimeInterval) { self.now.withLock { $0 += seconds } }
        var count: Int { self.runs.withLock { $0 } }
    }

    private let world = World()

    @Test("Without an expiry a credential is kept until it is refused")
    func unlimited() async throws {
        let credentials = self.world.credentials()
        #expect(try await credentials.current().token == "token-1")
        self.world.pass(1e9)
        let first = try await credentials.current()
        #expect(first.token == "token-1")
        await credentials.refused(first)
        #expect(try await credentials.current().token == "token-2")
        // Another request had been sent with the old one: that refusal says nothing of the new one.
        await credentials.refused(first)
        #expect(try await credentials.current().token == "token-2")
        #expect(self.world.count == 2)
    }

    @Test(
        "With an expiry it is renewed half a minute ahead, or a tenth of a short life",
        arguments: zip([900.0, 100, 0, -5], [870.0, 90, 0, 0])
    )
    func expiry(life: TimeInterval, renewal: TimeInterval) async throws {
        self.world.life.withLock { $0 = life }
        let credentials = self.world.credentials()
        #expect(try await credentials.current().token == "token-1")
        if renewal > 0 {
            self.world.pass(renewal - 1)
            #expect(try await credentials.current().token == "token-1")
            self.world.pass(1)
        }
        #expect(try await credentials.current().token == "token-2")
    }

    @Test("A date that is set meanwhile ages nothing and keeps nothing alive", arguments: [1e6, -1e6])
    func leaps(by leap: TimeInterval) async throws {
        self.world.life.withLock { $0 = 900 }
        let credentials = self.world.credentials()
        _ = try await credentials.current()
        self.world.pass(10)
        self.world.leap(leap)
        #expect(try await credentials.current().token == "token-1")
        self.world.pass(860)
        #expect(try await credentials.current().token == "token-2")
    }

    @Test("A failed renewal leaves the old one in use until it ends, then it is told")
    func failedRenewal() async throws {
        self.world.life.withLock { $0 = 900 }
        let credentials = self.world.credentials()
        _ = try await credentials.current()
        self.world.pass(880)
        self.world.failure.withLock { $0 = KubernetesError(.credentials, "no network") }
        #expect(try await credentials.current().token == "token-1")
        self.world.pass(20)
        await #expect(throws: KubernetesError(.credentials, "")) { try await credentials.current() }
        self.world.failure.withLock { $0 = nil }
        #expect(try await credentials.current().token == "token-4")
    }

    @Test("However many ask at once, one run serves them all")
    func single() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        self.world.gate.withLock { $0 = gate }
        let credentials = self.world.credentials()
        try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<20 { group.addTask { try await credentials.current().token } }
            while self.world.count == 0 { await Task.yield() }
            for _ in 0..<100 { await Task.yield() }
            open.finish()
            for try await token in group { #expect(token == "token-1") }
        }
        #expect(self.world.count == 1)
    }

    @Test("A run goes on while somebody waits, ends with the last who does, and the next asks anew")
    func cancelling() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        self.world.gate.withLock { $0 = gate }
        let credentials = self.world.credentials()
        let only = Task { try await credentials.current() }
        while self.world.count == 0 { await Task.yield() }
        only.cancel()
        await #expect(throws: CancellationError.self) { try await only.value }
        self.world.gate.withLock { $0 = nil }
        #expect(try await credentials.current().token == "token-2")
        open.finish()
    }

    @Test("The kubeconfig's own certificate stays where the plugin gives none")
    func ownIdentity() async throws {
        let own = ClientIdentity(certificate: [1], key: [2])
        let tokens = Mutex(0)
        let run: @Sendable (ExecPlugin) async throws -> ExecAnswer = { _ in
            let number = tokens.withLock { count in
                count += 1
                return count
            }
            return ExecAnswer(credential: Credential(token: "\(number)"))
        }
        let provider = CredentialProvider(.plugin(ExecPlugin(command: "x"), identity: own), run: run)
        let first = try await provider.current()
        #expect(first == Credential(token: "1", identity: own))
        #expect(await provider.refused(first))
        #expect(try await provider.current() == Credential(token: "2", identity: own))
    }
}
