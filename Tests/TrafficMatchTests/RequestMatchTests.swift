import Testing
import TrafficMatch

@Suite("A request match")
struct RequestMatchTests {
    @Test("needs a condition")
    func refusesNothing() {
        let error = #expect(throws: MatchError.self) { try RequestMatch(headers: []) }
        #expect(error?.code == .noConditions)
    }

    @Test("is the same whatever the order and the repetitions of its conditions")
    func normalises() throws {
        let one = try RequestMatch("B:2", "a:1", "A: 1")
        let other = try RequestMatch("a:1", "b:2")
        #expect(one == other)
        #expect(one.description == "a: 1 and b: 2")
    }

    @Test(
        "is satisfied when some line satisfies each condition",
        arguments: [
            (["a": ["1"], "b": ["2"]], true), (["a": ["1"]], false), (["a": ["0", "1"], "b": ["2", "3"]], true),
            (["a": ["2"], "b": ["1"]], false), ([:], false),
        ] as [([String: [String]], Bool)]
    )
    func conjunction(lines: [String: [String]], expected: Bool) throws {
        let match = try RequestMatch("A:1", "B:2")
        let fields = lines.flatMap { name, values in values.map { RequestSample.Field(name, $0) } }
        #expect(RequestSample(fields: fields).satisfies(match) == expected)
    }

    @Test(
        "overlaps another unless the two want different values of one name",
        arguments: [
            (["X:alice"], ["X:bob"], false), (["X:alice"], ["x:alice"], true), (["X:alice"], ["Y:bob"], true),
            (["X:alice", "Y:1"], ["X:alice", "Y:2"], false), (["X:alice", "X:bob"], ["X:bob"], true),
            (["X:alice"], ["X:Alice"], false), (["X:a", "Y:b"], ["Z:c"], true),
        ]
    )
    func overlaps(one: [String], other: [String], expected: Bool) throws {
        let one = try RequestMatch(headers: one.map { try HeaderMatch(parsing: $0) })
        let other = try RequestMatch(headers: other.map { try HeaderMatch(parsing: $0) })
        #expect(one.overlaps(other) == expected)
        #expect(other.overlaps(one) == expected)
    }
}

extension RequestMatch {
    fileprivate init(_ texts: String...) throws {
        try self.init(headers: texts.map { try HeaderMatch(parsing: $0) })
    }
}
