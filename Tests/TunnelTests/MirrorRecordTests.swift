import NIOCore
import TestSupport
import Testing

@testable import Tunnel

@Suite("A mirror's records")
struct MirrorRecordTests {
    private static func bytes(_ records: [MirrorRecord]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for piece in records.flatMap(\.pieces) { buffer.writeImmutableBuffer(piece) }
        return buffer
    }

    @Test("arrive as they were sent, in any pieces", arguments: 0..<50 as Range<UInt64>)
    func pieces(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let request = String(repeating: "q", count: Int.random(in: 0..<300, using: &random))
        var whole = Self.bytes([
            .missed(.busy, count: 3), .missed(.tooLong, count: 1), .request(ByteBuffer(string: request)),
            .response(ByteBuffer(string: "answer")), .missed(.busy, count: 2), .end,
        ])
        var exchange = MirroredExchange()
        var held = ByteBuffer()
        while whole.readableBytes > 0 {
            #expect(!exchange.isWhole)
            let count = Int.random(in: 1...min(40, whole.readableBytes), using: &random)
            let piece = whole.readSlice(length: count)
            held.writeImmutableBuffer(try #require(piece))
            try exchange.add(from: &held)
        }
        #expect(exchange.isWhole)
        #expect(String(buffer: exchange.request) == request)
        #expect(String(buffer: exchange.response) == "answer")
        #expect(exchange.missed == [.busy: 5, .tooLong: 1])
    }

    @Test("of kinds and reasons that are not known are passed over")
    func unknown() throws {
        var buffer = ByteBuffer(bytes: [9, 0, 0, 0, 2, 1, 2, 3, 0, 0, 0, 5, 99, 0, 0, 0, 1])
        buffer.writeImmutableBuffer(Self.bytes([.request(ByteBuffer(string: "a")), .end]))
        var exchange = MirroredExchange()
        try exchange.add(from: &buffer)
        #expect(exchange.isWhole && exchange.missed.isEmpty && String(buffer: exchange.request) == "a")
    }

    @Test("longer than is ever copied are refused, in one piece or in many")
    func tooLong() throws {
        var announced = ByteBuffer(bytes: [1, 0, 0x10, 0, 1])
        #expect(throws: TunnelError.self) {
            var exchange = MirroredExchange()
            try exchange.add(from: &announced)
        }
        let half = ByteBuffer(repeating: 0, count: MirroredExchange.longest / 2 + 1)
        var twice = Self.bytes([.response(half), .response(half)])
        #expect(throws: TunnelError.self) {
            var exchange = MirroredExchange()
            try exchange.add(from: &twice)
        }
        var most = Self.bytes([.request(ByteBuffer(repeating: 0, count: MirroredExchange.longest)), .end])
        var exchange = MirroredExchange()
        try exchange.add(from: &most)
        #expect(exchange.isWhole)
    }

    @Test("are announced by a field of the PROXY header")
    func header() throws {
        var header = ProxyHeader(source: nil, destination: nil, route: "r", servicePort: 80)
        #expect(!header.isMirror)
        header.isMirror = true
        var bytes = header.encoded()
        let read = try #require(try ProxyHeader.parse(&bytes))
        #expect(read.isMirror && read.route == "r")
        header.isMirror = false
        #expect(header.fields.isEmpty)
    }
}
