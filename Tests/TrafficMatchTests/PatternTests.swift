import Foundation
import Testing
import TrafficMatch

@Suite("A regular expression of a rule")
struct PatternTests {
    @Test(
        "matches a value as a whole",
        arguments: [
            ("v[0-9]+", "v12", true), ("v[0-9]+", "av12", false), ("v[0-9]+", "v12b", false), ("^v\\d$", "v1", true),
            ("", "", true), ("", "a", false), ("a|b|", "", true), ("(ab|c){2}", "abc", true),
            ("(ab|c){2}", "abcab", false),
            ("a{2,}", "a", false), ("a{2,}", "aaaa", true), ("a{0}b", "b", true), ("a{0}b", "ab", false),
            ("[^/]*/x", "api/x", true), ("[^/]*/x", "a/b/x", false), ("[]a]+", "]a]", true), ("[a\\-z]", "-", true),
            ("[a-]", "-", true), ("(?i)Alice", "aLICE", true), ("(?i)[^x]+", "aXb", false), ("(?i)[^X]+", "axb", false),
            ("alice", "Alice", false), ("\\.", ".", true),
            ("\\.", "a", false), ("(?:é)+", "éé", true), ("é*", "éé", true), ("\\w+\\s\\w+", "a b", true),
            ("x.z", "x\u{9}z", true), ("^a$|^b$", "b", true), ("(a*)*", "aaa", true), ("(a*)*b", "aaab", true),
        ]
    )
    func whole(source: String, value: String, expected: Bool) throws {
        #expect(try Pattern(source).matches(value) == expected)
    }

    @Test(
        "is refused with the reason when it cannot be matched in linear time, or not be read",
        arguments: [
            ("(a)\\1", "backreferences"), ("(?=a)b", "look-around"), ("(?<n>a)", "look-around"),
            ("a**b(", "not closed"),
            ("(a", "not closed"), ("a)", "unopened"), ("[a", "not closed"), ("[z-a]", "backwards"),
            ("*a", "quantifier"),
            ("a{3,1}", "backwards"), ("a{1000}", "256"), ("(){256}{256}{256}{256}", "256"), ("(a{0}){200}{200}", "256"),
            ("(a{16}){17}", "256"), ("a\\", "end"), ("a^b", "ends"),
            ("a++", "possessive"), ("[[:alpha:]]", "alpha"), ("\\bword", "not understood"), ("a{x}", "count"),
            (String(repeating: "(", count: 40), "deeper"),
        ]
    )
    func refused(source: String, reason: String) {
        let error = #expect(throws: MatchError.self) { try Pattern(source) }
        #expect(error?.code == .invalidPattern)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test("agrees with another engine on random expressions and values", arguments: [UInt64](1...8))
    func differential(seed: UInt64) throws {
        var random = Seeded(seed)
        for _ in 0..<150 {
            let source = Self.expression(&random, depth: 3)
            let pattern = try Pattern(source)
            let other = try NSRegularExpression(pattern: "\\A(?:\(source))\\z")
            for _ in 0..<12 {
                let value = String(
                    (0..<Int.random(in: 0...6, using: &random)).map { _ in "abc".randomElement(using: &random) ?? "a" }
                )
                let range = NSRange(value.startIndex..., in: value)
                let expected = other.firstMatch(in: value, range: range) != nil
                #expect(pattern.matches(value) == expected, "seed \(seed): \(source) on '\(value)'")
            }
        }
    }

    private static func expression(_ random: inout Seeded, depth: Int) -> String {
        let atoms = ["a", "b", "c", ".", "[ab]", "[^a]", "\\w"]
        guard depth > 0 else { return atoms.randomElement(using: &random) ?? "a" }
        let inner = { (random: inout Seeded) in Self.expression(&random, depth: depth - 1) }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return "(\(inner(&random))|\(inner(&random)))"
        case 1: return "(\(inner(&random)))*"
        case 2: return "(\(inner(&random)))+"
        case 3: return "(\(inner(&random)))?"
        case 4: return "(\(inner(&random))){\(Int.random(in: 0...2, using: &random)),}"
        case 5: return "(\(inner(&random))){1,\(Int.random(in: 1...2, using: &random))}"
        default: return inner(&random) + inner(&random)
        }
    }

    @Test("takes time linear in the value: what makes a backtracking engine explode is over at once")
    func linear() throws {
        let value = String(repeating: "a", count: 64 << 10) + "!"
        #expect(try !Pattern("(a+)+(a|aa)*(a*)*b").matches(value))
    }
}

/// A generator whose numbers follow from its seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

extension Pattern {
    fileprivate func matches(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { self.matches($0) }
    }
}
