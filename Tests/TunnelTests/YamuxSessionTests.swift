import NIOCore
import Testing

@testable import Tunnel

@Suite("The books of a yamux session")
struct YamuxSessionTests {
    /// A server that has heard of a stream 1.
    private func offered(_ limits: YamuxLimits = .init()) throws -> YamuxSession {
        var session = YamuxSession(role: .server, limits: limits)
        #expect(try session.receiveAll(frame(type: 1, flags: 1, stream: 1)) == [.opened(1)])
        return session
    }

    @Test(
        "Each role opens its own numbers",
        arguments: [
            (YamuxSession.Role.client, [1, 3, 5] as [UInt32]), (.server, [2, 4, 6]),
        ]
    )
    func open(_ role: YamuxSession.Role, _ numbers: [UInt32]) throws {
        var session = YamuxSession(role: role)
        for number in numbers {
            #expect(try session.open() == YamuxHeader(.windowUpdate, flags: .syn, stream: number))
        }
    }

    @Test("A stream is acknowledged once, when the acceptor says so")
    func accept() throws {
        var session = try self.offered()
        #expect(session.accept(1) == YamuxHeader(.windowUpdate, flags: .ack, stream: 1))
        #expect(session.accept(1) == nil)
        #expect(session.accept(3) == nil)
    }

    @Test("What was taken before the acknowledgement is credited with it")
    func earlyCredit() throws {
        var session = try self.offered()
        _ = try session.receiveAll(data(1, [UInt8](repeating: 0, count: 200_000)))
        #expect(session.consumed(1, 200_000) == nil)
        #expect(session.accept(1) == YamuxHeader(.windowUpdate, flags: .ack, stream: 1, length: 200_000))
        #expect(session.streams[1]?.receiveWindow == 256 * 1024)
    }

    @Test("The peer's acknowledgement is told once, with or without data")
    func acknowledged() throws {
        var session = YamuxSession(role: .client)
        _ = try session.open()
        _ = try session.open()
        #expect(session.requested == 2)
        #expect(try session.receiveAll(frame(type: 1, flags: 2, stream: 1)) == [.acknowledged(1)])
        #expect(try session.receiveAll(data(3, [7], flags: 2)) == [.acknowledged(3), .data(3, ByteBuffer(bytes: [7]))])
        #expect(try session.receiveAll(frame(type: 1, flags: 2, stream: 1)) == [])
        #expect(session.requested == 0)
    }

    @Test("Sending takes credit, in frames no longer than allowed, until there is none")
    func send() throws {
        var session = YamuxSession(role: .client)
        let stream = try session.open().stream
        var sent = 0
        var frames = 0
        while let header = session.send(stream, available: 1_000_000) {
            #expect(header.length <= 65_524)
            sent += Int(header.length)
            frames += 1
        }
        #expect(sent == 256 * 1024)
        #expect(frames == 5)
        #expect(session.sendWindow(stream) == 0)
        #expect(try session.receiveAll(frame(type: 1, stream: stream, length: 10)) == [.credited(stream)])
        #expect(session.send(stream, available: 100)?.length == 10)
        #expect(session.send(stream, available: 0) == nil)
    }

    @Test("Credit goes back in quarters of the window, which grows once, and not to a peer that has finished")
    func credit() throws {
        var session = try self.offered()
        _ = session.accept(1)
        _ = try session.receiveAll(data(1, [UInt8](repeating: 0, count: 262_144)))
        #expect(session.consumed(1, 65_535) == nil)
        #expect(session.streams[1]?.receiveWindow == 0)
        #expect(session.consumed(1, 1) == YamuxHeader(.windowUpdate, stream: 1, length: 65_536 + 786_432))
        #expect(session.consumed(1, 196_608) == nil)
        #expect(session.streams[1]?.receiveWindow == 851_968)
        #expect(session.consumed(1, 65_536) == YamuxHeader(.windowUpdate, stream: 1, length: 262_144))
        _ = try session.receiveAll(data(1, [UInt8](repeating: 0, count: 262_144), flags: 4))
        #expect(session.consumed(1, 262_144) == nil)
    }

    @Test("However many streams there are, their windows together stay near the limit; few have large ones")
    func shares() throws {
        var limits = YamuxLimits()
        limits.memory = 8 * 1024 * 1024
        var session = YamuxSession(role: .server, limits: limits)
        func open(_ number: UInt32) throws {
            _ = try session.receiveAll(frame(type: 1, flags: 1, stream: number))
            _ = session.accept(number)
        }
        // Takes a quarter of the window at a time, as a consumer that keeps up does.
        func keepUp(_ number: UInt32) throws {
            for _ in 0..<8 {
                let stream = try #require(session.streams[number])
                let count = min(stream.window / 4 + 1, stream.receiveWindow)
                _ = try session.receiveAll(data(number, [UInt8](repeating: 0, count: count)))
                _ = session.consumed(number, count)
            }
        }
        for number in stride(from: UInt32(1), through: 15, by: 2) { try open(number) }
        for number in stride(from: UInt32(1), through: 15, by: 2) { try keepUp(number) }
        #expect(session.streams.values.allSatisfy { $0.window == 1024 * 1024 })
        // More come: the large ones give back what they have too much as they are used, and none goes below the first window.
        for number in stride(from: UInt32(17), through: 31, by: 2) { try open(number) }
        for number in stride(from: UInt32(1), through: 31, by: 2) { try keepUp(number) }
        #expect(session.streams.values.allSatisfy { $0.window == 512 * 1024 })
        for number in stride(from: UInt32(33), through: 99, by: 2) { try open(number) }
        for number in stride(from: UInt32(1), through: 99, by: 2) { try keepUp(number) }
        #expect(session.streams.values.allSatisfy { $0.window == 256 * 1024 })
        #expect(session.streams.values.allSatisfy { $0.receiveWindow + $0.unreturned == $0.window })
    }

    @Test("A stream is over when both ends have finished, in either order")
    func halfCloses() throws {
        for localFirst in [true, false] {
            var session = try self.offered()
            _ = session.accept(1)
            if localFirst {
                #expect(session.finish(1) == YamuxHeader(.windowUpdate, flags: .fin, stream: 1))
                #expect(session.finish(1) == nil)
                #expect(session.send(1, available: 1) == nil)
                #expect(session.isLive(1))
                #expect(
                    try session.receiveAll(data(1, [1], flags: 4)) == [.data(1, ByteBuffer(bytes: [1])), .finished(1)]
                )
            } else {
                #expect(
                    try session.receiveAll(data(1, [1], flags: 4)) == [.data(1, ByteBuffer(bytes: [1])), .finished(1)]
                )
                #expect(session.isLive(1))
                #expect(session.send(1, available: 1) != nil)
                #expect(session.finish(1) != nil)
            }
            #expect(!session.isLive(1))
            #expect(session.finish(1) == nil)
            #expect(session.reset(1) == nil)
        }
    }

    @Test("After a reset here, what the peer had under way is dropped in silence")
    func resetHere() throws {
        var session = try self.offered()
        _ = session.accept(1)
        var buffer = ByteBuffer(bytes: data(1, [1, 2, 3, 4]).dropLast(2))
        #expect(try session.receive(&buffer) == .data(1, ByteBuffer(bytes: [1, 2])))
        #expect(session.reset(1) == YamuxHeader(.windowUpdate, flags: .rst, stream: 1))
        #expect(try session.receiveAll([3, 4]) == [])
        let late = data(1, [5]) + frame(type: 1, stream: 1, length: 9) + frame(type: 1, flags: 4, stream: 1)
        #expect(try session.receiveAll(late + frame(type: 1, flags: 8, stream: 1)) == [])
        #expect(session.liveStreams == 0)
    }

    @Test("A reset from the peer ends the stream at once, after the data in its frame")
    func resetThere() throws {
        var session = try self.offered()
        #expect(try session.receiveAll(data(1, [1], flags: 8)) == [.data(1, ByteBuffer(bytes: [1])), .reset(1)])
        #expect(session.accept(1) == nil)
        #expect(session.offered == 0)
    }

    @Test("Streams the acceptor has no room for are reset; the others live")
    func backlog() throws {
        var limits = YamuxLimits()
        limits.backlog = 2
        var session = YamuxSession(role: .server, limits: limits)
        let opens = [1, 3, 5].flatMap { frame(type: 1, flags: 1, stream: $0, length: 5) }
        let refusal = YamuxEvent.reply(YamuxHeader(.windowUpdate, flags: .rst, stream: 5))
        #expect(try session.receiveAll(opens) == [.opened(1), .credited(1), .opened(3), .credited(3), refusal])
        _ = session.accept(1)
        #expect(try session.receiveAll(frame(type: 1, flags: 1, stream: 7)) == [.opened(7)])
        var client = YamuxSession(role: .client, limits: limits)
        _ = try client.open()
        _ = try client.open()
        let error = #expect(throws: TunnelError.self) { try client.open() }
        #expect(error?.code == .tooManyStreams)
        _ = try client.receiveAll(frame(type: 1, flags: 2, stream: 3))
        #expect(throws: Never.self) { try client.open() }
    }

    @Test("Streams may be opened in another order than they are numbered")
    func outOfOrder() throws {
        var session = YamuxSession(role: .server)
        let opens = [5, 1, 3, 7].flatMap { frame(type: 1, flags: 1, stream: $0) }
        #expect(try session.receiveAll(opens) == [.opened(5), .opened(1), .opened(3), .opened(7)])
        #expect(session.skippedPeerStreams.isEmpty)
        #expect(throws: Never.self) { try session.receiveAll(frame(type: 1, flags: 1, stream: 2_055)) }
    }

    @Test("Ten thousand streams may live; one more from the peer ends the session, one more from here is refused")
    func streamLimit() throws {
        var session = YamuxSession(role: .server)
        for index in 0..<10_000 as Range<UInt32> {
            #expect(
                try session.receiveAll(frame(type: 1, flags: 1, stream: index * 2 + 1)).first == .opened(index * 2 + 1)
            )
            _ = session.accept(index * 2 + 1)
        }
        let error = #expect(throws: TunnelError.self) { try session.open() }
        #expect(error?.code == .tooManyStreams)
        #expect(throws: TunnelError.self) { try session.receiveAll(frame(type: 1, flags: 1, stream: 20_001)) }
    }

    @Test("A session that refuses streams resets those that come and keeps those that are")
    func refuseStreams() throws {
        var session = try self.offered()
        #expect(session.refuseStreams() == YamuxHeader(.goAway))
        let refusal = YamuxEvent.reply(YamuxHeader(.windowUpdate, flags: .rst, stream: 3))
        #expect(try session.receiveAll(frame(type: 1, flags: 1, stream: 3)) == [refusal])
        #expect(session.isLive(1))
    }
}
