import APIFaults
import KubernetesModel
import Synchronization
import Testing

@testable import reliability

@Suite("The points of a life at which a command is killed")
struct KillPointTests {
    private let life = ["GET /api/v1", "PATCH services/a", "GET services/a", "PATCH services/b"].map { line in
        let words = line.split(separator: " ")
        let path = words[1].hasPrefix("/") ? String(words[1]) : "/api/v1/namespaces/shop/\(words[1])"
        return APIRequest(method: String(words[0]), target: path)
    }

    private func told(_ points: [KillPoint]) -> [String] {
        points.map { "\($0.request) \($0.occurrence) \($0.moment)" }
    }

    @Test("Each request has two, and is told by which of its kind it is")
    func all() {
        #expect(
            self.told(KillPoint.points(of: self.life, told: 2, in: .alone)) == [
                "list /api/v1 1 before", "list /api/v1 1 after", "patch services 1 before", "patch services 1 after",
                "get services 1 before", "get services 1 after", "patch services 2 before", "patch services 2 after",
            ]
        )
    }

    @Test("Before Ctrl-C it joins, from then on it leaves; requests before count among their kind")
    func parted() {
        let joining = KillPoint.points(of: self.life, told: 2, in: .joining)
        let leaving = KillPoint.points(of: self.life, told: 2, in: .leaving)
        #expect(self.told(joining).last == "patch services 1 after")
        #expect(self.told(leaving).last == "patch services 2 after")
        #expect(joining.count == 4 && leaving.count == 4)
    }

    @Test("There is no point before whoever dies is there; requests before count among their kind")
    func peopled() {
        let points = KillPoint.points(of: self.life, told: 2, alone: 2, in: .pods)
        #expect(
            self.told(points) == [
                "get services 1 before", "get services 1 after", "patch services 2 before", "patch services 2 after",
            ]
        )
    }

    @Test("Where somebody else dies the proxy strikes, and the command's request goes on")
    func struck() throws {
        for point in KillPoint.points(of: self.life, told: 0, in: .pods) {
            var script = FaultScript([try #require(point.rule.flatMap(FaultRule.init))])
            #expect((self.life + self.life).compactMap { script.decide($0) } == [.strike(point.moment)])
        }
        #expect(
            KillPoint.Context.allCases.filter { $0.prey != .command } == [
                .pods, .evictions, .apiserver, .etcd, .powercut,
            ]
        )
    }

    @Test("Where Sessions are hidden, all of them are, and nothing else; a point still strikes first")
    func hidden() throws {
        let rules = try KillPoint.Context.configmaps.rules.map { try #require(FaultRule($0)) }
        func fate(_ method: String, _ target: String) -> Fault? {
            var script = FaultScript(rules)
            return script.decide(APIRequest(method: method, target: target))
        }
        let sessions = "/apis/detour.dev/v1/namespaces/shop/sessions"
        for target in [sessions, "\(sessions)/intercept-shop-leaf", "\(sessions)?watch=1"] {
            #expect(fate("GET", target) == .answer(404, retryAfter: nil), "\(target)")
        }
        #expect(fate("PATCH", "\(sessions)/intercept-shop-leaf/status") == .answer(404, retryAfter: nil))
        #expect(fate("GET", "/apis/detour.dev/v1") == .answer(404, retryAfter: nil))
        #expect(fate("GET", "/api/v1/namespaces/shop/configmaps/intercept-shop-leaf") == nil)
        #expect(KillPoint.Context.allCases.filter { !$0.rules.isEmpty } == [.configmaps])
    }

    @Test("Who dies without being told takes connections along; only these lives have bystanders of their own")
    func losing() {
        #expect(KillPoint.Context.allCases.filter { $0.prey.losesConnections } == [.pods, .powercut])
        for context in KillPoint.Context.allCases {
            #expect(context.round.hasBystanders != context.prey.losesConnections)
            #expect((context.round == .away) == [.apiserver, .etcd].contains(context))
        }
    }

    @Test("A strike is made once, and is none where nobody is there", arguments: [true, false])
    func striker(finds: Bool) async {
        let striker = Striker()
        let blows = Mutex(0)
        await striker.strike()
        #expect(striker.struckAt == nil && !striker.foundNobody)
        striker.aim {
            blows.withLock { $0 += 1 }
            return finds
        }
        await striker.strike()
        await striker.strike()
        #expect(blows.withLock { $0 } == 1)
        #expect((striker.struckAt != nil) == finds && striker.foundNobody != finds)
        striker.aim { true }
        #expect(striker.struckAt == nil && !striker.foundNobody)
    }

    @Test(
        "Power cuts are drawn by the seed, each another one, from at once until all is restored; the proxy has no part in them"
    )
    func powerCuts() {
        let points = KillPoint.powerCuts(40, seed: 3)
        #expect(Set(points).count == 40 && points == KillPoint.powerCuts(40, seed: 3))
        #expect(points != KillPoint.powerCuts(40, seed: 4))
        let seconds = points.map { $0.delay / .seconds(1) }
        #expect(
            seconds.allSatisfy { (0...7).contains($0) } && seconds.contains { $0 < 2 } && seconds.contains { $0 > 5 }
        )
        #expect(points.allSatisfy { $0.rule == nil && $0.concerns(["roles"]) })
    }

    @Test("Points can be those of some requests only; a system call is always among them")
    func chosen() {
        let points = KillPoint.points(of: self.life, told: 2, in: .alone)
        #expect(points.filter { $0.concerns(["services", "roles"]) }.count == 6)
        #expect(points.filter { $0.concerns(["patch services"]) }.count == 4)
        #expect(points.filter { $0.concerns(["vices", "patch"]) }.isEmpty)
        #expect(points.allSatisfy { $0.concerns([]) })
        let call = KillPoint(context: .syscalls, request: "read", occurrence: 1, moment: .before)
        #expect(call.concerns(["roles"]))
    }

    @Test(
        "Few points are at requests that change something: not reads, nor questions what one may do, nor connections",
        arguments: [
            ("create sessions #1", true), ("patch services #2", true), ("delete sessions #1", true),
            ("update sessions/status #1", true), ("get services #9", false), ("watch sessions #1", false),
            ("create selfsubjectaccessreviews #3", false), ("create pods/portforward #1", false),
            ("recvfrom #7", false), ("milliseconds #20", false),
        ]
    )
    func changing(request: String, changes: Bool) {
        #expect(KillPoint.isAtChange(["request": .string(request)]) == changes)
    }

    @Test("A point counts as tried once, struck or not; not where it was not seen whole, nor a lane that ended")
    func tried() {
        let point: JSONValue = ["context": "alone", "request": "get a #1", "moment": "after", "struck": true]
        var (missed, unseen, other) = (point, point, point)
        (missed["moment"], missed["struck"]) = ("before", false)
        (unseen["struck"], unseen["unseen"]) = (false, "the watch broke")
        other["request"] = "get a #2"
        #expect(KillPoint.tried([unseen, ["lane": 1, "problems": ["x"]]]) == 0)
        #expect(KillPoint.tried([point, point, missed, unseen]) == 2)
        #expect(KillPoint.tried([point, missed, other]) == 3)
    }

    @Test("The proxy strikes a point there, and nowhere else")
    func rule() throws {
        for point in KillPoint.points(of: self.life, told: 0, in: .alone) {
            var script = FaultScript([try #require(point.rule.flatMap(FaultRule.init))])
            let struck = (self.life + self.life).map { script.decide($0) }
            #expect(struck.count { $0 != nil } == 1)
            let index = try #require(struck.firstIndex(of: .kill(point.moment)))
            #expect(self.life.indices.contains(index) && "\(self.life[index])" == point.request)
        }
    }

    @Test("A system call is counted thread by thread; the end of one is no other, and signals are none")
    func systemCalls() {
        let trace = """
            12 execve("/x", ["x"], 0x7 /* 2 vars */) = 0
            12 read(3, "a", 1) = 1
            12 read(3,  <unfinished ...>
            13 read(4, "b", 1) = 1
            12 <... read resumed>"c", 1) = 1
            13 --- SIGPIPE {si_signo=SIGPIPE} ---
            7  epoll_wait(5, [], 1, 0) = 0
            12 +++ exited with 0 +++
            """
        let points = SystemCalls.points(of: trace)
        #expect(
            self.told(points) == ["epoll_wait 1 before", "execve 1 before", "read 1 before", "read 2 before"]
        )
        #expect(points.allSatisfy { $0.context == .syscalls && $0.rule == nil })
        #expect(SystemCalls.killing(at: points[3]).last == "inject=read:signal=SIGKILL:when=2")
    }
}
