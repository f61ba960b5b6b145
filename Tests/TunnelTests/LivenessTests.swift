import TestSupport
import Testing

@testable import Tunnel

@Suite("Liveness and back-off")
struct LivenessTests {
    @Test("A silent peer is lost at the third silent tick")
    func silent() {
        var liveness = Liveness(allowedMisses: 3)
        #expect((1...3).map { _ in liveness.tick() } == [.ping(1), .ping(2), .ping(3)])
        guard case .lost = liveness.tick() else { return #expect(Bool(false), "still alive") }
    }

    @Test("Any byte keeps a peer alive, answers or not, but not for ever")
    func heard() {
        var liveness = Liveness(allowedMisses: 3)
        var ticks = 0
        while case .ping(let number) = liveness.tick() {
            ticks += 1
            liveness.heard()
            if ticks <= 100 { liveness.pong(number) }
            #expect(ticks < 1_000)
        }
        #expect(ticks == 100 + Int(Liveness.patience))
    }

    @Test("Two misses and a word start the count again")
    func recovers() {
        var liveness = Liveness(allowedMisses: 3)
        for _ in 0..<50 {
            for _ in 0..<3 { _ = liveness.tick() }
            liveness.heard()
            liveness.pong(.max)
        }
        liveness = Liveness(allowedMisses: 3)
        for tick in 1...20 as ClosedRange<UInt32> {
            #expect(liveness.tick() == .ping(tick))
            if tick % 3 == 0 {
                liveness.heard()
                liveness.pong(tick)
            }
        }
    }

    @Test("Waits double up to the ceiling, lose at most the jitter, and start again after a success")
    func backoff() {
        var generator = SplitMix64(seed: 5)
        var plain = Backoff(initial: .seconds(1), factor: 2, maximum: .seconds(10), jitter: 0)
        #expect((0..<6).map { _ in plain.next(using: &generator) } == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
        #expect(plain.attempts == 6)
        plain.reset()
        #expect(plain.next() == .seconds(1))
        var jittered = Backoff(initial: .seconds(1), factor: 2, maximum: .seconds(10), jitter: 0.5)
        var waits: Set<Duration> = []
        for full in [1, 2, 4, 8, 10, 10, 10] {
            let wait = jittered.next(using: &generator)
            #expect(wait <= .seconds(full) && wait >= .seconds(full) / 2)
            waits.insert(wait)
        }
        #expect(waits.count == 7)
    }
}
