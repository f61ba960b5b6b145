import Testing

@testable import Intercept

@Suite("What becomes of the command and of the intercept")
struct CommandSupervisionTests {
    private typealias Action = CommandSupervision.Action

    @Test(
        "A signal is passed on once, the intercept ends meanwhile, and the command has its time",
        arguments: [1, 2, 15] as [Int32]
    )
    func passedOn(number: Int32) {
        var supervision = CommandSupervision(sharesTerminal: false)
        #expect(supervision.signalled(number) == [.signal(number), .leave, .startGrace])
        #expect(supervision.commandEnded() == [])
        #expect(supervision.graceOver() == [], "the grace of a command that has ended")
    }

    @Test(
        "What the terminal delivers to both is not delivered twice; what it never sends is passed on",
        arguments: [(1, false), (2, false), (15, true)] as [(Int32, Bool)]
    )
    func terminal(number: Int32, isPassedOn: Bool) {
        var supervision = CommandSupervision(sharesTerminal: true)
        #expect(supervision.signalled(number) == (isPassedOn ? [.signal(number)] : []) + [.leave, .startGrace])
    }

    @Test("A second signal kills the command, a third does nothing")
    func second() {
        var supervision = CommandSupervision(sharesTerminal: true)
        _ = supervision.signalled(2)
        #expect(supervision.signalled(2) == [.signal(9)])
        #expect(supervision.signalled(2) == [])
        #expect(supervision.graceOver() == [])
    }

    @Test("A command that does not end by the terminal's signal is asked by one of ours, then killed")
    func grace() {
        var supervision = CommandSupervision(sharesTerminal: true)
        _ = supervision.signalled(2)
        #expect(supervision.graceOver() == [.signal(15), .startGrace])
        #expect(supervision.graceOver() == [.signal(9)])
        #expect(supervision.graceOver() == [])
    }

    @Test("When the command ends by itself, the intercept ends, once")
    func ended() {
        var supervision = CommandSupervision(sharesTerminal: false)
        #expect(supervision.commandEnded() == [.leave])
        #expect(supervision.signalled(2) == [])
        #expect(supervision.interceptEnded() == [])
    }

    @Test("When the intercept ends by itself, the command is asked to end; not where it was told already")
    func interceptEnded() {
        var supervision = CommandSupervision(sharesTerminal: false)
        #expect(supervision.interceptEnded() == [.signal(15), .startGrace])
        #expect(supervision.graceOver() == [.signal(9)])
        var told = CommandSupervision(sharesTerminal: false)
        _ = told.signalled(15)
        #expect(told.interceptEnded() == [])
    }

    @Test(
        "An exit status is what a shell would show",
        arguments: [(0, 0), (0x700, 7), (0xff00, 255), (9, 137), (2, 130)] as [(Int32, Int32)]
    )
    func status(raw: Int32, code: Int32) {
        #expect(CommandEnd(waitStatus: raw).code == code)
    }
}
