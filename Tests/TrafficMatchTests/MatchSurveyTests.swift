import Testing

@testable import TrafficMatch

@Suite("The survey of requests that a match does not take")
struct MatchSurveyTests {
    private func survey(_ conditions: [Condition], _ requests: [RequestSample]) throws -> MatchSurvey {
        var survey = MatchSurvey(of: try RequestMatch(conditions))
        for request in requests { request.note(in: &survey) }
        return survey
    }

    @Test("tells a header that is not there from one with another value")
    func headers() throws {
        let survey = try self.survey(
            [.header(HeaderMatch(name: "x-user", value: "alice"))],
            [
                RequestSample(fields: [.init("Accept", "*/*")]),
                RequestSample(fields: [.init("X-User", "bob")]),
                RequestSample(fields: [.init("X-USER", "carol"), .init("accept", "a"), .init("ACCEPT", "b")]),
            ]
        )
        #expect(survey.requests == 3)
        #expect(survey.misses == [.init(absent: 1, other: 2)])
        #expect(survey.names == ["accept": 2, "x-user": 2], "a repeated line counts once")
    }

    @Test("looks at every condition by itself, also at those behind one that failed")
    func conditions() throws {
        let survey = try self.survey(
            [
                .path(PathMatch(.prefix("/api"))), .method(MethodMatch("POST")),
                .member(MemberMatch(.baggage, key: "user", .exact("alice"))),
                .member(MemberMatch(.query, key: "debug", .present)),
            ],
            [
                RequestSample(method: "GET", target: "/api/1?debug", fields: [.init("baggage", "user=bob,a=b")]),
                RequestSample(method: "POST", target: "/", fields: []),
            ]
        )
        // In the order of the match: baggage, method, path, query.
        #expect(
            survey.misses == [
                .init(absent: 1, other: 1), .init(other: 1), .init(other: 1), .init(absent: 1),
            ]
        )
    }

    @Test("keeps 64 names, none that is too long or no name, and says that there were more")
    func bounded() throws {
        let match: [Condition] = [.header(try HeaderMatch(name: "x-user", value: "alice"))]
        let many = (0..<64).map { RequestSample.Field("x-\($0)", "secret") }
        let full = try self.survey(match, [RequestSample(fields: many)])
        #expect(full.names.count == 64 && !full.omitsNames)
        let over = try self.survey(match, [RequestSample(fields: many + [.init("x-64", ""), .init("X-0", "")])])
        #expect(over.names.count == 64 && over.omitsNames && over.names["x-0"] == 1)
        let odd = try self.survey(match, [RequestSample(fields: [.init(String(repeating: "a", count: 65), "")])])
        #expect(odd.names.isEmpty && odd.omitsNames)
        #expect(try self.survey(match, [RequestSample(fields: [.init("a b", "")])]).names.isEmpty)
    }

    @Test("adds up over event loops and replicas, names bounded again")
    func sum() {
        var sum = RouteSightings()
        sum.names = ["a": 9]
        sum.misses = [.init(absent: 1)]
        sum.fallbacks = ["route-down": 1]
        var more = RouteSightings()
        more.requests = 5
        more.misses = [.init(absent: 1, other: 2), .init(other: 1)]
        more.fallbacks = ["route-down": 2]
        more.names = Dictionary(uniqueKeysWithValues: (0..<64).map { ("n\($0)", $0 == 7 ? 1 : 2) })
        sum += more
        #expect(sum.requests == 5)
        #expect(sum.misses == [.init(absent: 2, other: 2), .init(other: 1)])
        #expect(sum.fallbacks == ["route-down": 3])
        #expect(sum.names.count == 64 && sum.names["a"] == 9 && sum.names["n7"] == nil && sum.omitsNames)
    }
}

extension RequestSample {
    fileprivate func note(in survey: inout MatchSurvey) {
        self.withRequestView { survey.note($0) }
    }
}
