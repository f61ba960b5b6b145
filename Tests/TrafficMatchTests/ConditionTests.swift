import Testing
import TrafficMatch

@Suite("A condition")
struct ConditionTests {
    @Test(
        "on the path looks at the path alone, as it came",
        arguments: [
            ("/api?x=/no", "/api", true), ("/apis", "/api", true), ("/API", "/api", false), ("/%61pi", "/api", false),
            ("http://h:80/api/1", "/api", true), ("http://h?/api", "/api", false), ("*", "/api", false),
            ("h:443", "/api", false), ("/x?next=http://h/api", "/api", false), ("", "/api", false),
        ]
    )
    func pathPrefix(target: String, prefix: String, expected: Bool) throws {
        let match = try RequestMatch([.path(PathMatch(.prefix(prefix)))])
        #expect(RequestSample(target: target).satisfies(match) == expected)
    }

    @Test("on the path may be exact or an expression")
    func pathTests() throws {
        let exact = try RequestMatch([.path(PathMatch(.exact("/a")))])
        #expect(RequestSample(target: "/a?b").satisfies(exact))
        #expect(!RequestSample(target: "/a/").satisfies(exact))
        let expression = try RequestMatch([.path(PathMatch(.regex(Pattern("/v[12]/.*"))))])
        #expect(RequestSample(target: "/v2/x").satisfies(expression))
        #expect(!RequestSample(target: "/v3/x").satisfies(expression))
    }

    @Test("on the method is written in any case and wants the upper one")
    func method() throws {
        let match = try RequestMatch([.method(MethodMatch("post"))])
        #expect(RequestSample(method: "POST").satisfies(match))
        #expect(!RequestSample(method: "post").satisfies(match))
        #expect(!RequestSample(method: "POSTS").satisfies(match))
    }

    @Test(
        "on a member finds it wherever the list stands, decoded where the list is",
        arguments: [
            (MemberMatch.List.query, "user=alice", "/?a=1&user=alice", "", true),
            (.query, "user=alice", "/?user=alice2", "", false), (.query, "user=alice", "/?user=%61lice", "", true),
            (.query, "a b=c d", "/?a+b=c%20d", "", true), (.query, "debug", "/?debug", "", true),
            (.query, "debug", "/?x=debug", "", false), (.query, "debug=", "/?debug", "", true),
            (.query, "q=100%", "/?q=100%", "", true), (.query, "user=alice", "/user=alice", "", false),
            (.cookie, "user=alice", "/", "theme=dark; user=alice", true),
            (.cookie, "user=alice", "/", "xuser=alice", false),
            (.cookie, "user=alice", "/", "user=\"alice\"", false), (.cookie, "user", "/", "a=user; user=1", true),
            (.cookie, "t=a=b", "/", "t=a=b", true), (.baggage, "user=alice", "/", "a=1, user = alice;ttl=3", true),
            (.baggage, "user=al ice", "/", "user=al%20ice", true),
            (.baggage, "user=alice", "/", "user=bob,alice", false),
            (.tracestate, "dd=s:1", "/", "rojo=00,dd=s:1", true), (.tracestate, "dd=s:1", "/", "dd=s:2", false),
        ]
    )
    func members(list: MemberMatch.List, text: String, target: String, value: String, expected: Bool) throws {
        let match = try RequestMatch([.member(MemberMatch(list, parsing: text))])
        let name = list.rawValue.uppercased()
        let fields = value.isEmpty ? [] : [RequestSample.Field("x", "y"), .init(name, value)]
        #expect(RequestSample(target: target, fields: fields).satisfies(match) == expected)
        if !value.isEmpty {
            // The same list over several lines of the field.
            let parts = value.split(separator: list == .cookie ? ";" : ",").map {
                RequestSample.Field(name, String($0))
            }
            #expect(RequestSample(target: target, fields: parts).satisfies(match) == expected)
        }
    }

    @Test(
        "on a header may want a prefix, an expression, or only its presence",
        arguments: [
            (ValueTest.prefix("al"), "alice", true), (.prefix("al"), "bob", false), (.prefix("al"), "a", false),
            (.present, "", true), (.present, "x", true),
        ]
    )
    func headers(test: ValueTest, value: String, expected: Bool) throws {
        let match = try RequestMatch([.header(HeaderMatch(name: "X-User", test))])
        #expect(RequestSample(fields: [.init("x-user", " \(value) ")]).satisfies(match) == expected)
        #expect(!RequestSample(fields: [.init("x-users", value)]).satisfies(match))
    }

    @Test("that no request could satisfy is refused")
    func impossible() {
        for test in [ValueTest.prefix("api"), .exact("/a?b"), .exact("/a b"), .exact("")] {
            #expect(throws: MatchError.self) { try PathMatch(test) }
        }
        for method in ["GE T", ""] { #expect(throws: MatchError.self) { try MethodMatch(method) } }
        for member in ["=x", "", "a\u{7}=x"] {
            #expect(throws: MatchError.self) { try MemberMatch(.cookie, parsing: member) }
        }
        #expect(throws: MatchError.self) {
            try RequestMatch([.method(MethodMatch("GET")), .method(MethodMatch("PUT"))])
        }
    }

    @Test("of one match covers or overlaps another's as far as that can be told")
    func relations() throws {
        func match(_ conditions: Condition...) throws -> RequestMatch { try RequestMatch(conditions) }
        let api = Condition.path(try PathMatch(.prefix("/api")))
        let users = Condition.path(try PathMatch(.prefix("/api/users")))
        let shop = Condition.path(try PathMatch(.prefix("/shop")))
        let alice = Condition.header(try HeaderMatch(name: "u", value: "alice"))
        let vowel = Condition.header(try HeaderMatch(name: "u", .regex(Pattern("[aeiou].*"))))
        let anyone = Condition.header(try HeaderMatch(name: "u", .present))
        #expect(try match(api).covers(match(users)) && !match(users).covers(match(api)))
        #expect(try match(anyone).covers(match(alice, api)) && !match(alice, api).covers(match(anyone)))
        #expect(try match(vowel).covers(match(alice)) && !match(vowel).covers(match(anyone)))
        #expect(try match(api).overlaps(match(users)) && match(users).overlaps(match(api)))
        #expect(try !match(api).overlaps(match(shop)) && match(api).overlaps(match(alice)))
        #expect(try match(vowel, shop).overlaps(match(alice)) && !match(vowel, shop).overlaps(match(alice, api)))
        let anyPath = Condition.path(try PathMatch(.prefix("/")))
        #expect(try match(anyPath).covers(match(alice)) && !match(api).covers(match(alice)))
        #expect(try match(Condition.path(try PathMatch(.regex(Pattern("/.*"))))).covers(match(alice)))
        let everything = RequestMatch.everything
        #expect(try everything.covers(match(alice)) && everything.overlaps(match(alice)))
        #expect(try !match(alice).covers(.everything))
        let get = Condition.method(try MethodMatch("GET"))
        let put = Condition.method(try MethodMatch("PUT"))
        #expect(try !match(get).overlaps(match(put)))
        #expect(try match(get).covers(match(get, alice)))
    }
}
