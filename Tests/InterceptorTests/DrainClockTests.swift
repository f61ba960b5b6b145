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

    @Test("While the Service selects the replica nothing drains, however long and however idle")
    func selected() {
        var clock = DrainClock(deadline: .seconds(10))
        for second in 0..<100 {
            #expect(clock.step(isSelected: true, connections: 0, arrivals: 9, now: .seconds(second)) == .linger)
        }
    }

    @Test("Being selected again starts the time anew")
    func selectedAgain() {
        var clock = DrainClock(deadline: .seconds(10))
        _ = clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(0))
        _ = clock.step(isSelected: true, connections: 1, arrivals: 9, now: .seconds(9))
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(11)) == .linger)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(20)) == .linger)
        #expect(clock.step(isSelected: false, connections: 1, arrivals: 9, now: .seconds(21)) == .announce)
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

    @Test("While new connections come, kube-proxy has not followed: the time begins anew, though not for ever")
    func stragglers() {
        var clock = DrainClock(deadline: .seconds(10))
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
}
