import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import TestSupport
import Testing

@testable import Interceptor

/// What happens around two replicas in one random run.
struct Turmoil: Sendable, CustomTestStringConvertible {
    var seed: UInt64
    var hasFaults = false
    var kind = SessionKind.resource
    var testDescription: String { "seed \(self.seed)\(self.hasFaults ? " with faults" : "") in \(self.kind.rawValue)" }

    static func seeds(_ count: Int, hasFaults: Bool) -> [Turmoil] {
        var random = SystemRandomNumberGenerator()
        // `DETOUR_RUNS` asks for more of them.
        let count = ProcessInfo.processInfo.environment["DETOUR_RUNS"].flatMap { Int($0) } ?? count
        // A few that are always the same, and as many fresh ones; a failure prints its seed.
        return SessionKind.allCases.flatMap { kind in
            (0..<count).map { run in
                let seed = run < count / 2 ? UInt64(run) : random.next() % 1_000_000_000
                return Turmoil(seed: seed, hasFaults: hasFaults, kind: kind)
            }
        }
    }
}

@Suite("Replicas, commands and users at once, API call by API call in a random order")
struct InterleavingTests {
    @Test(
        "The original is never lost, and nothing is left in the end",
        .timeLimit(.minutes(5)),
        arguments: Turmoil.seeds(40, hasFaults: false)
    )
    func orderly(turmoil: Turmoil) async throws {
        try await Run(turmoil).play()
    }

    @Test(
        "Nor with connections that die, conflicts, overload and server errors",
        .timeLimit(.minutes(5)),
        arguments: Turmoil.seeds(40, hasFaults: true)
    )
    func faulty(turmoil: Turmoil) async throws {
        try await Run(turmoil).play()
    }
}

/// One random run.
private final class Run: Sendable {
    private let turmoil: Turmoil
    private let trial: Trial
    private var stage: Stage { self.trial.stage }
    private var turnstile: Turnstile { self.trial.turnstile }

    init(_ turmoil: Turmoil) throws {
        self.turmoil = turmoil
        self.trial = Trial(
            try Stage(
                turmoil.kind,
                routes: [
                    Stage.route("r1", ttl: 8, onRevert: turmoil.seed % 2 == 0 ? .reassert : .yield),
                    Stage.route("r2", owner: "bob@desk", match: "a:b", ttl: 20),
                ],
                isHijacked: turmoil.seed % 3 != 0
            ) { if turmoil.seed % 3 == 0 { $0.isSuspended = true } },
            Turnstile(seed: turmoil.seed)
        )
    }

    func play() async throws {
        try self.stage.putOwned()
        if self.turmoil.hasFaults { self.breakThings() }
        var replicas: [TestReplica] = []
        for (actor, uid) in ["a", "b", "c"].enumerated() {
            // The third takes the place of one that is gone.
            self.stage.putPod(uid, isReady: uid != "c")
            replicas.append(try self.trial.replica(uid, actor))
        }
        let all = replicas
        self.turnstile.enter(all.count + 2)
        await withTaskGroup(of: Void.self) { group in
            for (actor, replica) in all.enumerated() {
                group.addTask {
                    await self.live(replica, actor)
                    self.turnstile.leave()
                }
            }
            group.addTask {
                await self.command(3)
                self.turnstile.leave()
            }
            group.addTask {
                await self.user(4)
                self.turnstile.leave()
            }
        }
        await self.trial.settle(all)
        #expect(self.trial.problems.isEmpty, "\(self.turmoil): \(self.trial.story)")
    }

    /// Some calls fail in one way or another.
    private func breakThings() {
        let random = Mutex(SplitMix64(seed: self.turmoil.seed &* 31))
        self.stage.server.setFault { _ in
            switch random.withLock({ Int.random(in: 0..<40, using: &$0) }) {
            case 0: .lost
            case 1: .answerLost
            case 2: .answer(409, reason: "Conflict", message: "the object has been modified")
            case 3: .answer(429, reason: "TooManyRequests", message: "later")
            case 4: .answer(500, reason: "InternalError", message: "etcdserver: request timed out")
            default: nil
            }
        }
    }

    // MARK: - The actors

    /// A replica that sees one thing or another between its steps, holds tunnels or loses them, stops or dies.
    private func live(_ replica: TestReplica, _ actor: Int) async {
        replica.reachDecoy()
        await self.turnstile.pass(actor)
        for _ in 0..<25 {
            replica.advance(.milliseconds(self.turnstile.random(100..<900)))
            switch self.turnstile.random(0..<12) {
            case 0...2: replica.seeSession()
            case 3...5: replica.seeService()
            case 6...8: replica.seePods()
            case 9: replica.hold(["r1": 1, "r2": 1])
            case 10: replica.hold([:])
            default: replica.connections = self.turnstile.random(0..<2)
            }
            if self.turnstile.random(0..<40) == 0 {
                self.trial.tell("\(replica.uid) stops")
                self.stage.putPod(replica.uid, isTerminating: true)
                replica.terminate()
            }
            if self.turnstile.random(0..<120) == 0 { return self.trial.die(replica) }
            if await replica.step() {
                self.trial.tell("\(replica.uid) has stopped")
                return self.trial.die(replica)
            }
            let isReady = replica.state.readiness() == .yes
            if self.turnstile.random(0..<2) == 0 {
                self.stage.putPod(replica.uid, isReady: isReady, isTerminating: replica.state.with { $0.isTerminating })
            }
            await self.turnstile.pass(actor)
        }
    }

    /// Somebody who starts, leaves and closes.
    private func command(_ actor: Int) async {
        let store = self.trial.store(actor)
        for _ in 0..<6 {
            for _ in 0..<self.turnstile.random(1..<20) { await self.turnstile.pass(actor) }
            do {
                switch self.turnstile.random(0..<6) {
                case 0, 1:
                    self.trial.tell("client converges")
                    let (wasHijacked, isProven) = (self.turnstile.random(0..<2) == 0, self.turnstile.random(0..<4) > 0)
                    _ = try await SessionController(store: store, role: .client)
                        .converge(on: Stage.incarnation, wasHijacked: wasHijacked) { _ in isProven }
                case 2:
                    self.trial.tell("ada leaves")
                    try await store.update { $0.leaving(owner: "ada@laptop", reason: "ada left") }
                case 3:
                    self.trial.tell("bob leaves")
                    _ = try await SessionEnding(store: store).leave(owner: "bob@desk", reason: "bob", patience: .zero)
                case 4 where self.turnstile.random(0..<3) == 0:
                    self.trial.tell("session close")
                    _ = try await SessionEnding(store: store).close(reason: "closed", force: false, patience: .zero)
                case 5 where self.turnstile.random(0..<3) == 0:
                    self.trial.tell("session close --force")
                    _ = try await SessionEnding(store: store).close(reason: "closed", force: true, patience: .zero)
                default: break
                }
            } catch {
                // What a command says to its user is not what this is about.
            }
        }
    }

    /// Somebody with kubectl.
    private func user(_ actor: Int) async {
        for _ in 0..<3 {
            for _ in 0..<self.turnstile.random(1..<60) { await self.turnstile.pass(actor) }
            switch self.turnstile.random(0..<8) {
            case 0:
                self.trial.tell("user deletes the session")
                self.stage.deleteSession()
            case 1: self.trial.revertSelector()
            case 2: self.trial.setForeignSelector()
            case 4: self.trial.applyManifest(withPorts: self.turnstile.random(0..<2) == 0)
            case 3:
                self.trial.tell("user labels the service")
                self.stage.edit { $0["metadata"]?["labels"] = ["team": "red"] }
            default: break
            }
            self.trial.check()
        }
    }
}
