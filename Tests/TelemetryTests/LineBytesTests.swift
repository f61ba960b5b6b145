import Testing

@testable import Telemetry

@Suite("The text of a log line")
struct LineBytesTests {
    @Test(
        "lets no byte out of its string",
        arguments: [
            ("/plain?a=b%20c&d=~", "/plain?a=b%20c&d=~"), ("a\"b\\c", #"a\"b\\c"#), ("a\nb\r\tc", "a%0Ab%0D%09c"),
            ("\u{1b}[2J\u{7f}", "%1B[2J%7F"), ("é€", "%C3%A9%E2%82%AC"), ("\0", "%00"), ("", ""), ("\"", #"\""#),
        ]
    )
    func escaped(text: String, expected: String) {
        var line: [UInt8] = Array("<".utf8)
        line.appendEscaped(text)
        #expect(String(decoding: line, as: UTF8.self) == "<" + expected)
    }

    @Test("every byte comes out as printable ASCII")
    func everyByte() {
        var line: [UInt8] = []
        line.appendEscaped([UInt8](0...255))
        let isPrintable = line.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
        #expect(isPrintable)
        #expect(line.count == 94 - 1 + 2 * 2 + 3 * 161)
    }

    @Test(
        "a length of time has three digits behind the point",
        arguments: [(0, "0.000"), (7, "0.007"), (1_234, "1.234"), (60_000_050, "60000.050")]
    )
    func milliseconds(microseconds: Int, expected: String) {
        var line: [UInt8] = []
        line.appendMilliseconds(microseconds: microseconds)
        #expect(String(decoding: line, as: UTF8.self) == expected)
    }

    @Test("labels are escaped, and steps add up")
    func page() {
        var page = MetricsPage()
        page.family("a_total", "counter", "A.")
        page.sample([("name", "q\"b\\n\n")], 1)
        page.family("b_seconds", "histogram", "B.")
        let one = Durations(bounds: [500, 1_000], buckets: [1, 2], count: 4, sum: 5_000_000)
        page.histogram([], Durations([one, one]))
        #expect(
            page.text == """
                # HELP a_total A.
                # TYPE a_total counter
                a_total{name="q\\"b\\\\n\\n"} 1
                # HELP b_seconds B.
                # TYPE b_seconds histogram
                b_seconds_bucket{le="0.0005"} 2
                b_seconds_bucket{le="0.001"} 6
                b_seconds_bucket{le="+Inf"} 8
                b_seconds_sum 10.0
                b_seconds_count 8

                """
        )
    }
}
