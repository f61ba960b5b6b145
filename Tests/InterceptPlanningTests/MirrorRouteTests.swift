import InterceptPlanning
import KubernetesModel
import Testing
import TrafficMatch

@Suite("A route that is a mirror")
struct MirrorRouteTests {
    private func mirror(_ id: String = "m1", owner: String = "bob@desk", of match: RequestMatch? = nil) throws -> Route
    {
        var route = try Sample.route(id, owner: owner)
        if let match { route.match = match }
        route.isMirror = true
        return route
    }

    private func joined(_ route: Route, to session: Session, takeOver: Bool = false) throws -> [String] {
        guard case .write(let written) = session.joining(route, takeOver: takeOver) else { return ["refused"] }
        return written.routes.map(\.id)
    }

    @Test("is in nobody's way, whoever comes first and whatever either takes")
    func overlaps() throws {
        let intercept = try Sample.route()
        var everything = try Sample.route("all", owner: "eve@desk")
        everything.match = .everything
        let copying = try self.mirror(of: .everything)
        #expect(try self.joined(self.mirror(), to: Sample.session()) == ["r1", "m1"])
        #expect(try self.joined(intercept, to: Sample.session(routes: [self.mirror()])) == ["m1", "r1"])
        #expect(
            try self.joined(self.mirror("m2", owner: "eve@desk"), to: Sample.session(routes: [self.mirror()])) == [
                "m1", "m2",
            ]
        )
        #expect(try self.joined(everything, to: Sample.session(routes: [copying])) == ["m1", "all"])
        #expect(try self.joined(copying, to: Sample.session(routes: [everything])) == ["all", "m1"])
        #expect(try self.joined(intercept, to: Sample.session(routes: [copying]), takeOver: true) == ["m1", "r1"])
    }

    @Test("takes the place of the same person's older mirror, not of their intercept with the same match")
    func renews() throws {
        let older = try self.mirror(owner: "ada@laptop")
        let session = try Sample.session(routes: [Sample.route(), older])
        guard case .write(let written) = session.joining(try self.mirror("m2", owner: "ada@laptop")) else {
            return #expect(Bool(false), "refused")
        }
        #expect(written.routes.map(\.id) == ["r1", "m2"])
        #expect(written.routes.map(\.epoch) == [1, 2])
    }

    @Test("knows who answers what it would get copies of; nobody is told that it overlaps")
    func starving() throws {
        let mirror = try self.mirror()
        let session = try Sample.session(routes: [
            Sample.route(), Sample.route("r2", match: "X-C6O-INTERCEPT:no"), mirror,
        ])
        #expect(session.starving(mirror).map(\.id) == ["r1"])
        #expect(session.overlapping(mirror).isEmpty)
        let later = try Sample.route("r3", owner: "eve@desk", match: "X-Dev:eve")
        #expect(try Sample.session(routes: [mirror, later]).overlapping(later).isEmpty)
    }

    @Test("is written and read back; a route without the word is none")
    func coding() throws {
        let object = try Sample.session(routes: [Sample.route(), self.mirror()]).object
        #expect(try Session(object).routes.map(\.isMirror) == [false, true])
        #expect(object[path: "spec", "routes"]?[0]?["mirror"] == nil)
        #expect(object[path: "spec", "routes"]?[1]?["mirror"] == true)
    }

    @Test("does not answer: the explanation names who does, and who gets a copy")
    func explained() throws {
        let request = RequestSample(method: "GET", target: "/", fields: [.init("X-C6O-INTERCEPT", "yes")])
        let alone = Explanation(of: request, port: 80, routes: [try self.mirror()])
        #expect(alone.taker == nil && alone.mirrors.map(\.id) == ["m1"])
        let beside = Explanation(of: request, port: 80, routes: [try self.mirror(), try Sample.route()])
        #expect(beside.taker?.id == "r1" && beside.mirrors.isEmpty)
        #expect(try self.mirror().claim == "copies of \(Sample.match())")
        #expect(try self.mirror(of: .everything).claim == "copies of every request")
    }
}
