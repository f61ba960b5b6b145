import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing

@testable import Intercept

@Suite("A guardian puts back what its command was killed over", .timeLimit(.minutes(5)))
struct GuardianshipTests {
    /// More than a command has calls from its joining to its end; a test checks that.
    private static let calls = 100

    /// Where a command dies, and whether its last request reaches the server.
    struct Death: Sendable, CustomTestStringConvertible {
        var call: Int
        var reachesServer: Bool
        var testDescription: String { "call \(self.call)\(self.reachesServer ? ", after the server did it" : "")" }

        static let all = (0..<GuardianshipTests.calls).flatMap {
            [Death(call: $0, reachesServer: false), Death(call: $0, reachesServer: true)]
        }
    }

    @Test("Wherever that was, nothing is left", arguments: SessionKind.allCases, Death.all)
    func alone(kind: SessionKind, death: Death) async throws {
        let scene = Scene(kind)
        let life = Life(scene, death)
        await life.live()
        await life.guardianship()?.run()
        try scene.isUntouched()
    }

    @Test("The deaths are spread over the whole life, and without one nobody has anything to guard in the end")
    func coverage() async throws {
        let scene = Scene()
        let life = Life(scene, nil)
        await life.live()
        #expect(life.order == nil)
        #expect(life.wasGuarded)
        #expect((Self.calls / 2..<Self.calls).contains(life.calls), "\(life.calls)")
        try scene.isUntouched()
    }

    @Test(
        "What was under way and arrives later, up to the last look, is put back too",
        arguments: SessionKind.allCases,
        1...4
    )
    func late(kind: SessionKind, step: Int) async throws {
        let whole = Life(Scene(kind), nil)
        await whole.live()
        var arrived: Set<String> = []
        for call in whole.writes {
            let scene = Scene(kind)
            let life = Life(scene, Death(call: call, reachesServer: false))
            await life.live()
            let request = try #require(life.last)
            let count = Mutex(0)
            let clock = StepClock {
                let now = count.withLock { count in
                    count += 1
                    return count
                }
                guard now == step else { return }
                let answer = scene.server.change { $0.handle(request) }
                #expect(answer.status < 300 || request.method != .post, "\(request.summary): \(answer.body.compact)")
            }
            await life.guardianship(clock)?.run()
            try #require(count.withLock { $0 } >= step, "nobody looked again")
            try scene.isUntouched(request.summary)
            arrived.insert("\(request.method.rawValue) \(request.segments.last ?? "")")
        }
        #expect(arrived.isSuperset(of: ["POST \(kind.type.plural)", "POST deployments", "PATCH leaf"]), "\(arrived)")
    }

    @Test("Who intercepts the Service too goes on", arguments: SessionKind.allCases, Death.all)
    func joined(kind: SessionKind, death: Death) async throws {
        let scene = Scene(kind)
        let bob = try await scene.enter(scene.run(owner: "bob@desk", match: "X-Dev:bob"))
        let life = Life(scene, death)
        await life.live()
        await life.guardianship()?.run()
        let session = try #require(try scene.session())
        #expect(session.routes == [bob.route])
        #expect(session.incarnation == bob.session.incarnation && session.phase == .active)
        #expect(try ServiceSwap(session).isHijacked(#require(scene.server.cluster[.services, "shop", "leaf"])))
    }

    @Test("The same person's next intercept is left alone", arguments: SessionKind.allCases, [false, true])
    func successor(kind: SessionKind, isLate: Bool) async throws {
        let scene = Scene(kind)
        let life = Life(scene, nil, staysUntilDeath: true)
        await life.live()
        let order = try #require(life.order)
        if isLate { await Guardianship(order, client: scene.client, clock: StepClock()).run() }
        let next = try await scene.enter(scene.run())
        #expect(next.route.epoch == (isLate ? 1 : 2))
        let version = scene.server.version
        await Guardianship(order, client: scene.client, clock: StepClock()).run()
        #expect(scene.server.version == version, "the guardian wrote")
        #expect(try scene.session()?.routes == [next.route])
    }

    @Test("An API server that is away is waited for")
    func away() async throws {
        let scene = Scene()
        let life = Life(scene, nil, staysUntilDeath: true)
        await life.live()
        scene.server.setFault { _ in .lost }
        let steps = Mutex(0)
        let clock = StepClock {
            let now = steps.withLock { steps in
                steps += 1
                return steps
            }
            if now == GuardianLooks.patience - 1 { scene.server.setFault { _ in nil } }
        }
        await life.guardianship(clock)?.run()
        #expect(steps.withLock { $0 } == GuardianLooks.patience - 1 + 4)
        try scene.isUntouched()
    }

    @Test("It gives up some time")
    func givesUp() async throws {
        let scene = Scene()
        let life = Life(scene, nil, staysUntilDeath: true)
        await life.live()
        scene.server.setFault { _ in .lost }
        await life.guardianship()?.run()
        #expect(try scene.session()?.routes.count == 1)
        var looks = GuardianLooks()
        let waited = sequence(first: Duration.zero) { _ in looks.next(hasLooked: false) }.reduce(.zero, +)
        #expect((.seconds(300) ... .seconds(900)).contains(waited), "\(waited)")
    }

    @Test("A look that failed is made again before the next one is due, and the last comes 30 s after the first")
    func looks() {
        var looks = GuardianLooks()
        let regular = sequence(state: ()) { _ in looks.next(hasLooked: true) }
        #expect(Array(regular) == [.seconds(1), .seconds(2), .seconds(7), .seconds(20)])
        looks = GuardianLooks()
        #expect(looks.next(hasLooked: true) == .seconds(1))
        for _ in 0..<5 { #expect(looks.next(hasLooked: false).map { $0 <= .seconds(15) } == true) }
        #expect(looks.next(hasLooked: true) == .seconds(2))
    }

    @Test("Who is refused, and who has left, has nothing to guard; who could not leave has")
    func released() async throws {
        let scene = Scene()
        let orders = Mutex<[GuardianOrder?]>([])
        let guarding: InterceptRun.Guarding = { order in orders.withLock { $0.append(order) } }
        _ = try await scene.run(owner: "bob@desk").join()
        await #expect(throws: PlanningError.self) { try await scene.run(guarding: guarding).join() }
        #expect(orders.withLock { $0 }.allSatisfy { $0 == nil })

        let run = try scene.run(match: "X-Dev:ada", guarding: guarding)
        let ada = try await run.join()
        #expect(orders.withLock { $0.last }??.routeID == ada.route.id)
        scene.server.setFault { request in
            request.method == .patch ? .answer(403, reason: "Forbidden", message: "not any more") : nil
        }
        await #expect(throws: KubernetesError.self) {
            try await run.leave(routeID: ada.route.id, of: ada.session, because: CancellationError())
        }
        #expect(orders.withLock { $0.last }??.routeID == ada.route.id)
        scene.server.setFault { _ in nil }
        try await run.leave(routeID: ada.route.id, of: ada.session, because: CancellationError())
        #expect(orders.withLock { $0.last } == .some(.none))
    }
}

/// A command's life, up to its death: the request it dies at is never answered, and it does nothing after that.
private final class Life: Sendable {
    private struct State: Sendable {
        var calls = 0
        var order: GuardianOrder?
        var wasGuarded = false
        var last: KubernetesRequest?
        var writes: [Int] = []
    }

    private let scene: Scene
    private let death: GuardianshipTests.Death?
    private let staysUntilDeath: Bool
    private let state = Mutex(State())
    private let over = AsyncStream<Void>.makeStream()

    /// - Parameter staysUntilDeath: whether it dies once it holds the Service, and has nothing under way.
    init(_ scene: Scene, _ death: GuardianshipTests.Death?, staysUntilDeath: Bool = false) {
        self.scene = scene
        self.death = death
        self.staysUntilDeath = staysUntilDeath
    }

    var calls: Int { self.state.withLock { $0.calls } }
    /// What it last said is to be put back.
    var order: GuardianOrder? { self.state.withLock { $0.order } }
    var wasGuarded: Bool { self.state.withLock { $0.wasGuarded } }
    /// Which of its calls change something.
    var writes: [Int] { self.state.withLock { $0.writes } }
    /// The request it died at.
    var last: KubernetesRequest? { self.state.withLock { $0.last } }

    func guardianship(_ clock: StepClock = StepClock()) -> Guardianship? {
        self.order.map { Guardianship($0, client: self.scene.client, clock: clock) }
    }

    func live() async {
        let transport = Mortal(base: self.scene.server, life: self)
        // owner: nobody, once it is dead: the dead do not go on, and it waits for ever.
        Task {
            defer { self.over.continuation.finish() }
            let run = try self.scene.run(
                transport: transport,
                guarding: { order in
                    self.state.withLock { state in
                        state.order = order
                        state.wasGuarded = state.wasGuarded || order != nil
                    }
                }
            )
            let membership = try await self.scene.enter(run)
            guard !self.staysUntilDeath else { return }
            try await run.leave(
                routeID: membership.route.id,
                of: membership.session,
                because: CancellationError()
            )
        }
        for await _ in self.over.stream {}
    }

    private struct Mortal: WrappingTransport {
        let base: any KubernetesTransport
        let life: Life

        func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
            // These are asked several at once, and change nothing.
            guard request.segments.last != ResourceType.selfSubjectAccessReviews.plural else {
                return try await self.base.send(request)
            }
            let isFatal = self.life.state.withLock { state in
                defer { state.calls += 1 }
                if request.method != .get { state.writes.append(state.calls) }
                guard state.calls == self.life.death?.call else { return false }
                state.last = request
                return true
            }
            guard isFatal else { return try await self.base.send(request) }
            if self.life.death?.reachesServer == true { _ = try? await self.base.send(request) }
            self.life.over.continuation.finish()
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            throw CancellationError()
        }
    }
}

extension Scene {
    /// Joins, and takes the Service as one does whose interceptor was found good.
    func enter(_ run: InterceptRun) async throws -> Membership {
        let membership = try await run.join()
        let controller = SessionController(store: run.store.preferring(membership.session.kind), role: .client)
        let incarnation = membership.session.incarnation
        while try await controller.converge(on: incarnation, isProven: { _ in true }).waiting == .proof {}
        return membership
    }

    /// Nothing of ours is there, and the Service is what it was.
    func isUntouched(_ why: String = "") throws {
        let leaf = try #require(self.server.cluster[.services, "shop", "leaf"])
        #expect(leaf["spec"] == self.service["spec"] && leaf.annotations == self.service.annotations, "\(why)")
        #expect(self.server.cluster.all(.services).map(\.name) == ["leaf"], "\(why)")
        for type in [ResourceType.sessions, .deployments, .configMaps, .serviceAccounts, .roles, .roleBindings]
        where self.server.cluster.types.contains(type) {
            #expect(self.server.cluster.all(type).isEmpty, "\(why): \(type.plural) left")
        }
    }
}
