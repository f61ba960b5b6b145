import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing
import TrafficMatch

@testable import Intercept

@Suite("Joining again")
struct RejoiningTests {
    /// A sighting of the Session of a laptop that runs with `--take-over`, and what it makes of it.
    private func end(
        mayBeGivenUp: Bool,
        _ sighting: (Session) throws -> SessionSighting
    ) async throws -> HeldIntercept.End? {
        let scene = Scene()
        let run = try scene.run(change: { $0.takesOver = true })
        let held = HeldIntercept(run: run, membership: try await run.join())
        do {
            let sighting = try sighting(#require(try scene.session()))
            let end = try await held.end(sighting, mayBeGivenUp: mayBeGivenUp)
            await held.tunnels.end()
            return end
        } catch {
            await held.tunnels.end()
            throw error
        }
    }

    /// The Session of somebody who came later, with the route of somebody.
    private static func successor(of session: Session, owner: String, match: String) throws -> Session {
        var other = session
        other.incarnation = String(repeating: "b2", count: 20)
        var route = session.routes[0]
        route.id = "other"
        route.owner = owner
        route.match = try .init(headers: [.init(parsing: match)])
        other.routes = [route]
        return other
    }

    @Test("Who has made a new Session meanwhile keeps the match", arguments: ["ada@laptop", "bob@desk"])
    func taken(owner: String) async throws {
        let error = await #expect(throws: InterceptError.self) {
            _ = try await self.end(mayBeGivenUp: true) {
                .present(try Self.successor(of: $0, owner: owner, match: "X-C6O-INTERCEPT:yes"))
            }
        }
        #expect(error?.code == .ended && error?.message.contains("\(owner) ") == true)
        #expect(error?.message.contains("session was deleted") == false)
    }

    @Test("A new Session in which nobody has the match is joined by who was away")
    func free() async throws {
        func end(mayBeGivenUp: Bool) async throws -> HeldIntercept.End? {
            try await self.end(mayBeGivenUp: mayBeGivenUp) {
                .present(try Self.successor(of: $0, owner: "bob@desk", match: "X-Dev:bob"))
            }
        }
        #expect(try await end(mayBeGivenUp: true) == .expired)
        await #expect(throws: InterceptError.self) { _ = try await end(mayBeGivenUp: false) }
    }

    @Test("A Session that goes unseen has expired, where that may be; one that is deleted in plain sight was ended")
    func gone() async throws {
        #expect(try await self.end(mayBeGivenUp: true) { _ in .absent } == .expired)
        let unseen = await #expect(throws: InterceptError.self) {
            _ = try await self.end(mayBeGivenUp: false) { _ in .absent }
        }
        let seen = await #expect(throws: InterceptError.self) {
            _ = try await self.end(mayBeGivenUp: true) { session in SessionSighting(.deleted(session.object)) }
        }
        for error in [unseen, seen] { #expect(error?.message.contains("its session was deleted") == true) }
        #expect(try await self.end(mayBeGivenUp: true) { session in SessionSighting(.reset([session.object])) } == nil)
    }

    @Test("A Session that closes says why: only an expiry is joined again")
    func closing() async throws {
        let expired = try await self.end(mayBeGivenUp: false) {
            .present(try #require($0.closing(reason: "\(Session.expiryReason): ada@laptop, 60 s")))
        }
        #expect(expired == .expired)
        let error = await #expect(throws: InterceptError.self) {
            _ = try await self.end(mayBeGivenUp: true) { .present(try #require($0.closing(reason: "bob closed it"))) }
        }
        #expect(error?.message.contains("bob closed it") == true)
    }

    @Test(
        "What somebody takes just before is not taken from them, --take-over or not",
        arguments: ["ada@laptop", "bob@desk"]
    )
    func race(owner: String) async throws {
        let scene = Scene()
        _ = try await scene.run(owner: owner).join()
        let before = try scene.session()
        let again = try scene.run(change: { $0.takesOver = true })
        let error = await #expect(throws: InterceptError.self) { _ = try await again.joinAgain() }
        #expect(error?.code == .ended)
        #expect(try scene.session() == before)
    }

    @Test("What an earlier try left behind whose answer was lost is no rival")
    func ownTry() async throws {
        let scene = Scene()
        let run = try scene.run()
        let first = try await run.join(again: "r")
        let second = try await run.join(again: "r")
        #expect(try scene.session()?.routes == [second.route])
        #expect(second.route.epoch == first.route.epoch + 1)
        await #expect(throws: InterceptError.self) { _ = try await run.join(again: "s") }
    }

    @Test("A server in trouble is waited for, and that is said once", arguments: [429, 500, 503, 504])
    func trouble(status: Int) async throws {
        let scene = Scene()
        let waits = Mutex(0)
        let clock = StepClock {
            let count = waits.withLock { count in
                count += 1
                return count
            }
            if count == 20 { scene.server.setFault { _ in nil } }
        }
        let run = try scene.run(clock: clock)
        scene.server.setFault { request in
            guard request.method == .get, request.segments.last == Scene.names.session else { return nil }
            return .answer(status, reason: "", message: "not now")
        }
        let membership = try await run.joinAgain()
        #expect(try scene.session()?.routes == [membership.route])
        #expect(waits.withLock { $0 } == 20)
        #expect(scene.texts.filter { $0.hasPrefix("not joined again yet: ") }.count == 1)
        #expect(Set(scene.texts).count == scene.texts.count)
    }

    /// What a start makes of a world that changes after it has joined, and of how long ago that was.
    private func start(
        after absence: Duration = .zero,
        isAgain: Bool = true,
        clock: any Clock<Duration> = ContinuousClock(),
        in scene: Scene = Scene(),
        change: (Scene) -> Void
    ) async throws -> HeldIntercept.End? {
        // What was no absence is none on a machine that stands still for minutes either.
        let run = try scene.run(clock: clock, change: { $0.ttlSeconds = absence == .zero ? 3600 : 5 })
        let held = HeldIntercept(run: run, membership: try await run.join(), isAgain: isAgain)
        change(scene)
        do {
            // Real time, for it is the tunnels' keeper that looks at the clock.
            try await Task.sleep(for: absence)
            let end = try await held.start()
            await held.tunnels.end()
            return end
        } catch {
            await held.tunnels.end()
            throw error
        }
    }

    @Test("Who sleeps in the midst of a start and finds its Session gone has been given up, and joins again")
    func asleepWhileStarting() async throws {
        func remove(_ scene: Scene) {
            scene.server.change {
                _ = $0.handle(.delete(SessionKind.resource.type, in: "shop", name: Scene.names.session))
            }
        }
        #expect(try await self.start(after: .milliseconds(1100), isAgain: false, change: remove) == .expired)
        let error = await #expect(throws: InterceptError.self) { _ = try await self.start(change: remove) }
        #expect(error?.message.contains("its session was deleted") == true)
    }

    @Test("A start that is not the first goes on when the server is there again; the first one fails")
    func troubleWhileStarting() async throws {
        func fail(_ scene: Scene) {
            scene.server.setFault { request in
                guard request.method == .get, request.segments.last == Scene.names.session else { return nil }
                return .answer(503, reason: "", message: "not now")
            }
        }
        await #expect(throws: KubernetesError.self) { _ = try await self.start(isAgain: false, change: fail) }
        let scene = Scene()
        let waits = Mutex(0)
        let clock = StepClock {
            let count = waits.withLock { count in
                count += 1
                return count
            }
            guard count == 5 else { return }
            scene.server.setFault { _ in nil }
            scene.server.change {
                _ = $0.handle(.delete(SessionKind.resource.type, in: "shop", name: Scene.names.session))
            }
        }
        let error = await #expect(throws: InterceptError.self) {
            _ = try await self.start(clock: clock, in: scene, change: fail)
        }
        #expect(error?.code == .ended)
        #expect(waits.withLock { $0 } == 5)
        #expect(scene.texts.filter { $0.hasPrefix("not started again yet: ") }.count == 1)
    }
}
