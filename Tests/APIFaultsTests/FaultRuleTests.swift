import Testing

@testable import APIFaults

@Suite("Rules of a faulty proxy")
struct FaultRuleTests {
    private let patch = APIRequest(method: "PATCH", target: "/api/v1/namespaces/shop/services/core?dryRun=All")

    @Test(
        "A request is told by its verb and its resource",
        arguments: [
            ("GET", "/api/v1/namespaces/shop/services", "list services"),
            ("GET", "/api/v1/namespaces/shop/services/core", "get services"),
            ("GET", "/api/v1/pods?labelSelector=a%3Db&watch=true", "watch pods"),
            ("POST", "/apis/detour.dev/v1/namespaces/shop/sessions", "create sessions"),
            ("PATCH", "/apis/detour.dev/v1/namespaces/shop/sessions/a/status", "patch sessions/status"),
            ("GET", "/api/v1/namespaces/shop/pods/a/portforward?ports=1", "get pods/portforward"),
            ("GET", "/version", "list /version"),
        ]
    )
    func requests(_ method: String, _ target: String, _ told: String) {
        #expect(APIRequest(method: method, target: target).description == told)
    }

    @Test(
        "Every fault is what its words say, and what is none is nil",
        arguments: [
            "delay 200", "cut", "cut-answer", "truncate", "answer 409", "answer 429 1", "answer-after 500",
            "stall-request",
            "stall-answer", "kill before", "kill after", "strike before", "strike after", "gone 2", "freeze 0", "echo",
            "swap", "stale",
        ]
    )
    func words(_ text: String) throws {
        #expect(try #require(Fault(text)).description == text)
        #expect(Fault(text + " x") == nil)
        #expect(Fault("kill") == nil && Fault("kill later") == nil && Fault("strike now") == nil)
        #expect(Fault("un" + text) == nil)
    }

    @Test("A rule strikes the Nth request of its kind, and then so often")
    func counted() throws {
        var script = FaultScript([try #require(FaultRule("patch services #2 x2: cut"))])
        let other = APIRequest(method: "GET", target: "/api/v1/namespaces/shop/services/core")
        let decisions = [self.patch, other, self.patch, self.patch, self.patch].map { script.decide($0) }
        #expect(decisions == [nil, nil, .cut, .cut, nil])
        #expect(script.strikes.map(\.request) == [self.patch, self.patch])
        #expect(script.requests == 5)
    }

    @Test("A path that is no resource is told by itself, and a rule names it so")
    func paths() throws {
        var script = FaultScript([try #require(FaultRule("list /api/v1 #2: cut"))])
        let targets = ["/api/v1", "/apis", "/api/v1?timeout=5s", "/api/v1"]
        let requests = targets.map { APIRequest(method: "GET", target: $0) }
        #expect(requests.map { script.decide($0) } == [nil, nil, .cut, .cut])
        #expect(script.seen == requests)
    }

    @Test("Chance is the same for the same seed, another for another, and about as often as asked")
    func chance() throws {
        func struck(_ seed: UInt64) throws -> [Bool] {
            var script = FaultScript([try #require(FaultRule("* * 20%: cut"))], seed: seed)
            return (0..<1_000).map { _ in script.decide(self.patch) != nil }
        }
        #expect(try struck(1) == struck(1))
        #expect(try struck(1) != struck(2))
        #expect((150...250).contains(try struck(3).filter { $0 }.count))
    }

    @Test("The faults of a watch strike watches only")
    func watches() throws {
        var script = FaultScript([try #require(FaultRule("* *: echo"))])
        #expect(script.decide(self.patch) == nil)
        #expect(script.decide(APIRequest(method: "GET", target: "/api/v1/pods?watch=1")) == .echo)
    }

    @Test(
        "What is no rule is nil",
        arguments: ["", "cut", "patch: cut", "* *", "* * 0%: cut", "* * #0: cut", "* * y: cut"]
    )
    func broken(_ text: String) {
        #expect(FaultRule(text) == nil)
    }
}
