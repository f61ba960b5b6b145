import GatewayCore
import Testing

@Suite("Trouble of a gateway's connection whose bytes pass unread")
struct PipeTroubleTests {
    @Test("where the cluster has as many connections as it may no server is tried, once or again")
    func full() {
        var first = PipeEnds(.full)
        #expect(first.take() == ["acquire", "log cluster-full", "reset"])
        var second = PipeEnds(.refused, .full)
        #expect(second.take() == ["acquire", "acquire", "log cluster-full", "reset"])
        #expect(second.notes.map(\.retries) == [1])
    }

    @Test(
        "the last server that was tried decides what is said",
        arguments: [
            (AcquireFailure.late, AcquireFailure.refused, "upstream-unreachable"),
            (.refused, .late, "upstream-connect-timeout"),
        ]
    )
    func lastWord(first: AcquireFailure, last: AcquireFailure, word: String) {
        var ends = PipeEnds(attempts: 2, first, last)
        #expect(ends.take() == ["acquire", "acquire", "log \(word)", "reset"])
    }

    @Test("what comes after the end changes nothing: a connection that opens, one that does not, an end, a reset")
    func late() {
        var ends = PipeEnds()
        ends.tell { $0.drained() }
        #expect(ends.take() == ["acquire", "log drained", "reset"])
        ends.tell { $0.acquireFailed(.refused) }
        ends.tell { $0.acquireFailed(.full) }
        ends.hasServer = true
        ends.tell { $0.acquired() }
        ends.tell(.client, .bytes(3))
        ends.tell { $0.ended(.client) }
        ends.tell { $0.ended(.upstream) }
        ends.tell { $0.broke(.upstream) }
        #expect(ends.take().isEmpty)
        #expect(ends.notes.map(\.end) == [.drained] && ends.machine.note.end == .drained)
        #expect(ends.machine.note.retries == 0)
    }

    @Test("an end of what has not begun is none: the shell has nothing to read from before there is a server")
    func endBeforeServer() {
        var ends = PipeEnds()
        ends.tell { $0.ended(.client) }
        ends.hasServer = true
        ends.tell { $0.acquired() }
        ends.tell(.client, .bytes(1), .end)
        #expect(ends.take() == ["acquire", "copy client 1", "finish upstream"])
    }

    @Test("what cannot be spliced this once is spliced the next time")
    func splicesAgain() {
        var ends = PipeEnds(nil)
        ends.refusesSplice = false
        ends.tell(.client, .bytes(65_536), .bytes(9))
        ends.refusesSplice = nil
        ends.tell(.client, .bytes(65_536), .bytes(65_536))
        #expect(
            ends.take() == [
                "acquire", "copy client 65536", "copy client 9", "copy client 65536", "splice client 65536",
            ]
        )
    }

    @Test(
        "a broken side that says nothing for now may still have bytes: a read tells",
        arguments: [ForwardSide.client, .upstream]
    )
    func brokenAndSilent(side: ForwardSide) {
        var machine = PipeMachine(attempts: 1, readSize: 64)
        #expect(machine.step(side, []) == .acquire)
        machine.acquired()
        #expect(machine.step(side, [.isBroken, .otherHasRoom]) == .wait)
        #expect(machine.step(side, [.isBroken, .otherHasRoom, .mayRead]) == .copy)
        machine.moved(5, from: side, isSpliced: false)
        #expect(machine.step(side, [.isBroken, .otherHasRoom]) == .wait)
        #expect(machine.step(side, [.isBroken]) == .log)
        #expect(machine.step(side, []) == .resetAll)
    }
}
