import HTTP2Wire
import NIOCore
import ProxyCore
import TestSupport
import Testing

@testable import HTTP2Relay

@Suite("Bodies over HTTP/2")
struct FlowTests {
    @Test("of which one is not read: no more than its window is held, and the others pass")
    func slowReader() {
        var rig = Rig(client: [Setting(.initialWindowSize, 10)])
        rig.window(.client, 0, 1 << 30)
        for stream: UInt32 in [1, 3] {
            rig.request(stream, .request())
            rig.headers(.original, stream, [":status": "200"], end: false)
        }
        rig.window(.client, 3, 1 << 30)
        _ = rig.take(.client)
        _ = rig.take(.original)
        rig.data(.original, 1, [UInt8](repeating: 1, count: Bounds.streamWindow))
        #expect(rig.take(.client).map(\.payload.count) == [10])
        #expect(rig.take(.original, [.windowUpdate]).allSatisfy { $0.stream == 0 }, "no news for the body that waits")
        #expect(rig.relay.original.held == Bounds.streamWindow - 10)

        var passed = 0
        for _ in 0..<64 {
            rig.data(.original, 3, [UInt8](repeating: 3, count: 64 << 10))
            passed += rig.take(.client).reduce(0) { $0 + ($1.stream == 3 ? $1.payload.count : 0) }
        }
        #expect(passed == 4 << 20)
        #expect(rig.take(.original, [.windowUpdate]).contains { $0.stream == 3 })

        // One byte more than the window is the end of that stream only.
        rig.data(.original, 1, [1])
        #expect(rig.take(.client).map(\.type) == [.resetStream])
        #expect(rig.relay.original.held == 0)
        rig.data(.original, 3, [3], end: true)
        #expect(rig.take(.client).last?.endsStream == true)
    }

    @Test("of which too many are not read: their sender is stopped, and goes on when they are")
    func heldBytes() {
        var rig = Rig(client: [Setting(.initialWindowSize, 0)])
        let streams = (0..<80).map { UInt32($0 * 2 + 1) }
        for stream in streams {
            rig.request(stream, .request())
            rig.headers(.original, stream, [":status": "200"], end: false)
        }
        var sent = 0
        var window = Bounds.connectionWindow
        for stream in streams where window >= Bounds.streamWindow {
            rig.data(.original, stream, [UInt8](repeating: 1, count: Bounds.streamWindow))
            sent += Bounds.streamWindow
            window -= Bounds.streamWindow
            window += rig.take(.original, [.windowUpdate]).reduce(0) { $0 + ($1.stream == 0 ? $1.number : 0) }
        }
        #expect(sent >= Bounds.heldBytes)
        #expect(sent <= Bounds.heldBytes + Bounds.connectionWindow)
        rig.window(.client, 0, 1 << 30)
        for stream in streams { rig.window(.client, stream, 1 << 24) }
        #expect(rig.take(.original, [.windowUpdate]).contains { $0.stream == 0 })
        #expect(rig.take(.client).reduce(0) { $0 + $1.payload.count } == sent)
    }

    @Test(
        "of which the last part waits here reach the client though their server has reset the stream, and nothing goes to that",
        arguments: [ErrorCode.noError, .internalError, .cancel]
    )
    func resetAfterEnd(code: ErrorCode) {
        var rig = Rig(client: [Setting(.initialWindowSize, 4)], original: [Setting(.initialWindowSize, 3)])
        rig.request(1, .request(method: "POST"), end: false)
        rig.data(.client, 1, [1, 2, 3, 4, 5])
        rig.headers(.original, 1, [":status": "413"], end: false)
        rig.data(.original, 1, [UInt8](repeating: 7, count: 200_000), end: true)
        #expect(rig.take(.original).map(\.payload.count) == [0, 3])
        rig.reset(.original, 1, code)
        #expect(rig.take(.client).map(\.payload.count) == [0, 4])
        rig.send(.original, ScriptedEnd.settings([Setting(.initialWindowSize, 100)]))
        rig.window(.client, 0, 1 << 20)
        rig.window(.client, 1, 1 << 20)
        let seen = rig.take(.client)
        #expect(seen.filter { $0.type == .data }.reduce(0) { $0 + $1.payload.count } == 199_996)
        #expect(seen.dropLast().last?.endsStream == true)
        #expect(seen.last?.type == .resetStream)
        #expect(seen.last?.number == Int(code.rawValue))
        let late = rig.take(.original, [.headers, .data, .resetStream, .windowUpdate])
        #expect(late.allSatisfy { $0.stream == 0 }, "the stream is over there")
        #expect(rig.relay.streams.isEmpty)
        #expect(rig.relay.original.held == 0)
        #expect(rig.relay.client.held == 0)
    }

    @Test("that wait here for a client which gives up are not held any longer, their server's reset or not")
    func resetOfATail() {
        var rig = Rig(client: [Setting(.initialWindowSize, 4)])
        rig.request(1, .request(method: "POST"), end: false)
        rig.headers(.original, 1, [":status": "413"], end: false)
        rig.data(.original, 1, [UInt8](repeating: 7, count: 100), end: true)
        rig.reset(.original, 1, .cancel)
        #expect(rig.relay.original.held == 96)
        rig.reset(.client, 1, .cancel)
        #expect(rig.relay.original.held == 0)
    }

    @Test("for a socket that takes nothing wait in their queues, and go out in turn when it does")
    func blockedSocket() {
        var rig = Rig()
        for stream: UInt32 in [1, 3] {
            rig.request(stream, .request())
            rig.headers(.original, stream, [":status": "200"], end: false)
        }
        _ = rig.take(.client)
        rig.relay.setWritable(.client, false)
        rig.data(.original, 1, [UInt8](repeating: 1, count: 30_000), end: true)
        rig.data(.original, 3, [UInt8](repeating: 3, count: 20_000), end: true)
        #expect(rig.take(.client).isEmpty)
        #expect(rig.relay.wantsBytes(.client))
        rig.relay.setWritable(.client, true)
        rig.run()
        let seen = rig.take(.client)
        #expect(seen.prefix(2).map(\.stream) == [1, 3])
        #expect(seen.reduce(0) { $0 + $1.payload.count } == 50_000)
    }

    @Test("are read no more from a client that takes no answers to what it asks")
    func congestion() {
        var rig = Rig()
        rig.relay.setWritable(.client, false)
        let ping = ScriptedEnd.frame(.ping, .acknowledgement, 0, [0, 0, 0, 0, 0, 0, 0, 1])
        for _ in 0..<20 { rig.send(.original, [[UInt8]](repeating: ping, count: 1_000).flatMap { $0 }) }
        #expect(!rig.relay.wantsBytes(.client))
        #expect(!rig.relay.wantsBytes(.original))
        rig.relay.setWritable(.client, true)
        #expect(rig.relay.wantsBytes(.client))
    }

    @Test("follow a change of the window in the middle, below zero too")
    func windowChange() {
        var rig = Rig(client: [Setting(.initialWindowSize, 100)])
        rig.request(1, .request())
        rig.headers(.original, 1, [":status": "200"], end: false)
        rig.data(.original, 1, [UInt8](repeating: 1, count: 300))
        #expect(rig.take(.client).last?.payload.count == 100)
        rig.send(.client, ScriptedEnd.settings([Setting(.initialWindowSize, 50)]))
        rig.window(.client, 1, 50)
        #expect(rig.take(.client).isEmpty)
        rig.send(.client, ScriptedEnd.settings([Setting(.initialWindowSize, 60)]))
        #expect(rig.take(.client).map(\.payload.count) == [10])
    }

    @Test("pass whole, whatever the order of windows, parts and ends", arguments: 0..<100)
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = Rig(client: [Setting(.initialWindowSize, UInt32.random(in: 0...2_000, using: &random))])
        let streams: [UInt32] = [1, 3, 5, 7]
        var sent: [UInt32: [UInt8]] = [:]
        var got: [UInt32: [UInt8]] = [:]
        var ended: Set<UInt32> = []
        var windows = 0
        for stream in streams {
            rig.request(stream, .request())
            rig.headers(.original, stream, [":status": "200"], end: false)
        }
        for step in 0..<400 {
            let stream = streams[Int.random(in: 0..<4, using: &random)]
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let bytes = [UInt8](repeating: UInt8(step & 255), count: Int.random(in: 0..<3_000, using: &random))
                if (sent[stream]?.count ?? 0) + bytes.count < 200_000 {
                    rig.data(.original, stream, bytes)
                    sent[stream, default: []] += bytes
                }
            case 2:
                rig.window(.client, stream, UInt32.random(in: 1...5_000, using: &random))
                windows += 1
            default: rig.window(.client, 0, UInt32.random(in: 1...5_000, using: &random))
            }
        }
        for stream in streams {
            rig.data(.original, stream, [], end: true)
            rig.window(.client, stream, 1 << 24)
        }
        rig.window(.client, 0, 1 << 26)
        for frame in rig.take(.client) where frame.type == .data {
            #expect(!ended.contains(frame.stream))
            got[frame.stream, default: []] += frame.payload
            if frame.endsStream { ended.insert(frame.stream) }
        }
        #expect(ended == Set(streams))
        for stream in streams { #expect(got[stream] ?? [] == sent[stream] ?? []) }
        #expect(rig.relay.original.held == 0)
        #expect(!rig.relay.isBusy)
    }

    @Test("that break the rules end the connection with the code that says so")
    func violations() {
        let frame = ScriptedEnd.frame
        let cases: [([UInt8], Int)] = [
            (frame(.data, [], 1, [1]), 1), (frame(.data, [], 0, [1]), 1), (frame(.headers, .endHeaders, 2, [0x82]), 1),
            (frame(.headers, .endHeaders, 1, [0xff, 0xff]), 9), (frame(.ping, [], 0, [1]), 6),
            (frame(.settings, [], 0, [1]), 6), (frame(.windowUpdate, [], 0, [0, 0, 0, 0]), 1),
            (frame(.windowUpdate, [], 0, [0x7f, 255, 255, 255]), 3), (frame(.pushPromise, .endHeaders, 1, []), 1),
            (frame(.continuation, .endHeaders, 1, []), 1),
            (frame(.headers, [], 1, [0x82]) + frame(.ping, [], 0, []), 1),
            (frame(.data, .padded, 1, [9]), 1), ([1, 0, 0, 0, 0, 0, 0, 0, 1], 6),
            (frame(.resetStream, [], 9, [0, 0, 0, 8]), 1),
        ]
        for (bytes, code) in cases {
            var rig = Rig()
            rig.send(.client, bytes)
            #expect(rig.take(.client).last?.number == code, "\(bytes)")
            #expect(rig.takeActions() == [.closeAll], "\(bytes)")
        }
    }

    @Test("and 20000 streams opened and reset at once pass to the original, and leave nothing behind")
    func resetFlood() {
        var rig = Rig()
        for index in 0..<20_000 {
            let stream = UInt32(index * 2 + 1)
            let open = rig.ends[.client]?.headers(stream, .request(), end: true) ?? []
            rig.send(.client, open + ScriptedEnd.frame(.resetStream, [], stream, [0, 0, 0, 8]))
        }
        #expect(rig.take(.original).count == 40_000)
        #expect(rig.relay.streams.isEmpty)
        #expect(rig.relay.original.streams.isEmpty)
    }

    @Test("of arbitrary frames are read or refused, and never trap", arguments: 0..<300)
    func arbitrary(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = Rig()
        rig.request(1, .request(user: "alice"), end: false)
        rig.request(3, .request(), end: false)
        rig.acceptLaptop()
        for _ in 0..<60 {
            let peer = [Peer.client, .original, .laptop(0)][Int.random(in: 0..<3, using: &random)]
            let payload = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                UInt8.random(in: 0...8, using: &random)
            }
            let frame = ScriptedEnd.frame(
                FrameType(rawValue: UInt8.random(in: 0...10, using: &random)),
                FrameFlags(rawValue: UInt8.random(in: 0...63, using: &random)),
                UInt32.random(in: 0...6, using: &random),
                payload
            )
            switch Int.random(in: 0..<30, using: &random) {
            case 0: rig.relay.ended(peer)
            case 1: rig.relay.laptopFailed(0, .tunnelReset)
            case 2: rig.relay.setWritable(peer, Bool.random(using: &random))
            case 3: rig.request(UInt32.random(in: 2...20, using: &random) * 2 + 1, .request(user: "alice"))
            default: break
            }
            rig.send(peer, frame)
        }
        rig.relay.wasReset(.client)
        rig.run()
        #expect(rig.relay.streams.isEmpty)
    }
}
