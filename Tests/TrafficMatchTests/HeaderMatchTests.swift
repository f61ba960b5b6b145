import Testing
import TrafficMatch

@Suite("A header condition")
struct HeaderMatchTests {
    @Test(
        "is read from NAME:VALUE",
        arguments: zip(
            ["X-C6O-INTERCEPT:yes", "x-user: alice ", "X-Url:http://a:80/", "X-Tab:\ta\tb\t", "X-Ü:1".replacingU],
            ["x-c6o-intercept: yes", "x-user: alice", "x-url: http://a:80/", "x-tab: a\tb", "x-u: 1"]
        )
    )
    func parses(text: String, expected: String) throws {
        #expect(try HeaderMatch(parsing: text).description == expected)
    }

    @Test(
        "is refused with its reason when it cannot be one",
        arguments: zip(
            ["yes", "", ":yes", "X A:1", "X-\u{e9}:1", "X:", "X: \t ", "X:a\u{7}b", "X:a\r\nY: b", "X\u{1b}[2J:1"],
            [
                MatchError.Code.missingColon, .missingColon, .emptyName, .invalidName, .invalidName, .emptyValue,
                .emptyValue,
                .invalidValue, .invalidValue, .invalidName,
            ]
        )
    )
    func refuses(text: String, code: MatchError.Code) {
        let error = #expect(throws: MatchError.self) { try HeaderMatch(parsing: text) }
        #expect(error?.code == code)
        #expect(error?.message.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true, "the message drives no terminal")
    }

    @Test(
        "looks at the name without case and at the value byte by byte",
        arguments: [
            ("X-User", "alice", true), ("x-user", " alice\t", true), ("X-USER", "Alice", false),
            ("x-user", "alice, bob", false),
            ("x-users", "alice", false), ("x-use", "alice", false), ("x-user", "", false),
            ("x-user", "alicealice", false),
        ]
    )
    func matchesLine(name: String, value: String, expected: Bool) throws {
        let match = try HeaderMatch(name: "X-User", value: "alice")
        #expect(isSatisfied(match, name, value) == expected)
    }

    private func isSatisfied(_ match: HeaderMatch, _ name: String, _ value: String) -> Bool {
        Array(name.utf8).withUnsafeBytes { name in
            Array(value.utf8).withUnsafeBytes { value in match.isSatisfied(byName: name, value: value) }
        }
    }
}

extension String {
    fileprivate var replacingU: String {
        self.map { $0 == "Ü" ? "U" : $0 }.reduce(into: "") { $0.append($1) }
    }
}
