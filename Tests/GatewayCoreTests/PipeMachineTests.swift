import GatewayCore
import TestSupport
import Testing

@Suite("A gateway's connection whose bytes pass unread")
struct PipeMachineTests {
    @Test("the server is connected to before anybody speaks, and may speak first")
    func serverFirst() {
        var ends = PipeEnds(nil)
        #expect(ends.take() == ["acquire"])
        ends.tell(.upstream, .bytes(5))
        ends.tell(.client, .bytes(7), .bytes(1))
        #expect(ends.take() == ["copy upstream 5", "copy client 7", "copy client 1"])
        #expect(ends.machine.note.bytesIn == 8 && ends.machine.note.bytesOut == 5)
    }

    @Test("an end is passed on behind the last byte, and the other direction goes on", arguments: [true, false])
    func halfClose(clientFirst: Bool) {
        let (first, second): (ForwardSide, ForwardSide) = clientFirst ? (.client, .upstream) : (.upstream, .client)
        var ends = PipeEnds(nil)
        ends.tell(first, .bytes(3), .end)
        #expect(ends.take() == ["acquire", "copy \(first) 3", "finish \(second)"])
        ends.tell(second, .bytes(1_000), .bytes(2))
        #expect(ends.take() == ["copy \(second) 1000", "copy \(second) 2"])
        ends.tell(second, .end)
        #expect(ends.take() == ["log ended", "close"])
        #expect(ends.notes.map(\.end) == [.ended])
    }

    @Test("nothing is read, no end either, while the other side does not take what was read before")
    func backpressure() {
        var ends = PipeEnds(nil)
        ends.room = [.client]
        ends.tell(.client, .bytes(3), .end)
        ends.tell(.upstream, .bytes(4))
        #expect(ends.take() == ["acquire", "copy upstream 4"])
        ends.room = [.client, .upstream]
        ends.run()
        #expect(ends.take() == ["copy client 3", "finish upstream"])
    }

    @Test(
        "a reset is passed on as a reset, behind the bytes that came before it",
        arguments: [(ForwardSide.client, PipeEnd.clientReset), (.upstream, .upstreamReset)]
    )
    func reset(side: ForwardSide, end: PipeEnd) {
        var ends = PipeEnds(nil)
        ends.tell(side, .bytes(3), .reset)
        #expect(ends.take() == ["acquire", "copy \(side) 3", "log \(end.token)", "reset"])
    }

    @Test(
        "a reset is passed on at once where the other side takes nothing",
        arguments: [ForwardSide.client, .upstream]
    )
    func resetWithoutRoom(side: ForwardSide) {
        var ends = PipeEnds(nil)
        ends.room = []
        ends.tell(side, .bytes(3), .reset)
        #expect(ends.take().suffix(1) == ["reset"])
    }

    @Test("a reset after an end is a reset", arguments: [ForwardSide.client, .upstream])
    func resetAfterEnd(side: ForwardSide) {
        var ends = PipeEnds(nil)
        ends.tell(side, .end)
        _ = ends.take()
        ends.tell(side, .reset)
        #expect(ends.take().suffix(1) == ["reset"])
    }

    @Test("a client that resets before there is a server is let go; one that has ended is not")
    func goneBeforeServer() {
        var reset = PipeEnds()
        reset.tell(.client, .bytes(3), .reset)
        #expect(reset.take() == ["acquire", "log client-reset", "reset"])
        var ended = PipeEnds()
        ended.tell(.client, .bytes(3), .end)
        #expect(ended.take() == ["acquire"])
        ended.hasServer = true
        ended.tell { $0.acquired() }
        #expect(ended.take() == ["copy client 3", "finish upstream"])
    }

    @Test("the next server is tried, and after the last try the client is reset, and it is said why")
    func unreachable() {
        var second = PipeEnds(.refused, nil)
        #expect(second.take() == ["acquire", "acquire"])
        #expect(second.machine.note.retries == 1)
        second.tell(.client, .bytes(1))
        #expect(second.take() == ["copy client 1"])
        var none = PipeEnds(attempts: 2, .refused, .refused)
        #expect(none.take() == ["acquire", "acquire", "log upstream-unreachable", "reset"])
        #expect(none.notes.map(\.retries) == [1])
        var late = PipeEnds(attempts: 1, .late)
        #expect(late.take() == ["acquire", "log upstream-connect-timeout", "reset"])
    }

    @Test("what stands still for too long, and what is left at the end, is reset")
    func deadlines() {
        var idle = PipeEnds(nil)
        idle.tell { $0.idled() }
        #expect(idle.take() == ["acquire", "log idle-timeout", "reset"])
        var drained = PipeEnds(nil)
        drained.tell { $0.drained() }
        drained.tell { $0.idled() }
        #expect(drained.take() == ["acquire", "log drained", "reset"])
    }

    @Test("a read that is full is the beginning of splices, and one of few bytes their end")
    func bulk() {
        var ends = PipeEnds(nil)
        ends.tell(.client, .bytes(PipeEnds.readSize - 1), .bytes(PipeEnds.readSize), .bytes(PipeMachine.fewBytes))
        ends.tell(.upstream, .bytes(9))
        ends.tell(.client, .bytes(PipeMachine.fewBytes - 1), .bytes(8))
        #expect(
            ends.take() == [
                "acquire", "copy client 65535", "copy client 65536", "splice client 16384", "copy upstream 9",
                "splice client 16383", "copy client 8",
            ]
        )
        #expect(ends.machine.note.bytesIn == 65_535 + 65_536 + 16_384 + 16_383 + 8)
    }

    @Test("an end, and a reset, of what is spliced is learnt from a read", arguments: [PipeEnds.Event.end, .reset])
    func endOfSplice(event: PipeEnds.Event) {
        var ends = PipeEnds(nil)
        ends.tell(.upstream, .bytes(1 << 20), event)
        let deeds = ["acquire", "copy upstream 65536", "splice upstream \((1 << 20) - 65_536)"]
        #expect(ends.take() == deeds + (event == .end ? ["finish client"] : ["log upstream-reset", "reset"]))
    }

    @Test("where the kernel does not splice, it is not asked again")
    func noSplice() {
        var ends = PipeEnds(nil)
        ends.refusesSplice = true
        ends.tell(.client, .bytes(65_536), .bytes(65_536))
        ends.refusesSplice = nil
        ends.tell(.client, .bytes(65_536), .bytes(65_536))
        #expect(ends.take() == ["acquire"] + Array(repeating: "copy client 65536", count: 4))
    }

    @Test(
        "whatever happens in whichever order: bytes stay in order before ends, and one line ends it",
        arguments: 0..<300
    )
    func random(seed: UInt64) {
        var numbers = SplitMix64(seed: seed)
        var ends = PipeEnds(nil)
        var told: [ForwardSide: [PipeEnds.Event]] = [:]
        for _ in 0..<30 {
            let side: ForwardSide = Bool.random(using: &numbers) ? .client : .upstream
            switch Int.random(in: 0..<12, using: &numbers) {
            case 0..<7:
                guard told[side]?.contains(.end) != true else { continue }
                let bytes = PipeEnds.Event.bytes([1, 16_384, 65_536, 300_000][Int.random(in: 0..<4, using: &numbers)])
                told[side, default: []].append(bytes)
                ends.tell(side, bytes)
            case 7:
                guard told[side]?.contains(.end) != true else { continue }
                told[side, default: []].append(.end)
                ends.tell(side, .end)
            case 8: ends.room.formSymmetricDifference([side])
            default: ends.run()
            }
        }
        ends.room = [.client, .upstream]
        ends.run()
        for side in [ForwardSide.client, .upstream] {
            let sum = (told[side] ?? []).reduce(0) { if case .bytes(let count) = $1 { $0 + count } else { $0 } }
            #expect((side == .client ? ends.machine.note.bytesIn : ends.machine.note.bytesOut) == sum, "seed \(seed)")
        }
        let hasEnded = told.values.filter { $0.contains(.end) }.count
        #expect(ends.notes.count == (hasEnded == 2 ? 1 : 0), "seed \(seed)")
        let deeds = ends.take()
        #expect(deeds.filter { $0.hasPrefix("finish") }.count == min(hasEnded, 1), "seed \(seed)")
        if let finish = deeds.firstIndex(where: { $0.hasPrefix("finish") }) {
            let ended = deeds[finish] == "finish client" ? "upstream" : "client"
            #expect(!deeds[finish...].contains { $0.contains(" \(ended) ") }, "seed \(seed)")
        }
    }
}
