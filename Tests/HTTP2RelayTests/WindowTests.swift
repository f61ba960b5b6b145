import HTTP2Wire
import NIOCore
import ProxyCore
import TestSupport
import Testing

@testable import HTTP2Relay

@Suite("Bodies that nobody reads", .timeLimit(.minutes(5)))
struct WindowTests {
    private static let acknowledgement = ScriptedEnd.frame(.settings, .acknowledgement)
    private static let stuck = (0..<120).map { UInt32($0 * 2 + 1) }

    private func count(_ frames: [Seen], _ stream: UInt32) -> Int {
        frames.reduce(0) { $0 + ($1.type == .data && $1.stream == stream ? $1.payload.count : 0) }
    }

    @Test("120 downloads of them on a connection, do not hold up another, and pass when they are read")
    func downloads() {
        var rig = Rig(client: [Setting(.initialWindowSize, 0)])
        var server = BodySender(.original)
        rig.window(.client, 0, 1 << 30)
        var sent: [UInt32: Int] = [:]
        for stream in Self.stuck {
            rig.request(stream, .request())
            rig.headers(.original, stream, [":status": "200"], end: false)
            server.open(stream)
            sent[stream] = server.send(&rig, stream, count: 300_000)
        }
        #expect(rig.relay.original.held <= Bounds.pressure + 2 * Bounds.connectionWindow)
        #expect(server.initial == 0)

        let live: UInt32 = 501
        rig.request(live, .request())
        let wire = UInt32(Self.stuck.count * 2 + 1)
        server.open(wire)
        rig.headers(.original, wire, [":status": "200"], end: false)
        _ = rig.take(.client)
        var passed = 0
        while passed < 4 << 20 {
            rig.window(.client, live, 65_535)
            let more = server.send(&rig, wire, count: 65_535)
            #expect(self.count(rig.take(.client), live) == more)
            guard more > 0 else { break }
            passed += more
        }
        #expect(passed >= 4 << 20)

        for stream in Self.stuck { rig.window(.client, stream, 300_000) }
        var got = self.count(rig.take(.client), 1)
        for stream in Self.stuck {
            while let done = sent[stream], done < 300_000 {
                let more = server.send(&rig, stream, count: 300_000 - done)
                guard more > 0 else { break }
                sent[stream] = done + more
            }
            got += self.count(rig.take(.client), 1)
            #expect(sent[stream] == 300_000)
        }
        server.listen(&rig)
        #expect(got == 300_000)
        #expect(rig.relay.original.held == 0)
        #expect(server.initial == Bounds.streamWindow, "the room is given back")
    }

    @Test("120 uploads of them on a connection, do not hold up another")
    func uploads() {
        var rig = Rig(original: [Setting(.initialWindowSize, 0)])
        rig.window(.original, 0, 1 << 30)
        var client = BodySender(.client)
        rig.send(.client, Self.acknowledgement)
        for stream in Self.stuck {
            rig.request(stream, .request(method: "POST"), end: false)
            client.open(stream)
            _ = client.send(&rig, stream, count: 300_000)
        }
        #expect(rig.relay.client.held <= Bounds.pressure + 2 * Bounds.connectionWindow)
        #expect(client.initial == 0)
        let live: UInt32 = 501
        rig.request(live, .request(method: "POST"), end: false)
        client.open(live)
        let wire = UInt32(Self.stuck.count * 2 + 1)
        _ = rig.take(.original)
        var passed = 0
        while passed < 4 << 20 {
            rig.window(.original, wire, 65_535)
            let more = client.send(&rig, live, count: 65_535)
            #expect(self.count(rig.take(.original), wire) == more)
            guard more > 0 else { break }
            passed += more
        }
        #expect(passed >= 4 << 20)
    }

    @Test("and go to a laptop, end before they hold up the original's; those that were not sent go to the original")
    func divertedUploads() {
        for isTaken in [true, false] {
            var rig = Rig(original: [Setting(.initialWindowSize, 1 << 30)])
            rig.window(.original, 0, 1 << 30)
            // This client never acknowledges SETTINGS, so no room can be taken from it.
            var client = BodySender(.client)
            rig.request(1, .request(user: "alice", method: "POST"), end: false)
            if isTaken { rig.acceptLaptop(0, [Setting(.initialWindowSize, 0)]) }
            _ = rig.take(.original)
            client.open(1)
            for stream in Self.stuck.dropFirst() {
                rig.request(stream, .request(user: "alice", method: "POST"), end: false)
                client.open(stream)
            }
            for stream in Self.stuck { _ = client.send(&rig, stream, count: Bounds.streamWindow) }
            let opened = rig.take(.original).filter { $0.type == .headers }.count
            #expect(isTaken ? opened == 0 : opened > 0)
            let calmed = rig.take(.laptop(0)).count { $0.type == .resetStream && $0.number == 11 }
            #expect(isTaken ? calmed > 0 : calmed == 0)
            #expect(rig.records.count == calmed)
            let live: UInt32 = 501
            rig.request(live, .request(method: "POST"), end: false)
            client.open(live)
            let wire = rig.take(.original).first?.stream ?? 0
            for _ in 0..<64 {
                #expect(client.send(&rig, live, count: 65_535) == 65_535)
                #expect(self.count(rig.take(.original), wire) == 65_535)
            }
        }
    }

    @Test("among others that are: all pass whole, whatever the order of windows and parts", arguments: 0..<4)
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = Rig(client: [Setting(.initialWindowSize, UInt32.random(in: 0...50_000, using: &random))])
        rig.window(.client, 0, 1 << 30)
        var server = BodySender(.original)
        var bodies: [UInt32: [UInt8]] = [:]
        var rest: [UInt32: ArraySlice<UInt8>] = [:]
        let streams = (0..<60).map { UInt32($0 * 2 + 1) }
        for stream in streams {
            rig.request(stream, .request())
            rig.headers(.original, stream, [":status": "200"], end: false)
            server.open(stream)
            let body = (0..<Int.random(in: 1..<500, using: &random)).flatMap {
                [UInt8](repeating: UInt8(truncatingIfNeeded: $0 + Int(stream)), count: 1_000)
            }
            bodies[stream] = body
            rest[stream] = body[...]
        }
        _ = rig.take(.client)
        var got: [UInt32: [UInt8]] = [:]
        var ended: Set<UInt32> = []
        var (turns, wasPressed) = (0, false)
        while ended.count < streams.count, turns < 20_000 {
            turns += 1
            let stream = streams[Int.random(in: 0..<streams.count, using: &random)]
            if turns > 1_500 || (turns > 300 && Int.random(in: 0..<8, using: &random) == 0) {
                rig.window(.client, stream, UInt32.random(in: 1...300_000, using: &random))
            }
            if let left = rest[stream] {
                let sent = server.send(&rig, stream, left, end: true)
                rest[stream] = sent == left.count ? nil : left.dropFirst(sent)
            }
            wasPressed = wasPressed || server.initial == 0
            for frame in rig.take(.client) where frame.type == .data {
                got[frame.stream, default: []] += frame.payload
                if frame.endsStream { ended.insert(frame.stream) }
            }
        }
        #expect(wasPressed)
        #expect(ended.count == streams.count, "after \(turns) turns")
        #expect(got == bodies)
        #expect(rig.relay.original.held == 0)
    }

    @Test("are no reason to send more than there is room for: that still ends the stream")
    func violation() {
        var rig = Rig(client: [Setting(.initialWindowSize, 0)])
        rig.window(.client, 0, 1 << 30)
        var server = BodySender(.original)
        for stream in Self.stuck {
            rig.request(stream, .request())
            rig.headers(.original, stream, [":status": "200"], end: false)
            server.open(stream)
            _ = server.send(&rig, stream, count: 300_000)
        }
        _ = rig.take(.client)
        // Counted before room was taken, sent after that was acknowledged: once, and not for ever.
        rig.data(.original, 239, [UInt8](repeating: 1, count: 16_384))
        #expect(rig.take(.client).isEmpty)
        for _ in 0..<16 { rig.data(.original, 239, [UInt8](repeating: 1, count: 16_384)) }
        #expect(rig.take(.client).map { [Int($0.stream), $0.number] } == [[239, 3]])
        // An end needs no room.
        rig.data(.original, 237, [], end: true)
        #expect(rig.take(.client).last?.endsStream == true)
    }
}
