import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import TestSupport
import Testing
import TrafficMatch

@testable import Intercept

@Suite("While the definition of Sessions is being made, a Service never gets two of them")
struct RivalStoresTests {
    /// A transport on which something happens right before one of its calls.
    private struct Interrupted: WrappingTransport {
        let base: any KubernetesTransport
        let count = Counter()
        let call: Int
        let event: @Sendable () async throws -> Void

        final class Counter: Sendable {
            let value = Mutex(0)
        }

        func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
            let isNow = self.count.value.withLock { count in
                defer { count += 1 }
                return count == self.call
            }
            if isNow { try await self.event() }
            return try await self.base.send(request)
        }
    }

    /// The calls of a join after its access reviews, and some more: what comes later interrupts nothing.
    private static let calls = 60

    @Test(
        "Somebody else joins right after it was made, at any call of who puts the first into a ConfigMap",
        .timeLimit(.minutes(5)),
        arguments: 0..<calls
    )
    func interrupted(call: Int) async throws {
        let scene = Scene(.configMap)
        let transport = Interrupted(base: scene.server, call: call) {
            scene.server.change { $0.types.append(.sessions) }
            _ = try await scene.run(owner: "bob@desk", match: "X-Dev:bob").join()
        }
        let ada = try await scene.run(transport: transport).join()
        if !scene.server.cluster.types.contains(.sessions) {
            #expect(transport.count.value.withLock { $0 } <= call, "no call was interrupted")
            return
        }
        let session = try #require(try scene.session())
        #expect(session.uid == ada.session.uid)
        #expect(session.routes.map(\.owner).sorted() == ["ada@laptop", "bob@desk"])
        #expect(scene.server.cluster[.services, "shop", "leaf"]?["spec"] == scene.service["spec"])
    }

    @Test("Three at once, call by call in a random order", .timeLimit(.minutes(5)), arguments: 0..<60 as Range<UInt64>)
    func interleaved(seed: UInt64) async throws {
        let scene = Scene(.configMap)
        let turnstile = Turnstile(seed: seed)
        let owners = ["ada@laptop", "bob@desk", "eve@train"]
        let runs = try owners.enumerated().map { actor, owner in
            try scene.run(
                owner: owner,
                match: "X-Dev:\(owner)",
                transport: TurnstileTransport(base: scene.server, turnstile: turnstile, actor: actor)
            )
        }
        turnstile.enter(owners.count + 1)
        let members = try await withThrowingTaskGroup(of: Membership?.self) { group in
            for (actor, run) in runs.enumerated() {
                group.addTask {
                    defer { turnstile.leave() }
                    // Some begin when others are done.
                    for _ in 0..<turnstile.random(0..<12) { await turnstile.pass(actor) }
                    return try await run.join()
                }
            }
            group.addTask {
                defer { turnstile.leave() }
                for _ in 0..<turnstile.random(1..<20) { await turnstile.pass(owners.count) }
                scene.server.change { $0.types.append(.sessions) }
                return nil
            }
            return try await group.reduce(into: [Membership]()) { members, next in
                if let next { members.append(next) }
            }
        }
        let session = try #require(try scene.session())
        #expect(session.routes.map(\.owner).sorted() == owners)
        #expect(Set(members.map(\.session.incarnation)) == [session.incarnation])
        #expect(scene.server.cluster[.services, "shop", "leaf"]?["spec"] == scene.service["spec"])
    }

    @Test("Two that are there to stay are named, both, after some pauses, and are left as they were")
    func twoForGood() async throws {
        let scene = Scene()
        for (kind, owner) in [(SessionKind.resource, "bob@desk"), (.configMap, "eve@train")] {
            let session = Session(
                names: Scene.names,
                serviceUID: scene.service.uid,
                incarnation: String(repeating: kind == .resource ? "a" : "b", count: 40),
                original: OriginalService(selector: ["app": "leaf"], ports: scene.service[path: "spec", "ports"] ?? []),
                routes: [
                    Route(
                        id: owner,
                        owner: owner,
                        ports: [80],
                        match: try RequestMatch(headers: [HeaderMatch(parsing: "X-Dev:\(owner)")]),
                        fingerprint: "ff00",
                        ttlSeconds: 60
                    )
                ],
                settings: InterceptorSettings(image: "detour:test", replicas: 1),
                kind: kind
            )
            scene.server.change { _ = $0.put(session.object) }
        }
        let pauses = Mutex(0)
        let clock = StepClock { pauses.withLock { $0 += 1 } }
        let run = try scene.run(clock: clock)
        let error = await #expect(throws: InterceptError.self) { try await run.join() }
        #expect(error?.code == .twoSessions)
        #expect(
            error?.message.hasPrefix(
                "service leaf in namespace shop has two sessions, sessions.detour.dev/intercept-shop-leaf (of bob@desk) and "
                    + "configmaps/intercept-shop-leaf (of eve@train), "
            ) == true,
            "\(error?.message ?? "")"
        )
        #expect((1...20).contains(pauses.withLock { $0 }))
        let left = SessionKind.allCases.compactMap { scene.server.cluster[$0.type, "shop", Scene.names.session] }
        #expect(try left.map { try Session($0).routes.map(\.owner) } == [["bob@desk"], ["eve@train"]])
    }
}
