import KubernetesModel
import TestSupport
import Testing

@Suite("JSON text")
struct JSONTextTests {
    @Test(
        "What is read is printed back in canonical form",
        arguments: zip(
            [
                "{\"b\":1,\"a\":[true,false,null]}", " [ 1 , 2.5 , -3 ] ", "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
                "9223372036854775807",
                "9223372036854775808", "1e2", "-0", "{\"a\":1,\"a\":2}", "[]", "{}", "\"\\ud800x\"",
                "\"\u{0}\"".replacing("\u{0}", with: "\\u0000"),
            ],
            [
                "{\"a\":[true,false,null],\"b\":1}", "[1,2.5,-3]", "\"é😀\\n/\"", "9223372036854775807",
                "9.223372036854776e+18", "100.0", "0", "{\"a\":2}", "[]", "{}", "\"\u{fffd}x\"", "\"\\u0000\"",
            ]
        )
    )
    func canonical(text: String, expected: String) throws {
        #expect(try JSONValue(parsing: text).compact == expected)
    }

    @Test(
        "What is no JSON is refused with a place",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "1.", ".5", "+1", "1e", "nul", "truex", "\"",
            "\"\\x\"",
            "\"\\u12\"", "\"a\nb\"", "1 2", "[1}", "{\"a\":1,}", "1e999", "NaN", "'a'", "--1", "\u{feff}1",
        ]
    )
    func refused(text: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
        #expect((error?.offset ?? -1) >= 0)
    }

    @Test("A string that is not UTF-8 is refused")
    func invalidUTF8() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0xff, 0x22]) }
    }

    @Test("A hundred thousand brackets are refused, not a crash")
    func deep() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
        let edge = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(throws: Never.self) { try JSONValue(parsing: edge) }
    }

    @Test("The pretty form has two spaces a level and sorted keys")
    func pretty() {
        let value: JSONValue = ["spec": ["ports": [["port": 80]], "empty": []], "kind": "Service"]
        let expected = """
            {
              "kind": "Service",
              "spec": {
                "empty": [],
                "ports": [
                  {
                    "port": 80
                  }
                ]
              }
            }
            """
        #expect(value.pretty == expected)
    }

    @Test("Random values survive printing and parsing, in both forms", arguments: 0..<100 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let value = JSONValue.random(&random, depth: 4)
        #expect(try JSONValue(parsing: value.compact) == value)
        #expect(try JSONValue(parsing: value.pretty) == value)
    }

    @Test("Random damage is an error or a value, never a crash", arguments: 0..<100 as Range<UInt64>)
    func damage(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var bytes = JSONValue.random(&random, depth: 4).bytes
        for _ in 0..<3 where !bytes.isEmpty {
            bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if let value = try? JSONValue(parsing: bytes) { #expect((try? JSONValue(parsing: value.bytes)) == value) }
    }
}

extension JSONValue {
    static func random(_ random: inout SplitMix64, depth: Int) -> JSONValue {
        let words = ["", "a", "b/c", "d~e", "é\"\\", "\u{1}\n", "😀"]
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .integer(.random(in: .min ... .max, using: &random))
        case 3: return .double(.random(in: -1e9...1e9, using: &random))
        case 4, 5: return .string(words.randomElement(using: &random) ?? "")
        case 6:
            return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in .random(&random, depth: depth - 1) })
        default:
            var members: [String: JSONValue] = [:]
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                members[words.randomElement(using: &random) ?? ""] = .random(&random, depth: depth - 1)
            }
            return .object(members)
        }
    }
}
