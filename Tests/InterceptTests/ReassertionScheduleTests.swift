import Testing

@testable import Intercept

@Suite("When a swap that others take back is made again")
struct ReassertionScheduleTests {
    @Test("At once, then after ever longer pauses, and not for ever")
    func fight() {
        var schedule = ReassertionSchedule()
        var moments: [Int] = []
        var surrender: Int?
        // Somebody takes it back each time at once.
        for second in 0..<1_000 where surrender == nil {
            if second == 0 || schedule.tick() {
                switch schedule.takenBack() {
                case .again:
                    moments.append(second)
                    let other = schedule.takenBack()
                    #expect(other == .later, "two tasks look")
                    let count = schedule.swapped()
                    #expect(count == moments.count)
                case .later: Issue.record("looked before it was time")
                case .surrender(let count): surrender = count
                }
            }
        }
        #expect(moments == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
        #expect(surrender == ReassertionSchedule.limit)
    }

    @Test("A try that comes to nothing is no fight: it is due again in a second, or in ten where it was refused")
    func idle() {
        var schedule = ReassertionSchedule()
        var moments: [Int] = []
        for second in 0..<100 where second == 0 || schedule.tick() {
            let verdict = schedule.takenBack()
            guard verdict == .again else { continue }
            moments.append(second)
            if second >= 20 { schedule.refused() }
        }
        #expect(moments == Array(0...20) + [30, 40, 50, 60, 70, 80, 90])
        let count = schedule.swapped()
        #expect(count == 1)
    }

    @Test("While it stands there is nothing to look at; what is taken back once in a while is swapped again at once")
    func calm() {
        var schedule = ReassertionSchedule()
        for _ in 0..<30 {
            let verdict = schedule.takenBack()
            let count = schedule.swapped()
            #expect(verdict == .again && count == 1)
            schedule.stands()
            for _ in 0..<700 {
                let isDue = schedule.tick()
                #expect(!isDue)
            }
        }
    }
}
