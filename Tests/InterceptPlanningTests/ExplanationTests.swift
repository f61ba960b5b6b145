import InterceptPlanning
import Testing
import TrafficMatch

@Suite("Explaining where a request goes")
struct ExplanationTests {
    private let request = RequestSample(
        method: "GET",
        target: "/api/x?debug=1",
        fields: [.init("X-Dev", "bob"), .init("cookie", "a=b")]
    )

    @Test("The first route of the port that matches takes it; each condition is judged with what was found instead")
    func taker() throws {
        var wide = try Sample.route("r2", owner: "bob@desk")
        wide.match = try RequestMatch([
            .header(HeaderMatch(name: "x-dev", value: "bob")), .path(PathMatch(.prefix("/api"))),
        ])
        let other = try Sample.route("r3", owner: "eve@desk", match: "X-Dev:bob", ports: [9090])
        let explanation = Explanation(of: self.request, port: 80, routes: [try Sample.route(), wide, other])
        #expect(explanation.verdicts.map(\.route.id) == ["r1", "r2"])
        #expect(explanation.verdicts.map(\.matches) == [false, true])
        #expect(explanation.taker?.id == "r2")
        #expect(explanation.verdicts[0].conditions.map(\.found) == [nil])
        #expect(explanation.verdicts[1].conditions.map(\.found) == ["/api/x?debug=1", "bob"])
    }

    @Test("A route for whole connections takes everything, and without a route nothing is taken")
    func everything() throws {
        var all = try Sample.route()
        all.match = .everything
        #expect(Explanation(of: self.request, port: 80, routes: [all]).taker?.id == "r1")
        #expect(Explanation(of: self.request, port: 81, routes: [all]).taker == nil)
    }

    @Test("What was found is the value, the list, or the target that a condition looks at")
    func found() throws {
        var route = try Sample.route()
        route.match = try RequestMatch([
            .member(MemberMatch(.cookie, parsing: "a=c")), .member(MemberMatch(.query, parsing: "debug=2")),
            .method(MethodMatch("PUT")),
        ])
        let judged = Explanation(of: self.request, port: 80, routes: [route]).verdicts[0].conditions
        #expect(judged.map(\.found) == ["a=b", "GET", "?debug=1"])
        #expect(judged.allSatisfy { !$0.holds })
    }
}
