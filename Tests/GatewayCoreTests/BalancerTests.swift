import GatewayCore
import Testing

@Suite("Which server a request goes to")
struct BalancerTests {
    @Test("one after the other, whatever is under way to them")
    func roundRobin() {
        var balancer = Balancer(.roundRobin, servers: 3)
        let chosen = (0..<7).map { _ in balancer.next { _ in true } }
        #expect(chosen == [0, 1, 2, 0, 1, 2, 0])
        #expect((0..<3).map { balancer.active($0) } == [3, 2, 2])
    }

    @Test("the one with the fewest requests under way, and of several one after the other")
    func leastRequest() {
        var balancer = Balancer(.leastRequest, servers: 3)
        let chosen = (0..<6).map { _ in balancer.next { _ in true } }
        #expect(chosen == [0, 1, 2, 0, 1, 2])
        balancer.ended(1)
        balancer.ended(1)
        balancer.ended(2)
        // There are 2, 0 and 1 now.
        let next = (0..<4).map { _ in balancer.next { _ in true } }
        #expect(next == [1, 2, 1, 2])
        #expect((0..<3).map { balancer.active($0) } == [2, 2, 3])
    }

    @Test("servers that are down are left out, unless all are", arguments: Balance.allCases)
    func down(balance: Balance) {
        var balancer = Balancer(balance, servers: 3)
        let chosen = (0..<4).map { _ in balancer.next { $0 != 1 } }
        #expect(chosen == [0, 2, 0, 2])
        let all = (0..<3).map { _ in balancer.next { _ in false } }
        #expect(Set(all) == [0, 1, 2] || balance == .leastRequest && all.first == 1)
    }

    @Test("a server that has failed a request does not get it again, unless it is the only one")
    func another() {
        var balancer = Balancer(.leastRequest, servers: 2)
        let first = balancer.next { _ in true }
        balancer.ended(first)
        for _ in 0..<5 {
            let other = balancer.next(after: 0) { _ in true }
            #expect(other == 1)
        }
        // Rather one that is down than the one that has just failed.
        let down = balancer.next(after: 0) { $0 == 0 }
        #expect(down == 1)
        var single = Balancer(.roundRobin, servers: 1)
        let only = single.next(after: 0) { _ in true }
        #expect(only == 0)
    }

    @Test("of a hundred requests no more are sent again than the budget says, but ten at once")
    func budget() {
        var budget = RetryBudget(percent: 20)
        var repeated = 0
        for _ in 0..<1_000 {
            budget.deposit()
            guard budget.isLeft else { continue }
            budget.withdraw()
            repeated += 1
        }
        #expect(repeated == 209)
    }
}

@Suite("Whether a server is used")
struct ServerHealthTests {
    @Test("the first check decides alone, later ones in a row")
    func checks() {
        var health = ServerHealth(check: .init())
        #expect(health.usableFrom == .zero)
        let changes = [false, false, true, false, true, true, true, false, false, true, false, false, false]
            .map { health.checked(isGood: $0) }
        #expect(changes == [.down, nil, nil, nil, nil, .up, nil, nil, nil, nil, nil, nil, .down])
        #expect(health.usableFrom == nil)
        var good = ServerHealth(check: .init())
        let first = [true, false, false, false].map { good.checked(isGood: $0) }
        #expect(first == [nil, nil, nil, .down])
    }

    @Test("five failures in a row are a pause, which doubles; an answer ends all that")
    func ejection() {
        var health = ServerHealth()
        for second in 0..<4 {
            let change = health.failed(now: .seconds(second))
            #expect(change == nil)
        }
        let answered = health.answered()
        #expect(answered == nil)
        var changes: [ServerHealth.Change?] = []
        for _ in 0..<5 { changes.append(health.failed(now: .seconds(10))) }
        #expect(changes == [nil, nil, nil, nil, .ejected(.seconds(10))])
        #expect(health.usableFrom == .seconds(20))
        // One that was under way at that moment.
        let late = health.failed(now: .seconds(11))
        #expect(late == nil)
        var now = Duration.seconds(20)
        var pauses: [Duration] = []
        for _ in 0..<5 {
            guard case .ejected(let pause) = health.failed(now: now) else {
                Issue.record("one failure after a pause is enough")
                return
            }
            pauses.append(pause)
            now += pause
        }
        #expect(pauses == [.seconds(20), .seconds(40), .seconds(80), .seconds(100), .seconds(100)])
        let back = health.answered()
        #expect(back == .up)
        #expect(health.usableFrom == .zero)
    }

    @Test("what checks say and what requests say hold beside each other")
    func both() {
        var health = ServerHealth()
        _ = health.checked(isGood: false)
        for _ in 0..<5 { _ = health.failed(now: .seconds(1)) }
        #expect(health.usableFrom == nil)
        _ = health.checked(isGood: true)
        _ = health.checked(isGood: true)
        #expect(health.usableFrom == .seconds(11))
    }

    @Test("where it is turned off nothing is left out")
    func never() {
        var ejection = Ejection()
        ejection.after = 0
        var health = ServerHealth(ejection: ejection)
        for _ in 0..<100 {
            let change = health.failed(now: .seconds(1))
            #expect(change == nil)
        }
        #expect(health.usableFrom == .zero)
    }
}
