import Testing

@testable import Intercept

@Suite("When a swap that others take back is made again")
struct ReassertionScheduleTests {
    @Test("In a moment, then after ever longer pauses, and not for ever")
    func fight() {
        var schedule = ReassertionSchedule()
        var moments: [Int] = []
        var surrender: Int?
        // Somebody takes it back each time at once.
        let first = schedule.takenBack()
        #expect(first == .later)
        for second in 1..<1_000 where surrender == nil {
            if schedule.tick() {
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
        #expect(moments == [2, 3, 5, 9, 17, 33, 65, 125, 185, 245])
        #expect(surrender == ReassertionSchedule.limit)
    }

    @Test("A try that comes to nothing is no fight: it is due again in a second, or in ten where it was refused")
    func idle() {
        var schedule = ReassertionSchedule()
        var moments: [Int] = []
        _ = schedule.takenBack()
        for second in 1..<100 where schedule.tick() {
            let verdict = schedule.takenBack()
            guard verdict == .again else { continue }
            moments.append(second)
            if second >= 20 { schedule.refused() }
        }
        #expect(moments == Array(2...20) + [30, 40, 50, 60, 70, 80, 90])
        let count = schedule.swapped()
        #expect(count == 1)
    }

    @Test(
        "While it stands there is nothing to look at; what is taken back once in a while is swapped again in a moment"
    )
    func calm() {
        var schedule = ReassertionSchedule()
        for _ in 0..<30 {
            // Two look at every change: the watch, and whoever looks because it is time.
            let early = [schedule.takenBack(), schedule.takenBack()]
            #expect(early == [.later, .later])
            let isDue = [schedule.tick(), schedule.tick()]
            #expect(isDue == [false, true])
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
