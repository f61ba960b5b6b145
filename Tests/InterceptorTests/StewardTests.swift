import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@testable import Interceptor

@Suite("What a replica does for the Session")
struct StewardTests {
    @Test("It publishes itself once, and again only when something changed", arguments: SessionKind.allCases)
    func publishing(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        #expect(try stage.session()?.replicas == ["a": Replica(pod: "pod-a", fingerprint: "key-of-a")])
        #expect(replica.state.with { $0.isPublished })
        let version = try stage.session()?.resourceVersion
        await replica.lookAndStep()
        #expect(try stage.session()?.resourceVersion == version)
        await replica.steward.report(problem: "the original is away")
        await replica.lookAndStep()
        #expect(try stage.session()?.replicas["a"]?.problem == "the original is away")
    }

    @Test(
        "A stopping replica does not publish itself, and takes its entry away at its end",
        arguments: SessionKind.allCases
    )
    func unpublishing(kind: SessionKind) async throws {
        let stage = try Stage(kind) { $0.replicas = ["a": Replica(pod: "pod-a", fingerprint: "key-of-a")] }
        stage.putPod("b")
        let replica = try TestReplica("a", stage)
        replica.terminate()
        #expect(await !replica.lookAndStep())
        #expect(await !replica.lookAndStep(after: .seconds(2)))
        #expect(try stage.session()?.replicas.keys.sorted() == ["a"])
        #expect(await replica.lookAndStep(after: .seconds(1)))
        #expect(try stage.session()?.replicas.isEmpty == true)
    }

    @Test("Before it has seen the Session it does nothing at all", arguments: SessionKind.allCases)
    func blind(kind: SessionKind) async throws {
        let stage = try Stage(kind)
        let replica = try TestReplica("a", stage)
        replica.seeService()
        replica.terminate()
        #expect(await !replica.steward.step())
        #expect(stage.server.requests.isEmpty)
    }

    @Test(
        "Heartbeats rise only for routes whose tunnel, of the right epoch, ends here",
        arguments: SessionKind.allCases
    )
    func heartbeats(kind: SessionKind) async throws {
        let stage = try Stage(
            kind,
            routes: [
                Stage.route("r1"), Stage.route("r2", match: "a:b", epoch: 2), Stage.route("r3", match: "c:d"),
            ]
        ) { $0.heartbeats = ["r1": 7, "r2": 7] }
        let replica = try TestReplica("a", stage)
        replica.look()
        replica.hold(["r1": 1, "r2": 1])
        await replica.step()
        #expect(try stage.session()?.heartbeats == ["r1": 8, "r2": 7])
    }

    @Test("A heartbeat a quarter of the ttl, and at least one in ten seconds", arguments: [(8, 2_000), (120, 10_000)])
    func heartbeatPace(ttl: Int, milliseconds: Int) async throws {
        let stage = try Stage(routes: [Stage.route(ttl: ttl)])
        let replica = try TestReplica("a", stage)
        replica.look()
        replica.hold(["r1": 1])
        await replica.lookAndStep()
        #expect(try stage.session()?.heartbeats == ["r1": 1])
        await replica.lookAndStep(after: .milliseconds(milliseconds - 1))
        #expect(try stage.session()?.heartbeats == ["r1": 1])
        await replica.lookAndStep(after: .milliseconds(1))
        #expect(try stage.session()?.heartbeats == ["r1": 2])
    }

    @Test("A heartbeat that failed is due again at once", arguments: SessionKind.allCases)
    func failedHeartbeat(kind: SessionKind) async throws {
        let stage = try Stage(kind) { $0.replicas = ["a": Replica(pod: "pod-a", fingerprint: "key-of-a")] }
        let replica = try TestReplica("a", stage)
        replica.look()
        replica.hold(["r1": 1])
        stage.server.setFault { $0.method == .patch ? .lost : nil }
        await replica.lookAndStep()
        #expect(try stage.session()?.heartbeats == [:])
        stage.server.setFault { _ in nil }
        await replica.lookAndStep()
        #expect(try stage.session()?.heartbeats == ["r1": 1])
    }

    @Test("A route whose heartbeat stands still for its ttl goes; the others stay", arguments: SessionKind.allCases)
    func expiryOfOne(kind: SessionKind) async throws {
        let stage = try Stage(
            kind,
            routes: [Stage.route("r1", ttl: 5), Stage.route("r2", owner: "bob@desk", match: "a:b")]
        )
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        await replica.lookAndStep(after: .milliseconds(4_999))
        #expect(try stage.session()?.routes.map(\.id) == ["r1", "r2"])
        await replica.lookAndStep(after: .milliseconds(1))
        #expect(try stage.session()?.routes.map(\.id) == ["r2"])
        #expect(try stage.session()?.phase == .active)
        #expect(try stage.isHijacked)
    }

    @Test("The expiry of the last route closes, restores, drains, and leaves nothing", arguments: SessionKind.allCases)
    func expiryOfLast(kind: SessionKind) async throws {
        let stage = try Stage(kind, routes: [Stage.route(ttl: 5)])
        stage.putPod("a")
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        await replica.lookAndStep(after: .seconds(5))
        let closing = try #require(try stage.session())
        #expect(closing.phase == .closing)
        #expect(closing.closeReason == "not heard of for the ttl: ada@laptop, 5 s")
        await replica.lookAndStep()
        try stage.expectOriginal()
        #expect(try stage.session() != nil, "deleted before its connections ended")
        await replica.lookAndStep()
        await replica.lookAndStep(after: .seconds(3))
        #expect(try stage.session()?.replicas["a"]?.isDrained == true)
        await replica.lookAndStep()
        #expect(try stage.session() == nil)
    }

    @Test("A heartbeat that another replica bumped at the last moment keeps the route", arguments: SessionKind.allCases)
    func expiryRace(kind: SessionKind) async throws {
        let stage = try Stage(kind, routes: [Stage.route(ttl: 5)])
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        replica.advance(.seconds(5))
        replica.look()
        try await stage.store().mergeStatus(["heartbeats": ["r1": 1]], of: try #require(try stage.session()))
        await replica.step()
        #expect(try stage.session()?.phase == .active)
        #expect(try stage.session()?.routes.count == 1)
    }

    @Test("While a tunnel is held nothing expires, however long it lasts", arguments: SessionKind.allCases)
    func alive(kind: SessionKind) async throws {
        let stage = try Stage(kind, routes: [Stage.route(ttl: 5)])
        let holder = try TestReplica("a", stage)
        let other = try TestReplica("b", stage)
        stage.putPod("a")
        stage.putPod("b")
        holder.look()
        holder.hold(["r1": 1])
        for _ in 0..<200 {
            await holder.lookAndStep(after: .milliseconds(250))
            await other.lookAndStep(after: .milliseconds(250))
        }
        #expect(try stage.session()?.routes.count == 1)
        holder.hold([:])
        for _ in 0..<21 { await other.lookAndStep(after: .milliseconds(250)) }
        #expect(try stage.session()?.phase == .closing)
    }

    @Test("A held tunnel's route stays where its heartbeats cannot be written down")
    func aliveUnwritten() async throws {
        let stage = try Stage(
            .resource,
            routes: [Stage.route(ttl: 5), Stage.route("r2", owner: "bob@desk", match: "a:b")]
        )
        stage.server.setFault { request in
            guard request.method == .patch, request.segments.last == "status" else { return nil }
            return .answer(500, reason: "InternalError", message: "etcd")
        }
        let replica = try TestReplica("a", stage)
        replica.look()
        replica.hold(["r1": 1])
        await replica.lookAndStep()
        await replica.lookAndStep(after: .seconds(60))
        #expect(try stage.session()?.routes.map(\.id) == ["r1"])
    }

    @Test(
        "A drain waits for the connections of others, asks them to end, and gives up at last",
        arguments: SessionKind.allCases
    )
    func draining(kind: SessionKind) async throws {
        let stage = try Stage(kind) {
            $0.phase = .closing
            $0.replicas = ["a": Replica(pod: "pod-a", fingerprint: "key-of-a")]
        }
        stage.putPod("a")
        let replica = try TestReplica("a", stage)
        replica.connections = 3
        await replica.lookAndStep()
        try stage.expectOriginal()
        await replica.lookAndStep()
        await replica.lookAndStep(after: .seconds(29))
        #expect(replica.announcements == 0)
        await replica.lookAndStep(after: .seconds(1))
        #expect(replica.announcements == 1)
        #expect(replica.hurries == 0)
        await replica.lookAndStep(after: .seconds(3))
        #expect(replica.hurries == 1)
        #expect(try stage.session()?.replicas["a"]?.isDrained == false)
        await replica.lookAndStep(after: .seconds(2))
        await replica.lookAndStep()
        #expect(try stage.session() == nil)
    }

    @Test("Whoever sees all replicas drained deletes the Session, and nobody before", arguments: SessionKind.allCases)
    func lastToDrain(kind: SessionKind) async throws {
        let stage = try Stage(kind) {
            $0.phase = .closing
            $0.replicas = [
                "a": Replica(pod: "pod-a", fingerprint: "key-of-a"),
                "b": Replica(pod: "pod-b", fingerprint: "key-of-b"),
            ]
        }
        stage.putPod("a")
        stage.putPod("b")
        let idle = try TestReplica("a", stage)
        let busy = try TestReplica("b", stage)
        busy.connections = 1
        for _ in 0..<8 {
            await idle.lookAndStep(after: .seconds(1))
            await busy.lookAndStep(after: .seconds(1))
        }
        #expect(try stage.session()?.replicas["a"]?.isDrained == true)
        #expect(try stage.session()?.replicas["b"]?.isDrained == false)
        busy.connections = 0
        await busy.lookAndStep()
        await idle.lookAndStep()
        #expect(try stage.session() == nil)
        try stage.expectOriginal()
    }

    @Test("One duty that fails keeps no other from being done")
    func independentDuties() async throws {
        let stage = try Stage { $0.phase = .closing }
        stage.server.setFault { request in
            request.segments.last == "status" ? .answer(403, reason: "Forbidden", message: "not you") : nil
        }
        let replica = try TestReplica("a", stage)
        await replica.lookAndStep()
        try stage.expectOriginal()
    }
}
