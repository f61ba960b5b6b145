import HTTP2Wire
import NIOCore
import ProxyCore
import Testing

@testable import HTTP2Relay

@Suite("An HTTP/2 relay under pressure")
struct PressureTests {
    @Test("holds no byte it has read, though every read ends in the middle of a frame", .timeLimit(.minutes(5)))
    func inboxStaysSmall() {
        var rig = Rig()
        rig.request(1, .request())
        rig.headers(.original, 1, [":status": "200"], end: false)
        for stream: UInt32 in [0, 1] { rig.window(.client, stream, 1 << 30) }
        let frame = ScriptedEnd.frame(.data, [], 1, [UInt8](repeating: 7, count: 16_384))
        let half = frame.count / 2
        let chunk = Array(frame[half...]) + frame + frame + frame + frame[..<half]
        rig.relay.receive(ByteBuffer(bytes: frame[..<half]), from: .original)
        var passed = 0
        for _ in 0..<1_024 {
            rig.relay.receive(ByteBuffer(bytes: chunk), from: .original)
            while rig.relay.step() != .wait {}
            passed += rig.relay.takeOutput(.client)?.readableBytes ?? 0
            _ = rig.relay.takeOutput(.original)
        }
        #expect(passed > 64 << 20)
        #expect(rig.relay.original.inbox.storageCapacity < 256 << 10)
    }

    @Test("lets the ends and trailers of other streams pass while a body waits for the connection's window")
    func emptyConnectionWindow() {
        let wide = [Setting(.initialWindowSize, 1 << 20)]
        let body = [UInt8](repeating: 1, count: 100_000)
        var rig = Rig(client: wide, original: wide)
        for stream: UInt32 in [1, 3, 5] { rig.request(stream, .request(method: "POST"), end: false) }
        _ = rig.take(.original)
        rig.data(.client, 1, body)
        rig.request(3, ["x-checksum": "7"])
        rig.data(.client, 5, [], end: true)
        let up = rig.take(.original)
        #expect(up.filter { $0.stream == 1 }.reduce(0) { $0 + $1.payload.count } == 65_535)
        #expect(up.filter(\.endsStream).map(\.stream) == [3, 5])
        rig.window(.original, 0, 1 << 20)
        #expect(rig.take(.original).reduce(0) { $0 + $1.payload.count } == 100_000 - 65_535)

        for stream: UInt32 in [1, 3, 5] { rig.headers(.original, stream, [":status": "200"], end: false) }
        _ = rig.take(.client)
        rig.data(.original, 1, body)
        rig.headers(.original, 3, ["grpc-status": "0"])
        rig.data(.original, 5, [], end: true)
        let down = rig.take(.client)
        #expect(down.filter { $0.stream == 1 }.reduce(0) { $0 + $1.payload.count } == 65_535)
        #expect(down.filter(\.endsStream).map(\.stream) == [3, 5])
        rig.window(.client, 0, 1 << 20)
        #expect(rig.take(.client).reduce(0) { $0 + $1.payload.count } == 100_000 - 65_535)
        #expect(rig.relay.original.held == 0)
    }

    @Test("takes SETTINGS that name the window thousands of times as their last word", .timeLimit(.minutes(5)))
    func repeatedWindows() {
        var rig = Rig()
        for index in 0..<3_000 { rig.request(UInt32(index * 2 + 1), .request()) }
        rig.headers(.original, 1, [":status": "200"], end: false)
        _ = rig.take(.client)
        rig.data(.original, 1, [1, 2, 3, 4, 5, 6, 7, 8])
        _ = rig.take(.client)
        let change = (0..<1_365).flatMap { _ in
            [Setting(.initialWindowSize, 1 << 20), Setting(.initialWindowSize, 12)]
        }
        let frame = ScriptedEnd.settings(change)
        for _ in 0..<10 { rig.send(.client, frame) }
        rig.data(.original, 1, [9, 10, 11, 12, 13, 14])
        #expect(rig.take(.client).map(\.payload) == [[9, 10, 11, 12]])
    }

    @Test("opens no more connections of one route than a process has files for, and lets go of those nobody waits for")
    func boundedLaptops() {
        var rig = Rig()
        rig.route.isBounded = true
        for index in 0..<70 { rig.request(UInt32(index * 2 + 1), .request(user: "alice")) }
        #expect(rig.takeActions() == (0..<64).map { .connect($0, rig.route) })
        #expect(rig.take(.original).count == 6)
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.take(.client).first?.fields.last == "x-detour-reason: local-refused")
        rig.reset(.client, 9, .cancel)
        #expect(rig.takeActions() == [.disconnect(4)])
        rig.request(201, .request(user: "alice"))
        #expect(rig.takeActions() == [.connect(64, rig.route)])
    }
}
