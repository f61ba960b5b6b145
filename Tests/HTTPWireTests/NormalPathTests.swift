import HTTPWire
import Testing

@Suite("The one spelling of a path")
struct NormalPathTests {
    private func normal(_ target: String) -> NormalTarget {
        Array(target.utf8).withUnsafeBytes { ByteView($0).normalTarget(ByteRange(0, $0.count)) }
    }

    @Test(
        "what has one spelling only stays as it is",
        arguments: [
            "/", "/a", "/a/b/", "*", "/a;x=1/b", "/.well-known/x", "/...", "/a.b/c..d/..e", "/a%20b", "/a%2B",
            "/a?b=%2f/../\\#",
            "http://h", "http://h/", "http://h?x=/../", "https://h:1/a%C3%A9", "/%25", "/%252e%252e/",
            "/a:b@c!$&'()*+,=", "/;/;x",
            "h:443",
        ]
    )
    func same(target: String) {
        #expect(self.normal(target) == .same)
    }

    @Test(
        "other spellings become that one, and their queries stay",
        arguments: [
            ("/a/../b", "/b"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/b/..", "/a/"), ("/..", "/"), ("/../../a", "/a"),
            ("//a///b//", "/a/b/"), ("/%2e%2E/a", "/a"), ("/a/%2e%2e%2fb", nil), ("/%61%7E%2d", "/a~-"),
            ("/%c3%a9", "/%C3%A9"),
            ("/a%2b", "/a%2B"), ("/./?q=../", "/?q=../"), ("http://h/a/../b?c", "http://h/b?c"),
            ("https://h//", "https://h/"),
            ("/a/../?%zz", "/?%zz"), ("/é", "/%C3%A9"),
        ] as [(String, String?)]
    )
    func rewritten(target: String, expected: String?) {
        #expect(self.normal(target) == (expected.map { .rewritten(Array($0.utf8)) } ?? .refused))
    }

    @Test(
        "what servers read in two ways is refused",
        arguments: [
            "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/%00", "/a%0d%0a", "/%7f", "/a%", "/a%2", "/a%zz", "/a%2?b", "/a#b",
            "/..;/a",
            "/.;x", "/a/..;x/b", "/%2e%2e;x/", "/%c0%ae%c0%ae/", "/%c1%9c", "/%e0%80%af", "/%f0%80%80%af",
        ]
    )
    func refused(target: String) {
        #expect(self.normal(target) == .refused)
    }

    @Test("a normal form is its own normal form, whatever it was made of")
    func idempotent() {
        let parts = ["/", "//", ".", "..", "a", "%2e", "%41", ";x", "%C3%A9", "é", "?", "%25", "b.c"]
        var state: UInt64 = 7
        for _ in 0..<20_000 {
            var target = "/"
            for _ in 0..<Int(state >> 33 % 8) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                target += parts[Int(state >> 33) % parts.count]
            }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            guard case .rewritten(let bytes) = self.normal(target) else { continue }
            let again = bytes.withUnsafeBytes { ByteView($0).normalTarget(ByteRange(0, $0.count)) }
            #expect(again == .same, "\(target)")
        }
    }
}
