import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing

@testable import Intercept

@Suite("Keeping up an intercept")
struct UpkeepTests {
    /// Does something with an intercept that wants its Service back, whose interceptor has one Pod, ready or not.
    private func hold(isReady: Bool, _ body: (Scene, HeldIntercept) async throws -> Void) async throws {
        let scene = Scene()
        let run = try scene.run(change: { $0.onRevert = .reassert })
        let membership = try await scene.enter(run)
        self.putPod(scene, membership, isReady: isReady)
        let held = HeldIntercept(run: run, membership: membership)
        do {
            try await body(scene, held)
            await held.tunnels.end()
        } catch {
            await held.tunnels.end()
            throw error
        }
    }

    private func putPod(_ scene: Scene, _ membership: Membership, isReady: Bool) {
        let pod = DynamicObject(
            .pods,
            name: "replica",
            namespace: "shop",
            [
                "metadata": ["labels": JSONValue(Marks.selector(incarnation: membership.session.incarnation))],
                "status": [
                    "phase": "Running", "conditions": [["type": "Ready", "status": isReady ? "True" : "False"]],
                ],
            ]
        )
        scene.server.change { _ = $0.put(pod) }
    }

    /// Somebody puts the Service back.
    private func revert(_ scene: Scene) { scene.server.change { _ = $0.put(scene.service) } }

    private func isHijacked(_ scene: Scene, _ held: HeldIntercept) throws -> Bool {
        let service = try #require(scene.server.cluster[.services, "shop", "leaf"])
        return ServiceSwap(held.membership.session).isHijacked(service)
    }

    private func texts(_ scene: Scene, _ part: String) -> [String] { scene.texts.filter { $0.contains(part) } }

    @Test("What others take back is swapped again, and counted")
    func again() async throws {
        try await self.hold(isReady: true) { scene, held in
            for count in 1...3 {
                self.revert(scene)
                while try !self.isHijacked(scene, held) {
                    _ = held.reassertions.tick()
                    try await held.keepUp()
                }
                #expect(self.texts(scene, "swapped again (\(count) of 10 times)").count == 1)
            }
            #expect(self.texts(scene, "swapped again").count == 3)
        }
    }

    @Test("While nobody can serve nothing is swapped or counted, and that is said once; afterwards it is swapped")
    func unready() async throws {
        try await self.hold(isReady: false) { scene, held in
            self.revert(scene)
            for _ in 0..<100 {
                try await held.keepUp()
                _ = held.reassertions.tick()
            }
            #expect(try !self.isHijacked(scene, held))
            #expect(self.texts(scene, "swapped again").count == 1)
            #expect(self.texts(scene, "swapped again as soon as the interceptor is ready").count == 1)
            self.putPod(scene, held.membership, isReady: true)
            try await held.keepUp()
            #expect(try self.isHijacked(scene, held))
            #expect(self.texts(scene, "swapped again (1 of 10 times)").count == 1)
        }
    }

    @Test("What somebody deletes while the Service is theirs is made anew, as far as the server lets it")
    func deleted() async throws {
        try await self.hold(isReady: false) { scene, held in
            let name = Scene.names.interceptor
            self.revert(scene)
            scene.server.change {
                for type in [ResourceType.roles, .deployments] { _ = $0.handle(.delete(type, in: "shop", name: name)) }
            }
            scene.server.setFault { request in
                guard request.method == .post, request.segments.last == "roles" else { return nil }
                return .answer(403, reason: "Forbidden", message: "roles is forbidden")
            }
            try await held.keepUp()
            #expect(scene.server.cluster[.deployments, "shop", name] != nil)
            #expect(self.texts(scene, "cannot be made anew: roles is forbidden").count == 1)
        }
    }

    @Test("A swap that the server refuses is told as that, once, not counted, and tried again every ten seconds only")
    func refused() async throws {
        let tries = Mutex(0)
        try await self.hold(isReady: true) { scene, held in
            self.revert(scene)
            scene.server.setFault { request in
                guard request.method == .patch, request.segments.last == "leaf" else { return nil }
                tries.withLock { $0 += 1 }
                return .answer(403, reason: "Forbidden", message: "admission webhook no denied the request")
            }
            for _ in 0..<100 {
                try await held.keepUp()
                _ = held.reassertions.tick()
            }
            #expect(tries.withLock { $0 } == 10)
            #expect(self.texts(scene, "it cannot be swapped again: admission webhook").count == 1)
            #expect(self.texts(scene, "made anew").isEmpty && self.texts(scene, "of 10 times").isEmpty)
            scene.server.setFault { _ in nil }
            for _ in 0..<10 { _ = held.reassertions.tick() }
            try await held.keepUp()
            #expect(self.texts(scene, "swapped again (1 of 10 times)").count == 1)
        }
    }

    @Test("A start goes on where a replica that stops has given the Service back meanwhile")
    func suspended() async throws {
        let scene = Scene()
        let session = try await scene.run().join().session
        func isToBeProvenAgain(_ waiting: Waiting?, _ change: (inout Session) -> Void) -> Bool {
            var session = session
            change(&session)
            return HeldIntercept.isToBeProvenAgain(Observation(session: session, service: nil), waiting)
        }
        #expect(isToBeProvenAgain(.proof) { _ in })
        #expect(isToBeProvenAgain(nil) { $0.isSuspended = true })
        #expect(!isToBeProvenAgain(nil) { _ in })
        #expect(!isToBeProvenAgain(.reassertion) { _ in })
        #expect(!isToBeProvenAgain(.drain(replicas: 1)) { $0 = $0.closing(reason: "") ?? $0 })
        #expect(!HeldIntercept.isToBeProvenAgain(Observation(session: nil, service: nil), nil))
    }
}
