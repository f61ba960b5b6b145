import TestSupport
import Testing

@testable import HTTPWire

@Suite("The data of chunks")
struct ChunkDecoderTests {
    @Test("The data comes out whole, whatever the chunks' sizes, extensions, trailers and pieces", arguments: 1...50)
    func whole(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var data: [UInt8] = []
        var body: [UInt8] = []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let chunk = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var size = String(chunk.count, radix: 16, uppercase: Bool.random(using: &random))
            if Bool.random(using: &random) { size += ";name=\"a;b\"" }
            data += chunk
            body += Array(size.utf8) + [13, 10] + chunk + [13, 10]
        }
        body += Array((Bool.random(using: &random) ? "0\r\n\r\n" : "000;x\r\nx-sum: 1\r\n\r\n").utf8)
        // What the framer takes is what the decoder is given.
        var framer = BodyFramer.chunked()
        var decoder = ChunkDecoder()
        var decoded: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Int.random(in: 1...64, using: &random)))
            rest = rest.dropFirst(piece.count)
            #expect(piece.withUnsafeBytes { framer.take(ByteView($0)) } == piece.count)
            decoded += decoder.take(piece)
        }
        #expect(framer.isComplete)
        #expect(decoded == data)
    }
}
