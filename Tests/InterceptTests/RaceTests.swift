import Foundation
import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing

@testable import Intercept

@Suite("One leaves while others join and leave, request by request in a random order")
struct RaceTests {
    @Test(
        "The Service always points somewhere, whoever joined holds it, and the last one restores it",
        .timeLimit(.minutes(60))
    )
    func races() async throws {
        // `DETOUR_RUNS` asks for more of them.
        let count = ProcessInfo.processInfo.environment["DETOUR_RUNS"].flatMap { Int($0) } ?? 100
        let offset = UInt64.random(in: 0..<1_000_000_000)
        // A few that are always the same, and fresh ones; many at once, for most of a run is waiting for a closing Session.
        let seeds = (0..<UInt64(count)).map { $0 < UInt64(count) / 4 ? $0 : $0 + offset }
        let rejoined = try await withThrowingTaskGroup(of: Bool.self) { group in
            var rejoined = 0
            for (index, seed) in seeds.enumerated() {
                if index >= 100 { rejoined += try await group.next() == true ? 1 : 0 }
                group.addTask { try await Race(seed: seed).play() }
            }
            return try await group.reduce(into: rejoined) { $0 += $1 ? 1 : 0 }
        }
        // Both outcomes of the race have to be among them, or it was none.
        #expect(rejoined > 0 && rejoined < count, "\(rejoined) of \(count) made a Session of their own")
    }
}

/// One race: ada holds the Service and leaves; bob and eve join, and eve leaves again.
private final class Race: Sendable {
    private let seed: UInt64
    private let scene = Scene()
    private let turnstile: Turnstile
    private let problems = Mutex<[String]>([])
    /// Up to which version of the cluster it was found in order.
    private let checked = Mutex(0)

    init(seed: UInt64) {
        self.seed = seed
        self.turnstile = Turnstile(seed: seed)
    }

    /// Plays it; whether bob had to make a Session of his own.
    func play() async throws -> Bool {
        let before = try self.leaf()
        let ada = try self.scene.run()
        let first = try await self.scene.enter(ada)
        #expect(try ServiceSwap(first.session).isHijacked(self.leaf()))
        self.turnstile.enter(3)
        let joined = try await withThrowingTaskGroup(of: (InterceptRun, Membership)?.self) { group in
            group.addTask {
                defer { self.turnstile.leave() }
                let run = try self.run("ada@laptop", "X-C6O-INTERCEPT:yes", actor: 0)
                for _ in 0..<self.turnstile.random(1..<30) { await self.turnstile.pass(0) }
                try await Leaving(store: run.store).leave(
                    routeID: first.route.id,
                    of: first.session,
                    reason: "ada left"
                )
                return nil
            }
            group.addTask {
                defer { self.turnstile.leave() }
                let run = try self.run("bob@desk", "X-Dev:bob", actor: 1)
                for _ in 0..<self.turnstile.random(1..<30) { await self.turnstile.pass(1) }
                return (run, try await self.scene.enter(run))
            }
            group.addTask {
                defer { self.turnstile.leave() }
                let run = try self.run("eve@desk", "X-Dev:eve", actor: 2)
                for _ in 0..<self.turnstile.random(1..<30) { await self.turnstile.pass(2) }
                let eve = try await self.scene.enter(run)
                try await Leaving(store: run.store).leave(routeID: eve.route.id, of: eve.session, reason: "eve left")
                return nil
            }
            return try await group.reduce(into: nil as (InterceptRun, Membership)?) { $0 = $0 ?? $1 }
        }
        let (bob, membership) = try #require(joined)
        let session = try self.scene.session()
        if session?.routes.map(\.owner) != ["bob@desk"] { self.report("the routes are \(session?.routes ?? [])") }
        if try session.map({ try ServiceSwap($0).isHijacked(self.leaf()) }) != true { self.report("bob holds nothing") }

        self.turnstile.enter(1)
        try await Leaving(store: bob.store).leave(
            routeID: membership.route.id,
            of: membership.session,
            reason: "bob left"
        )
        self.turnstile.leave()
        if try self.scene.session() != nil { self.report("a Session is left") }
        let after = try self.leaf()
        if after["spec"] != before["spec"] || after.annotations != before.annotations { self.report("not restored") }
        #expect(self.problems.withLock { $0 }.isEmpty, "seed \(self.seed)")
        return membership.session.incarnation != first.session.incarnation
    }

    private func run(_ owner: String, _ match: String, actor: Int) throws -> InterceptRun {
        let transport = TurnstileTransport(base: self.scene.server, turnstile: self.turnstile, actor: actor) {
            self.check()
        }
        return try self.scene.run(owner: owner, match: match, transport: transport)
    }

    private func leaf() throws -> DynamicObject {
        try #require(self.scene.server.cluster[.services, "shop", "leaf"])
    }

    /// What must hold after every single request: the Service selects the original, or the interceptor of the Session that
    /// is there.
    private func check() {
        // Most requests change nothing: what was found in order still is.
        let version = self.scene.server.version
        let isNew = self.checked.withLock { checked in
            defer { checked = version }
            return checked != version
        }
        guard isNew else { return }
        guard let leaf = try? self.leaf() else { return self.report("the Service is gone") }
        guard leaf[path: "spec", "selector"] != ["app": "leaf"] else { return }
        guard let session = try? self.scene.session() else { return self.report("hijacked without a Session") }
        if !ServiceSwap(session).isHijacked(leaf) { self.report("selects another incarnation") }
    }

    private func report(_ problem: String) {
        self.problems.withLock { $0.append(problem) }
    }
}
