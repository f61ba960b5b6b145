import InterceptPlanning
import KubernetesModel
import Testing

@Suite("The planner")
struct PlannerTests {
    private let all = Set(OwnedObject.allCases)

    @Test("A fresh Session gets its objects in order, then the proof, then the swap")
    func forth() throws {
        let session = try Sample.session()
        var now = Observation(session: session, service: Sample.service())
        #expect(Planner.client.plan(now, wasHijacked: false) == OwnedObject.allCases.map(InterceptAction.create))
        now.owned = self.all
        #expect(Planner.client.plan(now, wasHijacked: false) == [.wait(.proof)])
        now.isProven = true
        #expect(
            Planner.client.plan(now, wasHijacked: false) == [.hijack(ServiceSwap(session).hijack(Sample.service()))]
        )
        now.service = try Sample.hijacked()
        #expect(Planner.client.plan(now, wasHijacked: false).isEmpty)
    }

    @Test("A single replica needs no disruption budget")
    func singleReplica() throws {
        let now = Observation(session: try Sample.session(replicas: 1), service: Sample.service())
        #expect(!Planner.client.plan(now, wasHijacked: false).contains(.create(.disruptionBudget)))
    }

    @Test("A replica never makes the first swap")
    func replicaDoesNotSwap() throws {
        let now = Observation(
            session: try Sample.session(),
            service: Sample.service(),
            owned: self.all,
            isProven: true
        )
        #expect(Planner.replica(isReady: true).plan(now, wasHijacked: false).isEmpty)
    }

    @Test("A closing Session restores first, waits for its replicas' drain, and is deleted last")
    func back() throws {
        var session = try #require(try Sample.session().closing(reason: "done"))
        let hijacked = try Sample.hijacked()
        var now = Observation(session: session, service: hijacked)
        now.pods = [InterceptorPod(uid: "p1", name: "a", isReady: true, isLive: true)]
        session.replicas = ["p1": Replica(pod: "a", fingerprint: "f")]
        now.session = session
        #expect(
            Planner.client.plan(now, wasHijacked: true) == [.restore(ServiceSwap(session).restore(hijacked))]
        )
        now.service = Sample.service()
        #expect(Planner.client.plan(now, wasHijacked: true) == [.wait(.drain(replicas: 1))])
        session.replicas["p1"]?.isDrained = true
        now.session = session
        let delete = InterceptAction.deleteSession(uid: "session-uid", resourceVersion: "12")
        #expect(Planner.client.plan(now, wasHijacked: true) == [delete])
        #expect(Planner.replica(isReady: true).plan(now, wasHijacked: true) == [delete])
    }

    @Test("A replica that never served, or is gone, is not waited for")
    func notWaitedFor() throws {
        var session = try #require(try Sample.session().closing(reason: "done"))
        session.replicas = ["gone": Replica(pod: "b", fingerprint: "f")]
        let now = Observation(
            session: session,
            service: Sample.service(),
            pods: [InterceptorPod(uid: "p1", name: "a", isReady: false, isLive: true)]
        )
        #expect(
            Planner.client.plan(now, wasHijacked: true)
                == [.deleteSession(uid: "session-uid", resourceVersion: "12")]
        )
    }

    @Test(
        "A revert by someone else closes the Session and names who it was",
        arguments: [Planner.client, .replica(isReady: true)]
    )
    func revert(role: Planner) throws {
        var service = Sample.service()
        service.json["metadata"]?["managedFields"] = [
            ["manager": "argocd", "time": "2026-01-02T00:00:00Z", "fieldsV1": ["f:spec": ["f:selector": [:]]]],
            ["manager": "kubectl", "time": "2026-01-01T00:00:00Z", "fieldsV1": ["f:spec": ["f:selector": [:]]]],
        ]
        let now = Observation(session: try Sample.session(), service: service, owned: self.all)
        #expect(
            role.plan(now, wasHijacked: true) == [.close(reason: "the service's selector was changed back by argocd")]
        )
    }

    @Test(
        "A port that somebody adds, or leads back, closes the Session: our Pods know nothing of it; other changes do not",
        arguments: [Planner.client, .replica(isReady: true)]
    )
    func changedPorts(role: Planner) throws {
        func plan(_ change: (inout JSONValue) -> Void) throws -> [InterceptAction] {
            var service = try Sample.hijacked()
            change(&service.json)
            service.json["metadata"]?["managedFields"] = [
                ["manager": "helm", "time": "2026-01-02T00:00:00Z", "fieldsV1": ["f:spec": ["f:ports": [:]]]]
            ]
            let now = Observation(session: try Sample.session(), service: service, owned: self.all)
            return role.plan(now, wasHijacked: true)
        }
        let closed: [InterceptAction] = [.close(reason: "the service's ports were changed by helm")]
        let written = try #require(try Sample.hijacked()[path: "spec", "ports"]?.array)
        #expect(try plan { _ in }.isEmpty)
        #expect(try plan { $0["spec"]?["ports"] = .array(written + [["port": 9, "targetPort": 9]]) } == closed)
        #expect(try plan { $0["spec"]?["ports"] = Sample.ports } == closed)
        #expect(
            try plan {
                $0["spec"]?["ports"] = .array(
                    written.map { port in
                        var port = port
                        port["name"] = "renamed"
                        port["nodePort"] = 30_000
                        return port
                    }
                )
            }.isEmpty
        )
        #expect(try plan { $0["spec"]?["ports"] = .array(Array(written.dropFirst())) }.isEmpty)
    }

    @Test("A suspended Session is swapped again by a ready replica only")
    func suspended() throws {
        var session = try Sample.session()
        session.isSuspended = true
        var now = Observation(session: session, service: Sample.service(), owned: self.all)
        #expect(Planner.client.plan(now, wasHijacked: true).isEmpty)
        #expect(Planner.replica(isReady: false).plan(now, wasHijacked: true).isEmpty)
        #expect(
            Planner.replica(isReady: true).plan(now, wasHijacked: true)
                == [.hijack(ServiceSwap(session).hijack(Sample.service())), .resume]
        )
        now.service = try Sample.hijacked()
        #expect(Planner.replica(isReady: true).plan(now, wasHijacked: false) == [.resume])
    }

    @Test("Without its Session a hijacked Service is healed from its annotation; any other is left alone")
    func heal() throws {
        let hijacked = try Sample.hijacked()
        let plan = Planner.client.plan(Observation(session: nil, service: hijacked), wasHijacked: false)
        #expect(plan == [.restore(ServiceSwap(try Sample.session()).restore(hijacked))])
        #expect(Planner.client.plan(Observation(session: nil, service: Sample.service()), wasHijacked: true).isEmpty)
        #expect(Planner.client.plan(Observation(session: nil, service: nil), wasHijacked: true).isEmpty)
    }

    @Test("Without Session and annotation the decoy is enough; a decoy of another hijack is not")
    func healByDecoy() throws {
        var hijacked = try Sample.hijacked()
        hijacked["metadata"]?["annotations"] = nil
        var now = Observation(session: nil, service: hijacked)
        #expect(Planner.client.plan(now, wasHijacked: false).isEmpty)
        let manifests = InterceptManifests(session: try Sample.session(), disruptionBudgetType: .podDisruptionBudgets)
        let decoy = manifests.manifest(.decoy)
        now.decoy = decoy
        let plan = Planner.client.plan(now, wasHijacked: false)
        guard case .restore(let operations) = try #require(plan.first) else { return #expect(plan.isEmpty, "\(plan)") }
        let restored = try hijacked.json.applying(operations)
        #expect(restored.differences(from: Sample.service().json).isEmpty, "node ports and all")
        now.decoy?["metadata"]?["labels"]?[Marks.sessionLabel] = "another"
        #expect(Planner.client.plan(now, wasHijacked: false).isEmpty)
    }

    @Test("While a Session is suspended, its client makes anew what somebody deleted; a replica does not")
    func deletedWhileSuspended() throws {
        var session = try Sample.session()
        session.isSuspended = true
        var now = Observation(session: session, service: Sample.service(), owned: self.all)
        now.owned.remove(.deployment)
        #expect(Planner.client.plan(now, wasHijacked: true) == [.create(.deployment)])
        #expect(Planner.replica(isReady: false).plan(now, wasHijacked: true).isEmpty)
    }

    @Test("A Service made anew is another one: the Session closes and does not touch it")
    func serviceReplaced() throws {
        var service = try Sample.hijacked()
        service.json["metadata"]?["uid"] = "another"
        var now = Observation(session: try Sample.session(), service: service, owned: self.all)
        #expect(
            Planner.client.plan(now, wasHijacked: true) == [.close(reason: "the service was deleted or made anew")]
        )
        now.session = try Sample.session().closing(reason: "x")
        #expect(
            Planner.client.plan(now, wasHijacked: true)
                == [.deleteSession(uid: "session-uid", resourceVersion: "12")]
        )
    }
}
