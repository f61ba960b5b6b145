import InterceptPlanning
import KubernetesModel
import Testing
import TrafficMatch

@Suite("Joining, leaving and expiring")
struct MembershipTests {
    @Test("Another match joins; the same match of someone else is refused and names the owner")
    func joining() throws {
        let session = try Sample.session()
        guard case .write(let joined) = session.joining(try Sample.route("r2", owner: "bob@desk", match: "X-Dev:bob"))
        else { return #expect(Bool(false), "a different match was refused") }
        #expect(joined.routes.map(\.id) == ["r1", "r2"])
        guard case .refused(let error) = session.joining(try Sample.route("r2", owner: "bob@desk")) else {
            return #expect(Bool(false), "a taken match was given away")
        }
        #expect(error.code == .matchTaken)
        #expect(error.message.contains("ada@laptop"))
        #expect(error.message.contains("--take-over"))
    }

    @Test("A match that an earlier route covers is taken; a wider one is not")
    func covered() throws {
        var narrow = try Sample.route("r2", owner: "bob@desk")
        narrow.match = try RequestMatch(headers: [
            HeaderMatch(parsing: "X-C6O-INTERCEPT:yes"), HeaderMatch(parsing: "X-Dev:bob"),
        ])
        guard case .refused = try Sample.session().joining(narrow) else {
            return #expect(Bool(false), "a route that would never get a request was let in")
        }
        guard case .write = try Sample.session(routes: [narrow]).joining(try Sample.route()) else {
            return #expect(Bool(false), "a wider route was refused")
        }
    }

    @Test(
        "Whole connections and requests cannot share a port: whoever comes second is refused, and named who was first"
    )
    func everything() throws {
        var all = try Sample.route("r2", owner: "bob@desk")
        all.match = .everything
        guard case .refused(let error) = try Sample.session().joining(all) else {
            return #expect(Bool(false), "--all beside another's route")
        }
        #expect(error.message.contains("ada@laptop") && error.message.contains("--all"))
        guard case .refused = try Sample.session(routes: [all]).joining(try Sample.route(match: "X-Dev:ada")) else {
            return #expect(Bool(false), "a route beside --all")
        }
        guard case .write(let taken) = try Sample.session().joining(all, takeOver: true) else {
            return #expect(Bool(false), "take-over refused")
        }
        #expect(taken.routes.map(\.id) == ["r2"])
    }

    @Test("Overlaps are told: a request that satisfies both goes to the route that was first")
    func overlapping() throws {
        let bob = try Sample.route("r2", owner: "bob@desk", match: "X-Dev:bob")
        let apart = try Sample.route("r3", owner: "eve@desk", match: "X-Dev:eve")
        let elsewhere = try Sample.route("r4", owner: "ian@desk", match: "X-Ian:1", ports: [9090])
        let session = try Sample.session(routes: [try Sample.route(), bob, apart, elsewhere])
        #expect(session.overlapping(bob).map(\.id) == ["r1"])
        #expect(session.overlapping(apart).map(\.id) == ["r1"])
        #expect(session.overlapping(elsewhere).isEmpty)
        #expect(session.overlapping(try Sample.route()).isEmpty)
    }

    @Test("The same match on another port is no conflict")
    func otherPort() throws {
        let joining = try Sample.session().joining(try Sample.route("r2", owner: "bob@desk", ports: [9090]))
        guard case .write = joining else { return #expect(Bool(false), "refused") }
    }

    @Test("The first decides on TLS: who asks for another Secret is refused with the mend, who asks for none joins")
    func tlsSecrets() throws {
        var session = try Sample.session()
        let route = try Sample.route("r2", owner: "bob@desk", match: "X-Dev:bob")
        guard case .refused(let late) = session.joining(route, tlsSecrets: [80: "leaf-tls"]) else {
            return #expect(Bool(false), "joined")
        }
        #expect(late.code == .otherSetting)
        #expect(late.message.contains("ada@laptop") && late.message.contains("without --tls-secret for port 80"))
        session.settings.tlsSecrets = [80: "leaf-tls"]
        guard case .refused(let other) = session.joining(route, tlsSecrets: [80: "bob-tls"]) else {
            return #expect(Bool(false), "joined")
        }
        #expect(other.message.contains("with --tls-secret leaf-tls for port 80, not bob-tls"))
        for same in [[80: "leaf-tls"], [:]] {
            guard case .write(let joined) = session.joining(route, tlsSecrets: same) else {
                return #expect(Bool(false), "refused")
            }
            #expect(joined.settings.tlsSecrets == [80: "leaf-tls"])
        }
    }

    @Test("The same owner's second start supersedes the first with a higher epoch")
    func supersede() throws {
        guard case .write(let joined) = try Sample.session().joining(try Sample.route("r2")) else {
            return #expect(Bool(false), "refused")
        }
        #expect(joined.routes.map(\.id) == ["r2"])
        #expect(joined.routes.map(\.epoch) == [2])
    }

    @Test("Take-over removes the routes in conflict")
    func takeOver() throws {
        guard
            case .write(let joined) = try Sample.session()
                .joining(try Sample.route("r2", owner: "bob@desk"), takeOver: true)
        else { return #expect(Bool(false), "refused") }
        #expect(joined.routes.map(\.owner) == ["bob@desk"])
    }

    @Test("A closing Session makes joiners wait, and is written by nobody")
    func closingIsTerminal() throws {
        let closing = try #require(try Sample.session().closing(reason: "done"))
        #expect(closing.joining(try Sample.route("r2")) == .wait)
        #expect(closing.closing(reason: "again") == nil)
        #expect(closing.leaving(routeID: "r1", reason: "x") == nil)
    }

    @Test("Leaving keeps the others; the last to leave closes")
    func leaving() throws {
        let two = try Sample.session(routes: [Sample.route("r1"), Sample.route("r2", match: "a:b")])
        let one = try #require(two.leaving(routeID: "r1", reason: "bye"))
        #expect(one.phase == .active)
        #expect(one.routes.map(\.id) == ["r2"])
        let none = try #require(one.leaving(routeID: "r2", reason: "bye"))
        #expect(none.phase == .closing)
        #expect(none.closeReason == "bye")
        #expect(two.leaving(routeID: "unknown", reason: "x") == nil)
    }

    @Test("A heartbeat that stands still for the ttl expires its route, and only that one")
    func expiry() throws {
        var session = try Sample.session(routes: [Sample.route("r1"), Sample.route("r2", match: "a:b")])
        var watch = HeartbeatWatch()
        watch.observe(session, now: .seconds(0))
        session.heartbeats = ["r1": 1, "r2": 1]
        watch.observe(session, now: .seconds(1))
        session.heartbeats["r2"] = 2
        watch.observe(session, now: .seconds(3))
        #expect(watch.expired(session, now: .milliseconds(3_999)).isEmpty)
        #expect(watch.expired(session, now: .seconds(4)).map(\.id) == ["r1"])
        #expect(watch.expired(session, now: .seconds(6)).map(\.id) == ["r1", "r2"])
    }

    @Test("A route taken over by a newer epoch gets a whole ttl again")
    func expiryOfNewEpoch() throws {
        var session = try Sample.session()
        var watch = HeartbeatWatch()
        watch.observe(session, now: .seconds(0))
        session.routes[0].epoch = 2
        watch.observe(session, now: .seconds(2))
        #expect(watch.expired(session, now: .seconds(4)).isEmpty)
        #expect(watch.expired(session, now: .seconds(5)).count == 1)
    }
}
