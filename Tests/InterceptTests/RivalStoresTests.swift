import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import NIOCore
import SessionControl
import Synchronization
import TestSupport
import Testing

@testable import Intercept

@Suite("While the definition of Sessions is being made, a Service never gets two of them")
struct RivalStoresTests {
    /// A transport on which something happens right before one of its calls.
    private struct Interrupted: KubernetesTransport {
        let base: any KubernetesTransport
        let count = Counter()
        let call: Int
        let event: @Sendable () async throws -> Void

        final class Counter: Sendable {
            let value = Mutex(0)
        }

        var peer: TransportPeer { self.base.peer }

        func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
            let isNow = self.count.value.withLock { count in
                defer { count += 1 }
                return count == self.call
            }
            if isNow { try await self.event() }
            return try await self.base.send(request)
        }

        func upgrade(
            _ request: KubernetesRequest,
            subprotocol: String,
            on eventLoop: (any EventLoop)?,
            configure: @escaping @Sendable (any Channel) throws -> Void
        ) async throws -> any Channel {
            throw KubernetesError(.unsupported, "no ports here")
        }

        func shutdown() async throws {}
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
}
