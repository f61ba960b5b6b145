import Testing

@testable import Telemetry

@Suite("Counting")
struct CountingTests {
    @Test("a step of a histogram holds its upper end, and what is beyond the last one counts and adds up")
    func histogram() {
        let histogram = Histogram()
        for microseconds in [0, 500, 501, 1_000_000, 1_000_001] { histogram.record(microseconds: microseconds) }
        let durations = histogram.durations
        #expect(durations.buckets == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(durations.count == 5)
        #expect(durations.sum == 2_001_002)
    }

    @Test("what is taken from a counter is gone")
    func taken() {
        let counter = Counter()
        counter.add(7)
        #expect(counter.takeAll() == 7)
        #expect(counter.takeAll() == 0)
        counter.add(-2)
        #expect(counter.value == -2)
    }

    @Test("a histogram that is read while it is added to never counts fewer than its steps hold")
    func betweenReads() {
        var page = MetricsPage()
        page.family("b_seconds", "histogram", "B.")
        page.histogram([], Durations(bounds: [500], buckets: [3], count: 2, sum: 0))
        #expect(page.text.contains("{le=\"+Inf\"} 3\n"))
        #expect(page.text.hasSuffix("_count 3\n"))
    }

    @Test("a clock tells each second apart from the one before")
    func seconds() {
        var timestamp = Timestamp()
        var line: [UInt8] = []
        for second in [-1, 0, 1, 1, 60] { timestamp.append(seconds: second, milliseconds: 0, to: &line) }
        let expected = [
            "1969-12-31T23:59:59", "1970-01-01T00:00:00", "1970-01-01T00:00:01", "1970-01-01T00:00:01",
            "1970-01-01T00:01:00",
        ]
        #expect(String(decoding: line, as: UTF8.self) == expected.map { $0 + ".000Z" }.joined())
    }
}
