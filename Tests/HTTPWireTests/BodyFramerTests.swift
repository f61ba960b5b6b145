import HTTPWire
import TestSupport
import Testing

@Suite("A body")
struct BodyFramerTests {
    @Test("of a given length ends after it, in any pieces", arguments: [1, 2, 3, 7])
    func length(step: Int) throws {
        let framed = try #require(frame(.length(5), Array("helloGET".utf8), step: step))
        #expect(framed.taken == 5)
        #expect(framed.ended)
    }

    @Test("without an end takes everything")
    func untilClose() throws {
        let framed = try #require(frame(.untilClose, Array("hello".utf8), step: 2))
        #expect(framed.taken == 5)
        #expect(!framed.ended)
    }

    @Test(
        "of chunks ends after its last line, in any pieces",
        arguments: [
            "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "A;x=\"y\"\r\n0123456789\r\n000\r\n\r\n",
            "1\r\na\r\n1\r\nb\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n",
            "0;a;b=c\r\n\r\n", "5\r\n\r\n\r\n\r\r\n0\r\nHostage: 1\r\nContent-Lengths: 1\r\n\r\n",
        ]
    )
    func chunks(text: String) throws {
        let bytes = Array((text + "GET /").utf8)
        for step in 1...bytes.count {
            let framed = try #require(frame(.chunked(), bytes, step: step))
            #expect(framed.taken == text.utf8.count)
            #expect(framed.ended)
        }
    }

    /// Row 4 of the list of bad inputs.
    @Test(
        "of chunks that another parser could read otherwise is malformed, in any pieces",
        arguments: [
            "0x5\r\nhello\r\n0\r\n\r\n", "1_0\r\n", "+5\r\nhello", "-1\r\n", "\r\n", "g\r\n", " 5\r\nhello",
            "5 \r\nhello", "5\t;a\r\n",
            "10000000000000000\r\n", "fffffffffffffffff\r\n", "0000000000000001\r\na", "5;a\nb\r\nhello",
            "5;a\rb\r\nhello", "5;\0\r\nhello",
            "5\nhello", "5\rhello", "5\r\nhelloX\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\rX",
            "0\r\nContent-Length: 5\r\n\r\n",
            "0\r\ntransfer-encoding: chunked\r\n\r\n", "0\r\nHOST: a\r\n\r\n", "0\r\nX : a\r\n\r\n",
            "0\r\n x: a\r\n\r\n", "0\r\n: a\r\n\r\n",
            "0\r\nX: a\nY: b\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\n\rX", "0\r\nX: \0\r\n\r\n",
        ]
    )
    func malformed(text: String) {
        let bytes = Array(text.utf8)
        for step in 1...bytes.count {
            #expect(frame(.chunked(), bytes, step: step) == nil, "in steps of \(step)")
        }
    }

    @Test("of chunks has bounded extensions and trailers")
    func bounded() {
        #expect(frame(.chunked(), Array("1;\(String(repeating: "a", count: 2_000))\r\n".utf8), step: 100) == nil)
        let trailers = (0..<2_000).map { "x\($0): 12345\r\n" }.joined()
        #expect(frame(.chunked(), Array("0\r\n\(trailers)\r\n".utf8), step: 1_000) == nil)
    }

    @Test("of random chunks is framed the same in random pieces", arguments: 0..<50 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0..<20, using: &random) {
            let size = Int.random(in: 1..<300, using: &random)
            bytes += Array("\(String(size, radix: 16, uppercase: Bool.random(using: &random)))\r\n".utf8)
            bytes += (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            bytes += [13, 10]
        }
        bytes += Array("0\r\n\r\n".utf8)
        let end = bytes.count
        bytes += Array("0\r\n\r\n".utf8)
        let framed = try #require(
            frame(.chunked(), bytes, step: Int.random(in: 1..<400, using: &random)),
            "seed \(seed)"
        )
        #expect(framed.taken == end, "seed \(seed)")
        #expect(framed.ended, "seed \(seed)")
    }
}
