import NIOCore
import NIOEmbedded
import NIOWebSocket
import TestSupport
import Testing

@testable import KubernetesClient

@Suite("WebSocket frames")
struct WebSocketTests {
    /// Reads everything, bytes given as cut.
    private func pieces(_ chunks: [[UInt8]]) throws -> [String] {
        var reader = WebSocketReader()
        var rest = ByteBuffer()
        var seen: [String] = []
        for chunk in chunks {
            rest.writeBytes(chunk)
            while let piece = try reader.next(&rest) {
                switch piece {
                case .payload(let bytes, let isFirst):
                    // Slices depend on the cuts; their sum does not.
                    let text = String(buffer: bytes)
                    if !isFirst, let last = seen.indices.last, seen[last].hasPrefix("data:") {
                        seen[last] += text
                    } else {
                        seen.append("data:" + text)
                    }
                case .endOfMessage: seen.append("end")
                case .ping(let bytes): seen.append("ping:" + String(buffer: bytes))
                case .pong: seen.append("pong")
                case .close(let code, let reason): seen.append("close:\(code ?? 0):\(reason)")
                }
            }
        }
        return seen
    }

    @Test("Frames cut at every place read the same")
    func splits() throws {
        let stream =
            serverFrame(Array("one".utf8)) + serverFrame(Array("p".utf8), opcode: 0x9)
            + serverFrame(Array("half ".utf8), isFinal: false) + serverFrame([], opcode: 0xa)
            + serverFrame(Array("whole".utf8), opcode: 0x0) + serverFrame(Array(repeating: 0x61, count: 300))
            + serverFrame([], isFinal: true) + serverFrame([0x03, 0xe8] + Array("bye".utf8), opcode: 0x8)
        let long = "data:" + String(repeating: "a", count: 300)
        let expected = [
            "data:one", "end", "ping:p", "data:half ", "pong", "data:whole", "end", long, "end", "end",
            "close:1000:bye",
        ]
        // A control frame between two parts keeps them apart in this listing only.
        for cut in 0...stream.count {
            #expect(try self.pieces([Array(stream[..<cut]), Array(stream[cut...])]) == expected, "cut at \(cut)")
        }
        #expect(try self.pieces(stream.map { [$0] }) == expected)
    }

    @Test("A message of 65,536 bytes has the long form of length")
    func longLength() throws {
        let stream = serverFrame(Array(repeating: 0x62, count: 65_536))
        #expect(try self.pieces([stream]) == ["data:" + String(repeating: "b", count: 65_536), "end"])
    }

    @Test(
        "What no server may send is refused",
        arguments: zip(
            [
                [0xc2, 0x00], [0x82, 0x80], [0x83, 0x00], [0x89, 0x7e], [0x09, 0x00], [0x80, 0x00],
                [0x82, 0x7f] + Array(repeating: 0xff, count: 8), [0x02, 0x00, 0x82, 0x00],
            ] as [[UInt8]],
            [
                .reservedBits, .masked, .unknownOpcode, .controlTooLong, .controlTooLong, .unexpectedContinuation,
                .lengthOutOfRange, .interruptedMessage,
            ] as [WebSocketReader.Violation]
        )
    )
    func violations(bytes: [UInt8], violation: WebSocketReader.Violation) {
        var buffer = ByteBuffer(bytes: bytes + [0, 200])
        var reader = WebSocketReader()
        #expect(throws: violation) {
            while try reader.next(&buffer) != nil {}
        }
    }

    @Test(
        "What is written is read back by another implementation, at every length around the borders",
        arguments: [0, 1, 2, 6, 7, 8, 9, 15, 124, 125, 126, 127, 1000, 65_533, 65_534]
    )
    func roundTrip(length: Int) throws {
        var random = SplitMix64(seed: UInt64(length))
        let payload = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
        var writer = WebSocketWriter()
        var keys: Set<UInt32> = []
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
        for _ in 0..<4 {
            let frame = writer.message(ByteBuffer(bytes: payload), channel: 7, allocator: channel.allocator)
            try channel.writeInbound(frame)
            let read = try #require(try channel.readInbound(as: WebSocketFrame.self))
            #expect(read.fin && read.opcode == .binary)
            // Not compared inside the macro, which would print all of it.
            let isSame = read.unmaskedData.readableBytesView.elementsEqual([7] + payload)
            #expect(isSame)
            keys.insert(read.maskKey.map { $0.reduce(0) { $0 << 8 | UInt32($1) } } ?? 0)
        }
        #expect(keys.count == 4)
        _ = try? channel.finish()
    }

    @Test("Random bytes are frames or a violation, never a crash", arguments: 0..<200 as Range<UInt64>)
    func noise(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var buffer = ByteBuffer(bytes: (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) })
        var reader = WebSocketReader()
        while let piece = try? reader.next(&buffer) { _ = piece }
    }
}
