import KubernetesModel
import KubernetesWatch
import TestSupport
import Testing

@Suite("Keeping a collection in view")
struct WatchMachineTests {
    private func pod(_ name: String, _ version: String) -> DynamicObject {
        DynamicObject(.pods, name: name, namespace: "n", ["metadata": ["resourceVersion": .string(version)]])
    }

    private func listed(_ machine: inout WatchMachine, version: String = "10") {
        _ = machine.listed(ObjectList(items: [self.pod("a", "1")], resourceVersion: version))
    }

    private func isWait(_ action: WatchMachine.Action) -> Bool {
        if case .wait = action { true } else { false }
    }

    @Test("It lists page by page, tells the whole, and watches from there")
    func pages() {
        var machine = WatchMachine()
        #expect(machine.start() == .list(continueToken: nil))
        let first = machine.listed(ObjectList(items: [self.pod("a", "1")], resourceVersion: "9", continueToken: "t"))
        #expect(first.update == nil)
        #expect(first.action == .list(continueToken: "t"))
        let second = machine.listed(ObjectList(items: [self.pod("b", "2")], resourceVersion: "10"))
        #expect(second.update == .reset([self.pod("a", "1"), self.pod("b", "2")]))
        #expect(second.action == .watch(resourceVersion: "10"))
    }

    @Test("A page token that aged starts the list again, without the pages so far")
    func agedToken() {
        var machine = WatchMachine()
        _ = machine.listed(ObjectList(items: [self.pod("a", "1")], resourceVersion: "9", continueToken: "t"))
        #expect(machine.failed(KubernetesError(.expired, ""), jitter: 0) == .list(continueToken: nil))
        let again = machine.listed(ObjectList(items: [self.pod("b", "2")], resourceVersion: "10"))
        #expect(again.update == .reset([self.pod("b", "2")]))
    }

    @Test("Events are told and remembered: after an end it goes on from the last one")
    func resumes() {
        var machine = WatchMachine()
        self.listed(&machine)
        #expect(machine.received(.applied(self.pod("b", "11")), jitter: 0).update == .applied(self.pod("b", "11")))
        #expect(machine.received(.deleted(self.pod("b", "12")), jitter: 0).update == .deleted(self.pod("b", "12")))
        let bookmark = machine.received(.bookmark(resourceVersion: "zz"), jitter: 0)
        #expect(bookmark.update == nil)
        #expect(bookmark.action == .read)
        #expect(self.isWait(machine.ended(lived: .seconds(290), jitter: 0)))
        #expect(machine.resumed() == .watch(resourceVersion: "zz"))
    }

    @Test("An event without a version does not lose the place")
    func noVersion() {
        var machine = WatchMachine()
        self.listed(&machine)
        _ = machine.received(.applied(DynamicObject(["metadata": ["name": "x"]])), jitter: 0)
        _ = machine.ended(lived: .zero, jitter: 0)
        #expect(machine.resumed() == .watch(resourceVersion: "10"))
    }

    @Test("410 lists again at once in both of its forms; repeated, after a pause", arguments: [true, false])
    func expired(inStream: Bool) {
        var machine = WatchMachine()
        self.listed(&machine)
        func expire() -> WatchMachine.Action {
            inStream
                ? machine.received(.failure(KubernetesStatus(code: 410, reason: "Expired", message: "")), jitter: 0)
                    .action
                : machine.failed(KubernetesError(.expired, ""), jitter: 0)
        }
        #expect(expire() == .list(continueToken: nil))
        self.listed(&machine, version: "20")
        #expect(self.isWait(expire()))
        #expect(machine.resumed() == .list(continueToken: nil))
    }

    @Test("Another error in the stream pauses and goes on; a second one without an event lists again")
    func streamError() {
        var machine = WatchMachine()
        self.listed(&machine)
        let failure = WatchEvent.failure(KubernetesStatus(code: 500, reason: "InternalError", message: "etcd"))
        #expect(self.isWait(machine.received(failure, jitter: 0).action))
        #expect(machine.resumed() == .watch(resourceVersion: "10"))
        #expect(self.isWait(machine.received(failure, jitter: 0).action))
        #expect(machine.resumed() == .list(continueToken: nil))
    }

    @Test("The first list must succeed; later the connection may fail for ever")
    func firstList() {
        let down = KubernetesError(.unreachable, "down")
        var fresh = WatchMachine()
        #expect(fresh.failed(down, jitter: 0) == .fail(down))
        var machine = WatchMachine()
        self.listed(&machine)
        for _ in 0..<100 {
            #expect(self.isWait(machine.failed(down, jitter: 1)))
            _ = machine.resumed()
        }
    }

    @Test("When the way to the server is another one it lists at once, and the pauses begin anew")
    func renewed() {
        var machine = WatchMachine()
        self.listed(&machine)
        let down = KubernetesError(.unreachable, "")
        var pauses: [WatchMachine.Action] = []
        for _ in 0..<8 {
            pauses.append(machine.failed(down, jitter: 1))
            _ = machine.resumed()
        }
        #expect(pauses.last == .wait(.seconds(10)))
        #expect(machine.renewed() == .list(continueToken: nil))
        self.listed(&machine, version: "90")
        #expect(machine.failed(down, jitter: 1) == pauses.first)
        #expect(machine.resumed() == .watch(resourceVersion: "90"))
    }

    @Test("A refusal is endured for a while, even when lists succeed in between")
    func refusals() {
        let refusal = KubernetesError(.forbidden, "no watch for you")
        var machine = WatchMachine(patience: 3)
        self.listed(&machine)
        #expect(self.isWait(machine.failed(refusal, jitter: 0)))
        #expect(machine.resumed() == .watch(resourceVersion: "10"))
        #expect(self.isWait(machine.failed(refusal, jitter: 0)))
        #expect(machine.resumed() == .list(continueToken: nil))
        self.listed(&machine)
        #expect(machine.failed(refusal, jitter: 0) == .fail(refusal))
    }

    @Test("An event shows that the refusals were over")
    func refusalsForgotten() {
        let refusal = KubernetesError(.forbidden, "")
        var machine = WatchMachine(patience: 2)
        self.listed(&machine)
        for _ in 0..<10 {
            #expect(self.isWait(machine.failed(refusal, jitter: 0)))
            _ = machine.resumed()
            _ = machine.received(.bookmark(resourceVersion: "11"), jitter: 0)
        }
    }

    @Test("A server's Retry-After is the pause, up to a minute")
    func retryAfter() {
        var machine = WatchMachine()
        self.listed(&machine)
        let busy = KubernetesError(.tooManyRequests, "", retryAfter: .seconds(7))
        #expect(machine.failed(busy, jitter: 0) == .wait(.seconds(7)))
        let closed = KubernetesError(.tooManyRequests, "", retryAfter: .seconds(86_400))
        #expect(machine.failed(closed, jitter: 0) == .wait(.seconds(60)))
    }

    @Test("Streams that end at once are opened ever more slowly, those that lived are not")
    func tightLoop() {
        var machine = WatchMachine()
        self.listed(&machine)
        var pauses: [WatchMachine.Action] = []
        for _ in 0..<4 {
            pauses.append(machine.ended(lived: .milliseconds(1), jitter: 1))
            _ = machine.resumed()
        }
        #expect(
            pauses == [.wait(.milliseconds(250)), .wait(.milliseconds(500)), .wait(.seconds(1)), .wait(.seconds(2))]
        )
        #expect(machine.ended(lived: .seconds(60), jitter: 1) == .wait(.milliseconds(250)))
    }

    @Test("Pauses double, stay under the longest, and are spread by half", arguments: [0.0, 0.5, 1.0])
    func backoff(jitter: Double) {
        var backoff = Backoff(first: .milliseconds(100), longest: .seconds(1))
        let pauses = (0..<50).map { _ in backoff.next(jitter: jitter) }
        let full: [Duration] = [
            .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1), .seconds(1),
        ]
        #expect(Array(pauses.prefix(6)) == full.map { $0 * (0.5 + 0.5 * jitter) })
        #expect(pauses.allSatisfy { $0 <= .seconds(1) })
        backoff.reset()
        #expect(backoff.next(jitter: 1) == .milliseconds(100))
    }

    @Test(
        "Whatever happens, versions are handed back as they came and no wait is endless",
        arguments: 0..<200 as Range<UInt64>
    )
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var machine = WatchMachine(patience: 1000)
        var known: Set<String> = []
        var action = machine.start()
        for step in 0..<200 {
            let version = "v\(step)"
            switch action {
            case .list:
                if Int.random(in: 0..<4, using: &random) > 0 || step == 0 {
                    known.insert(version)
                    action = machine.listed(ObjectList(items: [], resourceVersion: version)).action
                } else {
                    let codes: [KubernetesError.Code] = [.unreachable, .expired, .forbidden, .server]
                    action = machine.failed(
                        KubernetesError(codes.randomElement(using: &random) ?? .server, ""),
                        jitter: 0.5
                    )
                }
            case .watch(let from):
                #expect(known.contains(from))
                action = .read
            case .read:
                switch Int.random(in: 0..<6, using: &random) {
                case 0: action = machine.ended(lived: .zero, jitter: 0.5)
                case 1: action = machine.failed(KubernetesError(.unreachable, ""), jitter: 0.5)
                case 2:
                    action = machine.received(.failure(.init(code: 410, reason: "", message: "")), jitter: 0.5).action
                default:
                    known.insert(version)
                    action = machine.received(.applied(self.pod("a", version)), jitter: 0.5).action
                }
            case .wait(let pause):
                #expect(pause <= .seconds(30) && pause > .zero)
                action = machine.resumed()
            case .fail: Issue.record("gave up, seed \(seed)")
            }
        }
    }

    @Test(
        "Lines become events; what is none is told apart",
        arguments: zip(
            [
                #"{"type":"ADDED","object":{}}"#, #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4"}}}"#,
                #"{"type":"NEWS","object":{}}"#, #"{"type":"ADDED"}"#, "[]",
                #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"old"}}"#,
            ],
            [
                WatchEvent.applied(DynamicObject([:])), .bookmark(resourceVersion: "4"), nil, nil, nil,
                .failure(KubernetesStatus(code: 410, reason: "Expired", message: "old")),
            ]
        )
    )
    func events(line: String, expected: WatchEvent?) throws {
        #expect(WatchEvent(try JSONValue(parsing: line)) == expected)
    }
}
