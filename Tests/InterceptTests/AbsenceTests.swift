import Testing

@testable import Intercept

@Suite("What a laptop knows of its own absence")
struct AbsenceTests {
    private let start = ContinuousClock.now
    private let ttl = Duration.seconds(60)

    /// An absence after pulses at each of these seconds, with a tunnel up or not.
    private func absence(_ pulses: some Sequence<Int>, isConnected: Bool) -> Absence {
        var absence = Absence(at: self.start)
        for second in pulses {
            _ = absence.pulse(isConnected: isConnected, at: self.start + .seconds(second), asleep: .zero)
        }
        return absence
    }

    @Test("Who holds a tunnel was not given up, however long that has been")
    func present() {
        let absence = self.absence(1...1000, isConnected: true)
        #expect(!absence.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(1001)))
    }

    @Test("Without a tunnel for a ttl it may be, a little early for the doubt about when the last one broke")
    func away() {
        let absence = self.absence(1...60, isConnected: false)
        #expect(!absence.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(54)))
        #expect(absence.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(55)))
    }

    @Test("After a sleep a tunnel that only looks alive says nothing; a new one does")
    func slept() {
        var absence = self.absence([1, 2, 30_000, 30_001, 30_002], isConnected: true)
        #expect(absence.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(30_003)))
        absence.connected(at: self.start + .seconds(30_004))
        _ = absence.pulse(isConnected: true, at: self.start + .seconds(30_005), asleep: .zero)
        #expect(!absence.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(30_006)))
    }

    @Test("A tunnel that outlives the doubt after a leap was never down: from then on it counts again")
    func leapt() {
        let absence = self.absence([1, 2] + Array(8...14), isConnected: true)
        #expect(!absence.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(14 + 54)))
        let doubtful = self.absence([1, 2] + Array(8...13), isConnected: true)
        #expect(doubtful.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(2 + 55)))
        let alone = self.absence([1, 2] + Array(8...14), isConnected: false)
        #expect(alone.mayBeGivenUp(after: self.ttl, at: self.start + .seconds(55)))
    }

    @Test("A sleep as long as three pings is told, once: the tunnels of before are dead", arguments: [3, 4])
    func asleep(seconds: Int) {
        var absence = Absence(at: self.start)
        let told = (1...3).map { pulse in
            let asleep = Duration.seconds(pulse == 1 ? 0 : seconds)
            return absence.pulse(isConnected: true, at: self.start + .seconds(10 * pulse), asleep: asleep)
        }
        #expect(told == [false, seconds > 3, false])
        let isAnswered = absence.answered()
        #expect(isAnswered == (seconds > 3))
    }

    @Test("A short ttl needs a moment without a tunnel all the same")
    func shortest() {
        let absence = self.absence(1...10, isConnected: true)
        #expect(!absence.mayBeGivenUp(after: .seconds(3), at: self.start + .seconds(10)))
    }

    @Test("The first answer after a loss is told as one, once")
    func answered() {
        var absence = Absence(at: self.start)
        var told = [absence.answered()]
        absence.lost()
        told += [absence.answered(), absence.answered()]
        #expect(told == [false, true, false])
    }
}
