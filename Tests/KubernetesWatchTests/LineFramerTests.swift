import KubernetesWatch
import Testing

@Suite("Lines of a watch")
struct LineFramerTests {
    private func lines(_ chunks: [[UInt8]], limit: Int = 100) throws -> [String] {
        var framer = LineFramer(limit: limit)
        var lines: [String] = []
        for chunk in chunks {
            framer.append(chunk)
            while let line = try framer.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        }
        if let rest = framer.finish() { lines.append("rest:" + String(decoding: rest, as: UTF8.self)) }
        return lines
    }

    static let text = Array("{\"a\":1}\n\r\n{\"é\":\"😀\"}\r\n\n{\"last".utf8)
    static let expected = ["{\"a\":1}", "{\"é\":\"😀\"}", "rest:{\"last"]

    @Test("Cut at any two places, even inside a character, the lines are the same", arguments: 0...text.count)
    func splits(first: Int) throws {
        for second in first...Self.text.count {
            let parts = [Self.text[..<first], Self.text[first..<second], Self.text[second...]].map { Array($0) }
            #expect(try self.lines(parts) == Self.expected)
        }
    }

    @Test("Byte by byte the lines are the same")
    func drip() throws {
        #expect(try self.lines(Self.text.map { [$0] }) == Self.expected)
    }

    @Test("A line longer than the cap is refused, complete or not")
    func cap() throws {
        #expect(try self.lines([Array("12345\n".utf8)], limit: 5) == ["12345"])
        #expect(throws: LineFramer.LineTooLong.self) { try self.lines([Array("123456\n".utf8)], limit: 5) }
        #expect(throws: LineFramer.LineTooLong.self) {
            try self.lines([Array("123".utf8), Array("456".utf8)], limit: 5)
        }
    }
}
