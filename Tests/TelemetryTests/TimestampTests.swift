import Testing

@testable import Telemetry

@Suite("A time in the log")
struct TimestampTests {
    @Test(
        "is RFC 3339 in UTC",
        arguments: zip(
            [0, 951_782_399, 951_782_400, 1_709_164_800, 1_767_225_599, 4_102_444_800],
            [
                "1970-01-01T00:00:00.007Z", "2000-02-28T23:59:59.007Z", "2000-02-29T00:00:00.007Z",
                "2024-02-29T00:00:00.007Z", "2025-12-31T23:59:59.007Z", "2100-01-01T00:00:00.007Z",
            ]
        )
    )
    func format(seconds: Int, expected: String) {
        var timestamp = Timestamp()
        var line: [UInt8] = []
        timestamp.append(seconds: seconds, milliseconds: 7, to: &line)
        timestamp.append(seconds: seconds, milliseconds: 7, to: &line)
        #expect(String(decoding: line, as: UTF8.self) == expected + expected)
    }

    @Test("and other numbers are written digit by digit", arguments: [0, 7, 10, 1_234_567, -1, -120, .max, .min])
    func numbers(value: Int) {
        var line: [UInt8] = []
        line.appendNumber(value)
        #expect(String(decoding: line, as: UTF8.self) == "\(value)")
    }
}
