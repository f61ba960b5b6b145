import HTTPWire
import KubernetesModel
import TestSupport
import Testing

@testable import ResponseDiff

@Suite("The difference of two responses")
struct DifferenceTests {
    private func json(_ text: String, type: String = "application/json") -> HTTPResponse {
        HTTPResponse(status: 200, fields: [.init("Content-Type", type)], body: Array(text.utf8))
    }

    private func found(_ original: HTTPResponse, _ local: HTTPResponse, _ rules: IgnoreRules = .init()) -> [String] {
        local.differences(from: original, ignoring: rules).map(\.description)
    }

    @Test("Every kind of difference, as it is shown to people and to programs")
    func shown() throws {
        let long = String(repeating: "x", count: 300)
        let pairs: [(String, HTTPResponse, HTTPResponse)] = [
            ("equal", self.json("{\"a\":1}"), self.json("{ \"a\": 1 }")),
            (
                "status and fields",
                HTTPResponse(status: 200, fields: [.init("ETag", "a"), .init("X-Same", "1"), .init("X-Gone", "1")]),
                HTTPResponse(status: 404, fields: [.init("x-same", "1"), .init("etag", "b"), .init("X-New", "2")])
            ),
            (
                "JSON",
                self.json("{\"items\":[{\"price\":10,\"n\":\"a\"},2],\"gone\":null,\"t\":[1]}"),
                self.json("{\"items\":[{\"n\":\"a\",\"price\":12}],\"new\":{\"a/b\":true},\"t\":\"1\"}")
            ),
            ("another JSON altogether", self.json("[1]"), self.json("{}")),
            (
                "text", HTTPResponse(status: 200, body: Array("hello world".utf8)),
                HTTPResponse(status: 200, body: Array("hello there, world".utf8))
            ),
            (
                "a body that goes on", HTTPResponse(status: 200, body: [1, 2]),
                HTTPResponse(status: 200, body: [1, 2, 3])
            ),
            ("long values", self.json("{\"a\":\"\(long)\"}"), self.json("{\"a\":\"y\(long)\"}")),
        ]
        var text = ""
        for (name, original, local) in pairs {
            let differences = local.differences(from: original, ignoring: .init())
            text += "# \(name)\n"
            for difference in differences { text += "\(difference)\n    \(difference.json.compact)\n" }
        }
        let none = ResponseDifference.noAnswer("the connection ended without an answer")
        text += "# no answer\n\(none)\n    \(none.json.compact)\n"
        try expectGolden(text, "differences.txt")
    }

    @Test("Names of fields have no case and different ones no order; values of one name have an order")
    func fields() {
        let original = HTTPResponse(status: 200, fields: [.init("A", "1"), .init("B", "2"), .init("A", "3")])
        let shuffled = HTTPResponse(status: 200, fields: [.init("b", "2"), .init("a", "1"), .init("a", "3")])
        let turned = HTTPResponse(status: 200, fields: [.init("b", "2"), .init("a", "3"), .init("a", "1")])
        #expect(self.found(original, shuffled).isEmpty)
        #expect(self.found(original, turned) == ["header a: 1 | 3 → 3 | 1"])
    }

    @Test("What says when and by whom an answer was sent is passed over; more by name, in any case")
    func ignoredFields() {
        let original = HTTPResponse(
            status: 200,
            fields: [.init("Date", "now"), .init("Server", "a"), .init("ETag", "1")]
        )
        let local = HTTPResponse(status: 200, fields: [.init("Connection", "close"), .init("ETag", "2")])
        #expect(self.found(original, local) == ["header etag: 1 → 2"])
        #expect(self.found(original, local, IgnoreRules(headers: ["eTag"])).isEmpty)
    }

    @Test(
        "A rule passes over a place in JSON and all below it; a star stands for one member or element",
        arguments: [
            ("/id", ["/items/0/at", "/items/1/at", "/n"]), ("/items/0", ["/id", "/items/1/at", "/n"]),
            ("/items/*/at", ["/id", "/n"]), ("/*/*/at", ["/id", "/n"]), ("/*", []), ("", []),
            ("/items/*", ["/id", "/n"]), ("/item", ["/id", "/items/0/at", "/items/1/at", "/n"]),
            ("/*/at", ["/id", "/items/0/at", "/items/1/at", "/n"]),
        ]
    )
    func pointers(pointer: String, left: [String]) throws {
        let rules = IgnoreRules(pointers: [try #require(JSONPointer(pointer))])
        let found = self.json("{\"id\":2,\"items\":[{\"at\":9},{\"at\":8}],\"n\":0}").differences(
            from: self.json("{\"id\":1,\"items\":[{\"at\":1},{\"at\":2}],\"n\":1}"),
            ignoring: rules
        )
        let paths = found.compactMap { if case .json(let difference) = $0 { difference.path } else { nil } }
        #expect(paths == left)
    }

    @Test("Numbers are compared exactly, also where floating-point does not tell them apart")
    func numbers() {
        #expect(self.found(self.json("[1]"), self.json("[1.0]")) == ["body /0: 1 → 1.0"])
        #expect(self.found(self.json("[9007199254740993]"), self.json("[9007199254740992]")).count == 1)
        let (old, new) = ("{\"a\":18446744073709551615}", "{\"a\":18446744073709551614}")
        #expect(self.found(self.json(old), self.json(new)) == ["body: differs from byte 24 on (26 → 26 bytes)"])
        #expect(self.found(self.json(old), self.json(" " + old)).isEmpty)
        #expect(
            LongNumbers.of(Array("[\"12345678901234567\\\"\",1234567890.1234567,-1]".utf8)) == ["1234567890.1234567"]
        )
    }

    @Test("Cookies and tokens are compared by what they are, and shown without it")
    func secrets() throws {
        func answer(_ secret: String) -> HTTPResponse {
            let fields: [HTTPResponse.Field] = [
                .init("Set-Cookie", "id=\(secret); Path=/; HttpOnly"), .init("Set-Cookie", "\(secret)"),
                .init("X-Auth-Token", secret), .init("Authorization", "Bearer \(secret)"),
                .init("x-client-secret", secret), .init("X-API-Key", secret),
            ]
            return HTTPResponse(status: 200, fields: fields)
        }
        #expect(self.found(answer("hush1"), answer("hush1")).isEmpty)
        let differences = answer("hush2").differences(from: answer("hush1"), ignoring: .init())
        #expect(differences.count == 5)
        let told = differences.flatMap { [$0.description, $0.json.compact] }.joined(separator: "\n")
        #expect(!told.contains("hush"), "\(told)")
        #expect(told.contains("header set-cookie: id=…; Path=/; HttpOnly | …"), "\(told)")
    }

    @Test("Strings, keys and fields that only look the same are different")
    func spelling() {
        let (composed, decomposed) = ("\u{e9}", "e\u{301}")
        #expect(self.found(self.json("[\"\(composed)\"]"), self.json("[\"\(decomposed)\"]")).count == 1)
        #expect(self.found(self.json("[\"\(composed)\"]"), self.json("[ \"\\u00e9\" ]")).isEmpty)
        let keys = self.json("{\"\(composed)\":1}").differences(
            from: self.json("{\"\(decomposed)\":1}"),
            ignoring: .init()
        )
        #expect(keys.count == 2)
        func field(_ bytes: [UInt8]) -> HTTPResponse {
            HTTPResponse(status: 200, fields: [.init("X-Name", bytes: bytes)])
        }
        #expect(self.found(field(Array(composed.utf8)), field(Array(decomposed.utf8))).count == 1)
        // Neither is UTF-8: as text both are the same replacement character.
        #expect(self.found(field([0xe9]), field([0xe8])).count == 1)
        #expect(self.found(field([0xe9]), field([0xe9])).isEmpty)
    }

    @Test("An ignored difference hides no other between integers beyond 64 bits")
    func longBesideIgnored() throws {
        let rules = IgnoreRules(pointers: [try #require(JSONPointer("/at"))])
        func found(_ old: String, _ new: String) -> Int {
            self.json(new).differences(from: self.json(old), ignoring: rules).count
        }
        #expect(found("{\"at\":1,\"id\":18446744073709551617}", "{\"at\":2,\"id\":18446744073709551618}") == 1)
        #expect(found("{\"at\":1,\"id\":18446744073709551617}", "{\"at\":2,\"id\":18446744073709551617}") == 0)
        // A time in nanoseconds fits; one with a long fraction is no integer.
        #expect(found("{\"at\":1763736233000000001}", "{\"at\":1763736233000000002}") == 0)
        #expect(found("{\"at\":1763736233.0000001}", "{\"at\":1763736234.0000002}") == 0)
    }

    @Test("What only claims to be JSON, or is another thing on one side, is compared by its bytes")
    func noJSON() {
        #expect(
            self.found(self.json("{\"a\":"), self.json("{\"b\":")) == ["body: differs from byte 2 on (5 → 5 bytes)"]
        )
        let text = HTTPResponse(status: 200, body: Array("{} {}".utf8))
        #expect(self.found(text, HTTPResponse(status: 200, body: Array("{}  {}".utf8))).count == 1)
        let problem = self.json("3", type: "application/problem+json; charset=utf-8")
        #expect(
            self.found(problem, self.json("4", type: "application/problem+json; charset=utf-8")) == ["body /: 3 → 4"]
        )
    }

    @Test("A body is not looked at where the rules say so")
    func noBody() {
        #expect(self.found(self.json("1"), self.json("2"), IgnoreRules(body: true)).isEmpty)
    }

    @Test("A coded body is compared by what it holds; damaged or in an unknown coding, by its bytes")
    func coded() throws {
        func coded(_ coding: String, _ body: [UInt8]) -> HTTPResponse {
            HTTPResponse(status: 200, fields: [.init("Content-Encoding", coding)], body: body)
        }
        let deflated = Deflating.zlib(Array("{\"a\":1}".utf8))
        let other = Deflating.zlib(Array("{\"a\": 2}".utf8))
        let gzip = Deflating.gzip(Array("{ \"a\" : 1 }".utf8))
        #expect(self.found(coded("deflate", deflated), coded("deflate", other)) == ["body /a: 1 → 2"])
        #expect(
            self.found(coded("gzip", gzip), coded("deflate", deflated)) == ["header content-encoding: gzip → deflate"]
        )
        let rules = IgnoreRules(headers: ["content-encoding"])
        #expect(
            self.found(
                self.json("{\"a\":1}"),
                coded("x-gzip", gzip),
                IgnoreRules(
                    headers: ["content-encoding", "content-type"]
                )
            ).isEmpty
        )
        let members = Deflating.gzip(Array("{ \"a\" ".utf8)) + Deflating.gzip(Array(": 1 }".utf8))
        #expect(self.found(coded("gzip", gzip), coded("gzip", members)).isEmpty)
        let more = gzip + Deflating.gzip(Array(" 2".utf8))
        #expect(!self.found(coded("gzip", gzip), coded("gzip", more)).isEmpty)
        let damaged = Array(gzip.dropLast(9))
        #expect(
            self.found(coded("gzip", gzip), coded("gzip", damaged), rules).first?.hasPrefix("body: differs") == true
        )
        #expect(self.found(coded("br", deflated), coded("br", other)).count == 1)
        #expect(self.found(coded("br", deflated), coded("br", deflated)).isEmpty)
    }

    @Test("A body that would unpack to more than the limit is not unpacked")
    func bomb() {
        let bytes = Deflating.zlib([UInt8](repeating: 0, count: Inflating.limit + 1))
        #expect(bytes.count < 64 << 10)
        #expect(Inflating.inflate(bytes) == nil)
        #expect(Inflating.inflate(Deflating.zlib([UInt8](repeating: 0, count: 1 << 20)))?.count == 1 << 20)
    }
}
