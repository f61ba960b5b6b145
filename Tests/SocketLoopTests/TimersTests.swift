#if os(Linux)
    import NIOCore
    import TestSupport
    import Testing

    @testable import SocketLoop

    @Suite("What a loop keeps")
    struct TimersTests {
        @Test(
            "timers run in the order of their times, those of one time in the order they were added, and none that was cancelled"
        )
        func order() {
            var timers = Timers()
            var run: [Int] = []
            var random = SplitMix64(seed: 7)
            var expected: [(Int64, Int)] = []
            for number in 0..<2_000 {
                let time = Int64(random.next() % 50)
                let name = timers.add(at: .uptimeNanoseconds(UInt64(time))) { run.append(number) }
                // Most are cancelled, as most time-outs are.
                if random.next() % 10 != 0 { timers.cancel(name) } else { expected.append((time, number)) }
            }
            #expect(timers.next != nil)
            while let task = timers.takeDue(.uptimeNanoseconds(24)) { task() }
            let sorted = expected.sorted { $0 < $1 }
            #expect(run == sorted.filter { $0.0 <= 24 }.map(\.1))
            while let task = timers.takeDue(.uptimeNanoseconds(100)) { task() }
            #expect(run == sorted.map(\.1))
            #expect(timers.next == nil)
        }

        @Test("what is late is told at its time, whatever time-outs the others have")
        func expectations() {
            var expectations = Expectations()
            func ticket(_ index: UInt32) -> SocketTicket { SocketTicket(index: index, generation: 0) }
            let start = NIODeadline.uptimeNanoseconds(0)
            expectations.add(ticket(1), within: .seconds(3), now: start)
            expectations.add(ticket(2), within: .seconds(1), now: start)
            expectations.add(ticket(3), within: .seconds(3), now: start + .seconds(1))
            #expect(expectations.takeLate(start + .milliseconds(999)).isEmpty)
            #expect(expectations.takeLate(start + .seconds(1) + Expectations.step) == [ticket(2)])
            #expect(expectations.takeLate(start + .seconds(3) + Expectations.step) == [ticket(1)])
            #expect(expectations.takeLate(start + .seconds(4) + Expectations.step) == [ticket(3)])
            #expect(expectations.next == nil)
        }

        @Test("an event of a descriptor that is gone does not reach the next one in its place")
        func generations() {
            final class Nobody: SocketHandler {
                func ready(_ readiness: Readiness) {}
            }
            var handlers = Handlers()
            let first = Nobody()
            let second = Nobody()
            let old = handlers.add(first)
            handlers.remove(old)
            handlers.remove(old)
            let new = handlers.add(second)
            #expect(new.index == old.index && handlers.count == 1)
            #expect(handlers[old] == nil && handlers[new] === second)
            #expect(SocketTicket(data: new.data) == new)
        }
    }
#endif
