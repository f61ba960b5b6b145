import HTTP2Wire
import NIOCore
import ProxyCore
import TestSupport
import Testing

@testable import HTTP2Relay

@Suite("The window that bodies begin with", .timeLimit(.minutes(5)))
struct InitialWindowTests {
    /// Says which window bodies begin with, in a frame that comes alone.
    private func say(_ rig: inout Rig, _ peer: Peer, _ sizes: Int...) {
        rig.send(peer, ScriptedEnd.settings(sizes.map { Setting(.initialWindowSize, UInt32($0)) }))
    }

    /// Opens streams whose bodies go to `receiver`.
    private func open(_ rig: inout Rig, _ count: Int, to receiver: Peer) -> [UInt32] {
        let streams = (0..<count).map { UInt32($0 * 2 + 1) }
        for stream in streams {
            rig.request(stream, .request(method: "POST"), end: receiver == .client)
            if receiver == .client { rig.headers(.original, stream, [":status": "200"], end: false) }
        }
        _ = rig.take(receiver)
        return streams
    }

    private func bodyBytes(_ rig: inout Rig, _ peer: Peer) -> Int {
        rig.take(peer, [.data]).reduce(0) { $0 + $1.payload.count }
    }

    @Test(
        "is changed hundreds of times at the price of the frames, whatever waits for it",
        arguments: [Peer.client, .original]
    )
    func flood(receiver: Peer) {
        let begin = [Setting(.initialWindowSize, 100)]
        var rig = receiver == .client ? Rig(client: begin) : Rig(original: begin)
        let streams = self.open(&rig, 400, to: receiver)
        rig.window(receiver, 0, 1 << 30)
        for stream in streams {
            rig.data(receiver == .client ? .original : .client, stream, [UInt8](repeating: 1, count: 110))
        }
        #expect(self.bodyBytes(&rig, receiver) == 400 * 100)
        let before = rig.relay.looks
        for _ in 0..<200 {
            self.say(&rig, receiver, 0)
            self.say(&rig, receiver, 100)
        }
        #expect(rig.relay.looks == before, "no window was open")
        // Open and shut again before anything could be sent: no work either.
        rig.send(receiver, [200, 0].flatMap { ScriptedEnd.settings([Setting(.initialWindowSize, $0)]) })
        #expect(rig.relay.looks == before)
        #expect(self.bodyBytes(&rig, receiver) == 0)
        self.say(&rig, receiver, 101)
        #expect(self.bodyBytes(&rig, receiver) == 400)
        #expect(rig.relay.looks - before == 800, "each has sent its byte, and waits again")
        self.say(&rig, receiver, 1_000)
        #expect(self.bodyBytes(&rig, receiver) == 400 * 9)
    }

    @Test("is not what a body waits for whose own window is opened: that takes its turn behind the others")
    func turns() {
        var rig = Rig(client: [Setting(.initialWindowSize, 10)])
        _ = self.open(&rig, 3, to: .client)
        rig.data(.original, 5, [UInt8](repeating: 5, count: 20))
        #expect(rig.take(.client).map(\.payload.count) == [10])
        rig.relay.setWritable(.client, false)
        rig.data(.original, 1, [1])
        rig.window(.client, 5, 5)
        rig.data(.original, 3, [3])
        rig.relay.setWritable(.client, true)
        rig.run()
        #expect(rig.take(.client).map(\.stream) == [1, 5, 3])
    }

    @Test("costs no more while senders hear of their receivers' windows only, and they do hear of them")
    func floodUnderPressure() {
        var rig = Rig(client: [Setting(.initialWindowSize, 0)])
        var server = BodySender(.original)
        rig.window(.client, 0, 1 << 30)
        let streams = self.open(&rig, 400, to: .client)
        for stream in streams { server.open(stream) }
        for stream in streams.prefix(40) { _ = server.send(&rig, stream, count: Bounds.streamWindow) }
        #expect(server.initial == 0)
        let idle = streams.dropFirst(40)
        server.listen(&rig)
        // They have used up what they were promised.
        for stream in idle { rig.window(.client, stream, UInt32(Bounds.streamWindow)) }
        server.listen(&rig)
        for stream in idle {
            while server.send(&rig, stream, count: 65_536) > 0 {}
        }
        #expect(idle.allSatisfy { server.windows[$0] == 0 })
        _ = rig.take(.client)

        let before = rig.relay.looks
        self.say(&rig, .client, 64)
        server.listen(&rig)
        #expect(idle.allSatisfy { server.windows[$0] == 64 }, "the room is theirs")
        let first = rig.relay.looks - before
        #expect(first <= 1_200)
        for _ in 0..<200 {
            self.say(&rig, .client, 0)
            self.say(&rig, .client, 64)
        }
        #expect(rig.relay.looks - before == first, "nobody gets it twice")
        server.listen(&rig)
        #expect(idle.allSatisfy { server.windows[$0] == 64 })
        // Half as much again as there is in all is worth a frame, and less is not.
        for (size, room) in [(126, 64), (127, 127), (252, 127), (253, 253)] {
            self.say(&rig, .client, size)
            server.listen(&rig)
            #expect(idle.allSatisfy { server.windows[$0] == room }, "\(size)")
        }
    }

    @Test("may make no window larger than there are: that ends the connection; RFC 9113 section 6.9.2")
    func overflow() {
        let largest = Bounds.largestWindow
        var rig = Rig()
        _ = self.open(&rig, 3, to: .client)
        rig.window(.client, 3, 1_000)
        self.say(&rig, .client, largest - 1_000)
        #expect(rig.take(.client).isEmpty)
        var other = rig
        self.say(&rig, .client, largest - 999)
        #expect(rig.take(.client).map { [Int($0.type.rawValue), $0.number] } == [[Int(FrameType.goAway.rawValue), 3]])
        #expect(rig.takeActions() == [.closeAll])
        #expect(rig.take(.client, [.settings]).isEmpty)
        // In the order they come: the last word does not make the one before it good.
        self.say(&other, .client, largest, 0)
        #expect(other.takeActions() == [.closeAll])
    }

    @Test("may be large once a wide window has been used up, or its stream is over")
    func usedUp() {
        let largest = Bounds.largestWindow
        var rig = Rig(client: [Setting(.initialWindowSize, 10)])
        _ = self.open(&rig, 3, to: .client)
        rig.window(.client, 1, 2_000)
        rig.window(.client, 3, 3_000)
        rig.data(.original, 1, [UInt8](repeating: 1, count: 1_500))
        rig.reset(.client, 3, .cancel)
        self.say(&rig, .client, largest - 500)
        #expect(rig.takeActions().isEmpty)
        #expect(rig.take(.client).map(\.payload.count) == [1_500])
        self.say(&rig, .client, largest - 499)
        #expect(rig.takeActions() == [.closeAll])

        rig = Rig(client: [Setting(.initialWindowSize, 10)])
        _ = self.open(&rig, 1, to: .client)
        rig.window(.client, 1, 2_000)
        rig.data(.original, 1, [UInt8](repeating: 1, count: 2_000))
        self.say(&rig, .client, largest)
        #expect(rig.takeActions().isEmpty)
    }

    @Test("that a server makes too large ends its connection, a laptop's only its own")
    func overflowAtServers() {
        let largest = Bounds.largestWindow
        var rig = Rig()
        _ = self.open(&rig, 1, to: .original)
        rig.window(.original, 1, 1)
        self.say(&rig, .original, largest)
        #expect(rig.take(.original).map(\.number) == [3])
        #expect(rig.takeActions() == [.closeAll])

        rig = Rig()
        rig.request(1, .request(user: "alice", method: "POST"), end: false)
        rig.acceptLaptop()
        rig.window(.laptop(0), 1, 1)
        _ = rig.takeActions()
        self.say(&rig, .laptop(0), largest)
        #expect(rig.takeActions() == [.disconnect(0)])
        #expect(rig.relay.laptops.isEmpty)
        #expect(rig.take(.client).map(\.type) == [.headers, .data, .resetStream])
        rig.request(3, .request())
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.take(.client).map(\.stream) == [3])
    }

    @Test("of a laptop that goes away is nothing to a request that went elsewhere")
    func anotherServer() {
        var rig = Rig()
        for stream: UInt32 in [1, 3] { rig.request(stream, .request(user: "alice", method: "POST"), end: false) }
        rig.acceptLaptop(0, [Setting(.initialWindowSize, 0)])
        rig.window(.laptop(0), 3, 1 << 20)
        rig.goAway(.laptop(0), last: 1)
        rig.acceptLaptop(1, [Setting(.initialWindowSize, 4)])
        _ = rig.take(.laptop(1))
        rig.data(.client, 3, [1, 2, 3, 4, 5, 6])
        #expect(rig.take(.laptop(1)).map(\.payload.count) == [4])
        rig.window(.laptop(1), 1, (1 << 20) + 4)
        #expect(rig.take(.laptop(1)).map(\.payload.count) == [2])
        _ = rig.takeActions()
        // The first laptop has widened no stream that it still has.
        self.say(&rig, .laptop(0), Bounds.largestWindow)
        #expect(rig.takeActions().isEmpty)
        #expect(rig.take(.client).isEmpty)
        self.say(&rig, .laptop(1), Bounds.largestWindow)
        #expect(rig.takeActions() == [.disconnect(1)])
    }

    @Test("is remembered of no stream that is over", arguments: [Peer.client, .original])
    func forgotten(receiver: Peer) {
        let begin = [Setting(.initialWindowSize, 0)]
        var rig = receiver == .client ? Rig(client: begin) : Rig(original: begin)
        var sender = BodySender(receiver == .client ? .original : .client)
        rig.window(receiver, 0, 1 << 30)
        let streams = self.open(&rig, 60, to: receiver)
        if receiver == .original { rig.send(.client, ScriptedEnd.frame(.settings, .acknowledgement)) }
        for stream in streams {
            sender.open(stream)
            rig.window(receiver, stream, 1)
            _ = sender.send(&rig, stream, count: stream < 90 ? Bounds.streamWindow : 1)
        }
        for stream in streams.suffix(5) { rig.window(receiver, stream, 7) }
        let link = rig.relay[receiver]
        #expect(link.starved.count > 30 && link.widest.count > 0 && link.roomless.count > 0)
        for stream in streams { rig.reset(stream % 4 == 1 ? .client : .original, stream, .cancel) }
        let after = rig.relay[receiver]
        #expect(rig.relay.streams.isEmpty)
        #expect([after.starved.count, after.widest.count, after.roomless.count] == [0, 0, 0])
    }

    @Test(
        "changes at any time: what its receiver takes is sent, and no more, and senders hear of their room",
        arguments: 0..<3,
        [Peer.client, .original]
    )
    func random(seed: UInt64, receiver: Peer) {
        var random = SplitMix64(seed: seed)
        var rig = Rig()
        var sender = BodySender(receiver == .client ? .original : .client)
        let streams = self.open(&rig, 50, to: receiver)
        sender.listen(&rig)
        if receiver == .original { rig.send(.client, ScriptedEnd.frame(.settings, .acknowledgement)) }
        for stream in streams { sender.open(stream) }
        var (initial, connection) = (65_535, 65_535)
        var balances: [UInt32: Int] = [:]
        var sent: [UInt32: Int] = [:]
        var got: [UInt32: Int] = [:]
        var wasPressed = false
        var wrong: [String] = []
        for turn in 0..<1_200 {
            let stream = streams[Int.random(in: 0..<streams.count, using: &random)]
            switch Int.random(in: 0..<10, using: &random) {
            case 0...4:
                let count = Int.random(in: 1...200_000, using: &random)
                sent[stream, default: 0] += sender.send(&rig, stream, count: count)
            case 5:
                let increment = Int.random(in: 1...(turn < 600 ? 2_000 : 100_000), using: &random)
                balances[stream, default: 0] += increment
                rig.window(receiver, stream, UInt32(increment))
            case 6:
                let increment = Int.random(in: 1...100_000, using: &random)
                connection += increment
                rig.window(receiver, 0, UInt32(increment))
            case 7:
                let sizes = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    Int.random(in: 0...(turn % 3 == 0 ? 90_000 : 30), using: &random)
                }
                initial = sizes.last ?? initial
                rig.send(receiver, sizes.flatMap { ScriptedEnd.settings([Setting(.initialWindowSize, UInt32($0))]) })
            default:
                initial = Int.random(in: 0...1_000, using: &random)
                self.say(&rig, receiver, initial)
            }
            sender.listen(&rig)
            for frame in rig.take(receiver, [.data]) {
                let count = frame.payload.count
                let room = min(connection, initial + balances[frame.stream, default: 0])
                if count > room { wrong.append("turn \(turn): \(frame.stream) got \(count) for \(room)") }
                connection -= count
                balances[frame.stream, default: 0] -= count
                got[frame.stream, default: 0] += count
            }
            wasPressed = wasPressed || sender.initial == 0
            for stream in streams {
                let window = initial + balances[stream, default: 0]
                let waiting = sent[stream, default: 0] - got[stream, default: 0]
                if waiting > 0, window > 0, connection > 0 { wrong.append("turn \(turn): \(stream) could go on") }
                guard sender.initial == 0 else { continue }
                let room = min(max(window, 0), Bounds.streamWindow)
                let missing = room - waiting - sender.windows[stream, default: 0]
                if missing > 0, missing >= room / 2 {
                    wrong.append("turn \(turn): \(stream) has not heard of \(missing)")
                }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(3))")
        #expect(wasPressed)
    }
}
