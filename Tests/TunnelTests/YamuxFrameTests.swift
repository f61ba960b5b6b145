import NIOCore
import TestSupport
import Testing

@testable import Tunnel

@Suite("Yamux frames, read and written")
struct YamuxFrameTests {
    @Test(
        "A header has its documented bytes",
        arguments: [
            (YamuxHeader(.data, stream: 3, length: 5), [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5]),
            (
                YamuxHeader(.windowUpdate, flags: .syn, stream: 1, length: 786_432),
                [0, 1, 0, 1, 0, 0, 0, 1, 0, 12, 0, 0]
            ),
            (
                YamuxHeader(.windowUpdate, flags: [.ack, .fin], stream: 0xffff_fffe),
                [0, 1, 0, 6, 255, 255, 255, 254, 0, 0, 0, 0]
            ),
            (YamuxHeader(.windowUpdate, flags: .rst, stream: 2), [0, 1, 0, 8, 0, 0, 0, 2, 0, 0, 0, 0]),
            (YamuxHeader(.ping, flags: .syn, length: 0x0102_0304), [0, 2, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]),
            (YamuxHeader(.goAway, length: 1), [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ] as [(YamuxHeader, [UInt8])]
    )
    func headerBytes(_ header: YamuxHeader, _ bytes: [UInt8]) throws {
        #expect(header.bytes == bytes)
        var buffer = ByteBuffer(bytes: bytes)
        let word = buffer.readInteger(as: UInt64.self) ?? 0
        let length = buffer.readInteger(as: UInt32.self) ?? 0
        #expect(try YamuxHeader(leadingWord: word, length: length) == header)
    }

    @Test("A header goes right before a payload that left room, and nowhere else")
    func headroom() {
        var buffer = ByteBuffer(bytes: [UInt8](repeating: 9, count: 12) + [1, 2, 3])
        buffer.moveReaderIndex(to: 12)
        #expect(YamuxHeader(.data, stream: 7, length: 3).prepend(to: &buffer))
        #expect(Array(buffer.readableBytesView) == data(7, [1, 2, 3]))
        var tight = ByteBuffer(bytes: [1, 2, 3])
        #expect(!YamuxHeader(.data, stream: 7, length: 3).prepend(to: &tight))
        #expect(Array(tight.readableBytesView) == [1, 2, 3])
    }

    struct Refused: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]
    }

    @Test(
        "What no honest client sends ends the session",
        arguments: [
            Refused(testDescription: "version 1", bytes: frame(version: 1, type: 0)),
            Refused(testDescription: "an unknown type", bytes: frame(type: 4)),
            Refused(testDescription: "unknown flags", bytes: frame(type: 1, flags: 0x10, stream: 1)),
            Refused(testDescription: "data for stream 0", bytes: frame(type: 0)),
            Refused(testDescription: "opening stream 0", bytes: frame(type: 1, flags: 1)),
            Refused(testDescription: "opening an even stream", bytes: frame(type: 1, flags: 1, stream: 2)),
            Refused(testDescription: "data for a stream never opened", bytes: data(3, [1])),
            Refused(testDescription: "data for a stream of ours never opened", bytes: data(2, [1])),
            Refused(
                testDescription: "opening a stream twice",
                bytes: frame(type: 1, flags: 1, stream: 1) + frame(type: 1, flags: 1, stream: 1)
            ),
            Refused(
                testDescription: "data for a number left out",
                bytes: frame(type: 1, flags: 1, stream: 3) + data(1, [1])
            ),
            Refused(testDescription: "leaving out too many numbers", bytes: frame(type: 1, flags: 1, stream: 2_051)),
            Refused(
                testDescription: "using a left-out number twice",
                bytes: [3, 1, 1].flatMap { frame(type: 1, flags: 1, stream: $0) }
            ),
            Refused(testDescription: "opening and acknowledging at once", bytes: frame(type: 1, flags: 3, stream: 1)),
            Refused(
                testDescription: "more than the window",
                bytes: frame(type: 1, flags: 1, stream: 1) + frame(type: 0, stream: 1, length: 262_145)
            ),
            Refused(
                testDescription: "4 GiB at once",
                bytes: frame(type: 1, flags: 1, stream: 1) + frame(type: 0, stream: 1, length: .max)
            ),
            Refused(
                testDescription: "4 GiB for a stream that is over",
                bytes: frame(type: 1, flags: 9, stream: 1) + frame(type: 0, stream: 1, length: .max)
            ),
            Refused(
                testDescription: "a window beyond 4 GiB",
                bytes: frame(type: 1, flags: 1, stream: 1) + frame(type: 1, stream: 1, length: .max)
            ),
            Refused(
                testDescription: "finishing twice",
                bytes: frame(type: 1, flags: 5, stream: 1) + frame(type: 1, flags: 4, stream: 1)
            ),
            Refused(
                testDescription: "data after the finish",
                bytes: frame(type: 1, flags: 5, stream: 1) + data(1, [1])
            ),
            Refused(testDescription: "a ping that is neither question nor answer", bytes: frame(type: 2)),
            Refused(testDescription: "a ping for a stream", bytes: frame(type: 2, flags: 1, stream: 1)),
            Refused(testDescription: "a go-away for a stream", bytes: frame(type: 3, stream: 1)),
        ]
    )
    func refused(_ input: Refused) {
        var session = YamuxSession(role: .server)
        let error = #expect(throws: TunnelError.self) { _ = try session.receiveAll(input.bytes) }
        #expect(error?.code == .protocolViolation)
    }

    @Test("A go-away with an error ends the session; a normal one only stops new streams")
    func goAway() throws {
        for reason: UInt32 in [1, 2, 77] {
            var session = YamuxSession(role: .client)
            let error = #expect(throws: TunnelError.self) {
                _ = try session.receiveAll(frame(type: 3, length: reason))
            }
            #expect(error?.code == .closedByPeer)
        }
        var session = YamuxSession(role: .client)
        let header = try session.open()
        #expect(try session.receiveAll(frame(type: 3)) == [.refusesStreams])
        #expect(throws: TunnelError.self) { try session.open() }
        #expect(session.send(header.stream, available: 1) != nil)
    }

    static let conversation: [UInt8] =
        frame(type: 1, flags: 1, stream: 1, length: 100)
        + data(1, Array("hello".utf8))
        + frame(type: 2, flags: 1, length: 9)
        + data(3, Array("second".utf8), flags: 1)
        + data(1, Array("bye".utf8), flags: 4)
        + frame(type: 1, flags: 8, stream: 3)
        + frame(type: 2, flags: 2, length: 4)
        + data(5, [], flags: 5)

    static let meaning: [YamuxEvent] = [
        .opened(1), .credited(1), .data(1, ByteBuffer(string: "hello")),
        .reply(YamuxHeader(.ping, flags: .ack, length: 9)),
        .opened(3), .data(3, ByteBuffer(string: "second")), .data(1, ByteBuffer(string: "bye")), .finished(1),
        .reset(3),
        .pong(4), .opened(5), .finished(5),
    ]

    @Test("A conversation means the same however it is cut in two", arguments: 0...Self.conversation.count)
    func splitInTwo(_ position: Int) throws {
        var session = YamuxSession(role: .server)
        let events =
            try session.receiveAll(Array(Self.conversation[..<position]))
            + session.receiveAll(Array(Self.conversation[position...]))
        #expect(joined(events) == Self.meaning)
    }

    @Test("A conversation means the same byte by byte")
    func byteByByte() throws {
        var session = YamuxSession(role: .server)
        let events = try Self.conversation.flatMap { try session.receiveAll([$0]) }
        #expect(joined(events) == Self.meaning)
    }

    @Test("Random bytes end a session or mean something, and never trap", arguments: 0..<200 as Range<UInt64>)
    func noise(_ seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var session = YamuxSession(role: .server)
        for _ in 0..<50 {
            var bytes = frame(
                type: UInt8.random(in: 0...3, using: &generator),
                flags: UInt16.random(in: 0...15, using: &generator),
                stream: UInt32.random(in: 0...6, using: &generator),
                length: UInt32.random(in: 0...40, using: &generator)
            )
            if Int.random(in: 0..<20, using: &generator) == 0 {
                bytes[Int.random(in: 0..<12, using: &generator)] ^= 0x80
            }
            guard (try? session.receiveAll(bytes)) != nil else { return }
        }
    }
}
