import Foundation
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
        let fields = lines.flatMap { name, values in values.map { (Array(name.utf8), Array($0.utf8)) } }
        let result = match.isSatisfied { visit in
            for (name, value) in fields {
                let goesOn = name.withUnsafeBytes { name in value.withUnsafeBytes { visit(name, $0) } }
                guard goesOn else { return }
            }
        }
        #expect(result == expected)
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

    @Test("survives JSON, and JSON cannot smuggle in what the initialiser refuses")
    func codes() throws {
        let match = try RequestMatch("X-C6O-INTERCEPT:yes")
        let data = try JSONEncoder().encode(match)
        #expect(String(decoding: data, as: UTF8.self).contains("\"x-c6o-intercept\""))
        #expect(try JSONDecoder().decode(RequestMatch.self, from: data) == match)
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(RequestMatch.self, from: Data(#"{"headers":[]}"#.utf8))
        }
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(RequestMatch.self, from: Data(#"{"headers":[{"name":"a b","value":"1"}]}"#.utf8))
        }
    }
}

extension RequestMatch {
    fileprivate init(_ texts: String...) throws {
        try self.init(headers: texts.map { try HeaderMatch(parsing: $0) })
    }
}
