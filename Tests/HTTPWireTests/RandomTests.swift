import HTTPWire
import TestSupport
import Testing

@Suite("Random bytes")
struct RandomTests {
    private static let pieces = [
        "GET ", "POST ", "/ ", "/a b", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r", "\n", ":", ": ", "Host: a", "Host",
        "Content-Length: 1",
        "Content-Length: ", "Transfer-Encoding: chunked", "Connection: close", "X: y", " ", "\t", "\0", "\u{7f}", "é",
        "\r\n\r\n", "0", "x",
    ]

    @Test("never trap the scanner, and give one verdict in any pieces", arguments: 0..<400 as Range<UInt64>)
    func scanner(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let count = Int.random(in: 0..<14, using: &random)
        let start = Bool.random(using: &random) ? "GET / HTTP/1.1\r\nHost: a\r\n" : ""
        let text = start + (0..<count).map { _ in Self.pieces.randomElement(using: &random) ?? "" }.joined()
        let whole = requestVerdict(text)
        for step in [1, 2, 3, 5, 8, 13] {
            #expect(
                drippedRequestVerdict(Array(text.utf8), step: step) == whole,
                "seed \(seed), \(text.debugDescription)"
            )
        }
    }

    @Test("that a naive parser reads are read the same", arguments: 0..<200 as Range<UInt64>)
    func differential(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let fields = (0..<Int.random(in: 0..<12, using: &random)).map { index in
            "X-\(index)\(String(repeating: "n", count: Int.random(in: 0..<20, using: &random))):"
                + String(repeating: "v", count: Int.random(in: 0..<40, using: &random))
        }
        let lines = ["DELETE /\(seed) HTTP/1.1", "Host: a"] + fields
        let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
        let names = lines.dropFirst().map { $0.prefix { $0 != ":" } }.joined(separator: " ")
        #expect(requestVerdict(text + "tail") == "DELETE /\(seed) http11 \(text.utf8.count) [\(names)]", "seed \(seed)")
    }
}
