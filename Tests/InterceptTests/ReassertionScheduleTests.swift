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
                case .again(let count):
                    moments.append(second)
                    #expect(count == moments.count)
                    let second = schedule.takenBack()
                    #expect(second == .later, "two tasks look")
                case .later: Issue.record("looked before it was time")
                case .surrender(let count): surrender = count
                }
            }
        }
        #expect(moments == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
        #expect(surrender == ReassertionSchedule.limit)
    }

    @Test("While it stands there is nothing to look at; what is taken back once in a while is swapped again at once")
    func calm() {
        var schedule = ReassertionSchedule()
        for _ in 0..<30 {
            let verdict = schedule.takenBack()
            #expect(verdict == .again(1))
            schedule.stands()
            for _ in 0..<700 {
                let isDue = schedule.tick()
                #expect(!isDue)
            }
        }
    }
}
