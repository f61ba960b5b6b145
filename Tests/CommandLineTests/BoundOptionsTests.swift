import ArgumentParser
import Foundation
import Intercept
import Testing

@testable import detour

@Suite("When an intercept ends by itself")
struct BoundOptionsTests {
    private static var calendar: Calendar {
        get throws {
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = try #require(TimeZone(identifier: "Europe/Berlin"))
            return calendar
        }
    }

    private func duration(_ text: String, at now: String) throws -> Duration {
        let now = try Date(now, strategy: .iso8601)
        return try #require(Until(argument: text)).duration(from: now, calendar: Self.calendar)
    }

    @Test(
        "A time of day is today's, or tomorrow's when that is past",
        arguments: [
            ("17:00", "2026-01-10T15:30:00Z", 1_800), ("17:00", "2026-01-10T16:00:00Z", 86_400),
            ("9:05", "2026-01-10T16:05:00Z", 57_600), ("00:00", "2026-01-10T22:59:59Z", 1),
            // The night in which summer time begins has an hour less.
            ("12:00", "2026-03-28T11:00:00Z", 82_800),
            ("30m", "2026-01-10T16:05:00Z", 1_800), ("2h", "2026-01-10T16:05:00Z", 7_200),
        ]
    )
    func times(text: String, now: String, seconds: Int) throws {
        #expect(try self.duration(text, at: now) == .seconds(seconds))
    }

    @Test(
        "Anything else is refused",
        arguments: ["", "17", "24:00", "17:60", "5pm", "17:0", "-1:00", "30", "17:00:00", "tomorrow", "1.5h"]
    )
    func refused(text: String) {
        #expect(Until(argument: text) == nil)
    }

    @Test("Flags reach the options")
    func flags() throws {
        func options(_ words: String...) throws -> InterceptOptions {
            try InterceptCommand.parse(["leaf"] + words).options(service: "leaf")
        }
        #expect(try options().requestLimit == nil)
        #expect(try options().timeLimit == nil)
        #expect(try options("--once").requestLimit == 1)
        #expect(try options("--max-requests", "5").requestLimit == 5)
        #expect(try options("--until", "90s").timeLimit == .init(.seconds(90), reason: "90s have passed"))
        #expect(try options("--until", "2h").timeLimit?.reason == "2h have passed")
        #expect(try options("--until", "9:05").timeLimit?.reason == "it is 9:05")
    }

    @Test(
        "What cannot be meant is refused while parsing",
        arguments: [["--once", "--max-requests", "2"], ["--max-requests", "0"], ["--until", "noon"]]
    )
    func contradictions(words: [String]) {
        #expect(throws: (any Error).self) { try InterceptCommand.parse(["leaf"] + words) }
    }
}
