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
    private let stage: Stage
    private let turnstile: Turnstile
    private let problems = Mutex<[String]>([])
    private let story = Mutex<[String]>([])
    /// What a user made the selector, if any did.
    private let edited = Mutex<JSONValue?>(nil)

    init(_ turmoil: Turmoil) throws {
        self.turmoil = turmoil
        self.turnstile = Turnstile(seed: turmoil.seed)
        self.stage = try Stage(
            turmoil.kind,
            routes: [Stage.route("r1", ttl: 8), Stage.route("r2", owner: "bob@desk", match: "a:b", ttl: 20)],
            isHijacked: turmoil.seed % 3 != 0
        ) { if turmoil.seed % 3 == 0 { $0.isSuspended = true } }
    }

    private func tell(_ event: String) {
        self.story.withLock { $0.append(event) }
    }

    private func store(_ actor: Int) -> SessionStore {
        self.stage.store(
            TurnstileTransport(base: self.stage.server, turnstile: self.turnstile, actor: actor) { self.check() }
        )
    }

    /// What must hold after every single request.
    private func check() {
        guard let service = self.stage.server.cluster[.services, "shop", "leaf"] else { return }
        let swap = self.stage.swap
        let selector = service[path: "spec", "selector"] ?? .null
        let ports = service[path: "spec", "ports"]
        let originals: [JSONValue] =
            [JSONValue(Stage.original.selector)] + (self.edited.withLock { $0.map { [$0] } } ?? [])
        if !originals.contains(selector), !swap.isHijacked(service) { self.report("selector \(selector.compact)") }
        if ports != Stage.original.ports, ports != swap.hijackedPorts { self.report("ports") }
        guard swap.isHijacked(service) else { return }
        let session = try? self.stage.session()
        let annotation = ServiceSwap(annotationOf: service)
        if session?.original != Stage.original, annotation?.original != Stage.original {
            self.report("hijacked, and nothing tells the original")
        }
    }

    private func report(_ problem: String) {
        self.problems.withLock { $0.append(problem) }
        self.tell("PROBLEM \(problem)")
    }

    func play() async throws {
        if self.turmoil.hasFaults { self.breakThings() }
        var replicas: [TestReplica] = []
        for (actor, uid) in ["a", "b", "c"].enumerated() {
            // The third takes the place of one that is gone.
            self.stage.putPod(uid, isReady: uid != "c")
            let transport = TurnstileTransport(base: self.stage.server, turnstile: self.turnstile, actor: actor) {
                self.check()
            }
            replicas.append(try TestReplica(uid, self.stage, transport: transport))
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
        await self.settle(all)
        #expect(self.problems.withLock { $0 }.isEmpty, "\(self.turmoil): \(self.story.withLock { $0 })")
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
                self.tell("\(replica.uid) stops")
                self.stage.putPod(replica.uid, isTerminating: true)
                replica.terminate()
            }
            if self.turnstile.random(0..<120) == 0 { return self.die(replica) }
            if await replica.step() {
                self.tell("\(replica.uid) has stopped")
                return self.die(replica)
            }
            let isReady = replica.state.readiness() == .yes
            if self.turnstile.random(0..<2) == 0 {
                self.stage.putPod(replica.uid, isReady: isReady, isTerminating: replica.state.with { $0.isTerminating })
            }
            await self.turnstile.pass(actor)
        }
    }

    private func die(_ replica: TestReplica) {
        self.tell("\(replica.uid) is gone")
        replica.terminate()
        self.stage.putPod(replica.uid, isReady: false, isTerminating: true)
    }

    /// Somebody who starts, leaves and closes.
    private func command(_ actor: Int) async {
        let store = self.store(actor)
        for _ in 0..<6 {
            for _ in 0..<self.turnstile.random(1..<20) { await self.turnstile.pass(actor) }
            do {
                switch self.turnstile.random(0..<6) {
                case 0, 1:
                    self.tell("client converges")
                    _ = try await SessionController(store: store, role: .client)
                        .converge(on: Stage.incarnation, wasHijacked: self.turnstile.random(0..<2) == 0, isProven: true)
                case 2:
                    self.tell("ada leaves")
                    try await store.update { $0.leaving(owner: "ada@laptop", reason: "ada left") }
                case 3:
                    self.tell("bob leaves")
                    _ = try await SessionEnding(store: store).leave(owner: "bob@desk", reason: "bob", patience: .zero)
                case 4 where self.turnstile.random(0..<3) == 0:
                    self.tell("session close")
                    _ = try await SessionEnding(store: store).close(reason: "closed", force: false, patience: .zero)
                case 5 where self.turnstile.random(0..<3) == 0:
                    self.tell("session close --force")
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
                self.tell("user deletes the session")
                self.stage.deleteSession()
            case 1:
                self.tell("user reverts the selector")
                self.stage.edit { $0["spec"]?["selector"] = JSONValue(Stage.original.selector) }
            case 2:
                self.tell("user sets another selector")
                self.edited.withLock { $0 = ["app": "leaf-v2"] }
                self.stage.edit { $0["spec"]?["selector"] = ["app": "leaf-v2"] }
            case 3:
                self.tell("user labels the service")
                self.stage.edit { $0["metadata"]?["labels"] = ["team": "red"] }
            default: break
            }
            self.check()
        }
    }

    // MARK: - The end

    /// No laptop lives any more and nothing fails: whoever is left puts everything back.
    private func settle(_ replicas: [TestReplica]) async {
        self.stage.server.setFault { _ in nil }
        let alive = replicas.filter { !$0.state.with { $0.isTerminating } }
        // Without any replica only the next command can help.
        let last = alive.isEmpty ? [try? TestReplica("z", self.stage)].compactMap(\.self) : alive
        self.turnstile.enter(1)
        for replica in last {
            replica.reachDecoy()
            replica.connections = 0
            self.stage.putPod(replica.uid)
        }
        for _ in 0..<60 {
            for replica in last {
                replica.hold([:])
                replica.advance(.seconds(1))
                replica.look()
                // The transport still waits for its turn, which is given at once to the only one who asks.
                await replica.step()
            }
        }
        self.check()
        do {
            if let session = try self.stage.session() {
                self.report("session left: \(session.phase) \(session.isSuspended)")
            }
            let service = try self.stage.leaf()
            let selector = self.edited.withLock { $0 } ?? JSONValue(Stage.original.selector)
            let found = service[path: "spec", "selector"]
            if found != selector, found != JSONValue(Stage.original.selector) { self.report("not restored") }
            if service[path: "spec", "ports"] != Stage.original.ports { self.report("ports not restored") }
            if service.annotations[Marks.originalAnnotation] != nil { self.report("annotation left") }
        } catch {
            self.report("\(error)")
        }
    }
}
