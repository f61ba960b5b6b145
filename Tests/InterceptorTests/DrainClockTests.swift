import InterceptPlanning
import KubernetesModel
import TestSupport
import Testing

@testable import Interceptor

@Suite("The drain clock")
struct DrainClockTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var elapsed: Duration
        var connections: Int
        var step: DrainClock.Step
        var testDescription: String { "\(self.connections) connections after \(self.elapsed): \(self.step)" }
    }

    @Test(
        "What it says after a time without the selector, with a deadline of 10 s",
        arguments: [
            Row(elapsed: .zero, connections: 0, step: .linger),
            Row(elapsed: .milliseconds(2_999), connections: 0, step: .linger),
            Row(elapsed: .seconds(3), connections: 0, step: .drained),
            Row(elapsed: .seconds(3), connections: 1, step: .linger),
            Row(elapsed: .milliseconds(9_999), connections: 5, step: .linger),
            Row(elapsed: .milliseconds(9_999), connections: 0, step: .drained),
            Row(elapsed: .seconds(10), connections: 5, step: .announce),
            Row(elapsed: .milliseconds(12_999), connections: 5, step: .announce),
            Row(elapsed: .milliseconds(12_999), connections: 0, step: .drained),
            Row(elapsed: .seconds(13), connections: 5, step: .hurry),
            Row(elapsed: .milliseconds(14_999), connections: 1, step: .hurry),
            Row(elapsed: .seconds(15), connections: 5, step: .drained),
            Row(elapsed: .seconds(1_000), connections: 5, step: .drained),
        ]
    )
    func table(row: Row) {
        var clock = DrainClock(deadline: .seconds(10))
        #expect(clock.step(isSelected: false, connections: row.connections, arrivals: 9, now: .seconds(100)) == .linger)
        let step = clock.step(
            isSelected: false,
            connections: row.connections,
            arrivals: 9,
            now: .seconds(100) + row.elapsed
        )
        #expect(step == row.step)
    }

    @Test(
        "While the Service selects the replica nothing drains, however long and however idle; who comes is told to go"
    )
    func selected() {
        var clock = DrainClock(deadline: .seconds(10))
        for second in 0..<100 {
            let step = clock.step(isSelected: true, connections: 0, arrivals: 9, now: .seconds(second))
            #expect(step == (second < 10 ? .linger : .announce))
        }
    }

    @Test("Being selected again starts the time without the selector anew; the deadline stays")
    func selectedAgain() {
        var clock = DrainClock(deadline: .seconds(10))
        _ = clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(0))
        #expect(clock.step(isSelected: true, connections: 1, arrivals: 9, now: .seconds(9)) == .linger)
        #expect(clock.step(isSelected: true, connections: 1, arrivals: 9, now: .seconds(10)) == .announce)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(11)) == .announce)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(13)) == .announce)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(14)) == .hurry)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(16)) == .drained)
    }

    @Test("A deadline shorter than what kube-proxy is given does not shorten that")
    func shortDeadline() {
        var clock = DrainClock(deadline: .seconds(1))
        _ = clock.step(isSelected: false, connections: 1, arrivals: 9, now: .zero)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(2)) == .linger)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(3)) == .announce)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(6)) == .hurry)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(8)) == .drained)
    }

    @Test("While new connections come, kube-proxy has not followed: it is not done, though not for ever")
    func stragglers() {
        var clock = DrainClock(deadline: .seconds(100))
        func step(_ arrivals: Int, at second: Int) -> DrainClock.Step {
            clock.step(isSelected: false, connections: 0, arrivals: arrivals, now: .seconds(second))
        }
        _ = clock.step(isSelected: true, connections: 3, arrivals: 1_000, now: .zero)
        #expect(step(1_000, at: 1) == .linger)
        #expect(step(1_001, at: 3) == .linger)
        #expect(step(1_001, at: 5) == .linger)
        #expect(step(1_001, at: 6) == .drained)
        for second in 7..<60 { #expect(step(1_000 + second, at: second) == .linger) }
        // By now it is somebody who knows the Pod's address.
        #expect(step(2_000, at: 61) == .linger)
        #expect(step(3_000, at: 62) == .drained)
    }

    @Test("New connections do not move the deadline; while they come, none that is idle is closed")
    func stragglersAtTheDeadline() {
        var clock = DrainClock(deadline: .seconds(10))
        func step(_ arrivals: Int, at second: Int) -> DrainClock.Step {
            clock.step(isSelected: false, connections: 5, arrivals: arrivals, now: .seconds(second))
        }
        for second in 0..<10 { #expect(step(second, at: second) == .linger) }
        for second in 10..<21 { #expect(step(second, at: second) == .announce) }
        #expect(step(20, at: 22) == .announce)
        #expect(step(20, at: 23) == .hurry)
        #expect(step(20, at: 25) == .drained)
    }

    /// One life of a replica that is stopped at some moment, with connections that are never idle.
    private struct Stopped {
        /// Seconds from being told to stop, or nil.
        var announced: Double?
        var drained: Double?

        /// - Parameters:
        ///   - isSelected: whether the Service selects it so many seconds after it was told to stop.
        ///   - arrivals: how often, from 0 to 1, a connection has come since the last look.
        init(
            drain: Int,
            until end: Double,
            arrivals: Double,
            using random: inout SplitMix64,
            isSelected: (Double) -> Bool
        ) {
            let start = Double.random(in: 0...100_000, using: &random)
            var clock = DrainClock(deadline: .seconds(drain))
            var arrived = Int.random(in: 0...9, using: &random)
            var second = 0.0
            while second < end, self.drained == nil {
                if Double.random(in: 0..<1, using: &random) < arrivals { arrived += 1 }
                let step = clock.step(
                    isSelected: isSelected(second),
                    connections: 1,
                    arrivals: arrived,
                    now: .seconds(start + second)
                )
                if step == .announce, self.announced == nil { self.announced = second }
                if step == .drained { self.drained = second }
                second += Double.random(in: 0.05...0.9, using: &random)
            }
        }
    }

    /// What the kubelet gives a Pod of an intercept with this drain.
    private func gracePeriod(drain: Int) throws -> Double {
        let stage = try Stage { $0.settings.drainSeconds = drain }
        let deployment = InterceptManifests(session: try #require(try stage.session())).manifest(.deployment)
        let seconds = deployment[path: "spec", "template", "spec", "terminationGracePeriodSeconds"]?.integer
        return Double(try #require(seconds))
    }

    @Test(
        "Whoever is stopped has told its clients, and is done, before the kubelet kills it",
        arguments: UInt64(0)..<200
    )
    func gracePeriod(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let drain = seed < 20 ? Int(seed) * 6 : Int.random(in: 0...600, using: &random)
        let grace = try self.gracePeriod(drain: drain)
        let arrivals = Double(Int.random(in: 0...2, using: &random)) / 2
        // The Service is given back soon, and the kube-proxies lag for as long as they like.
        let given = Double.random(in: 0...8, using: &random)
        let usual = Stopped(drain: drain, until: grace, arrivals: arrivals, using: &random) { $0 < given }
        let announced = try #require(usual.announced, "drain \(drain)")
        let drained = try #require(usual.drained, "drain \(drain), given back after \(given) s, arrivals \(arrivals)")
        #expect(announced >= Double(drain))
        #expect(drained - announced > 3)
        // Whatever becomes of the selector: the API server may be away, or all other replicas go meanwhile.
        let changes = (0..<4).map { _ in Double.random(in: 0...grace, using: &random) }.sorted()
        let odd = Stopped(drain: drain, until: grace, arrivals: arrivals, using: &random) { second in
            changes.count { $0 <= second } % 2 == 0
        }
        let told = try #require(odd.announced, "drain \(drain), selected from and until \(changes)")
        #expect(told <= grace - 5, "drain \(drain), selected from and until \(changes)")
    }
}
