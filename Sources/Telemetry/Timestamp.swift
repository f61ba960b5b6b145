#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The wall clock as RFC 3339 text in UTC; the part up to the second is kept, because most lines share it.
public struct Timestamp {
    private var second = Int.min
    private var prefix: [UInt8] = []

    /// A clock that has not been read.
    public init() {}

    /// The wall clock, in nanoseconds since 1970.
    public static var nanosecondsNow: Int {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int(now.tv_sec) * 1_000_000_000 + Int(now.tv_nsec)
    }

    /// Appends the time now, with milliseconds.
    public mutating func append(to line: inout [UInt8]) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        self.append(seconds: Int(now.tv_sec), milliseconds: Int(now.tv_nsec) / 1_000_000, to: &line)
    }

    /// Appends a time, counted from 1970.
    public mutating func append(seconds: Int, milliseconds: Int, to line: inout [UInt8]) {
        if seconds != self.second {
            self.second = seconds
            self.prefix.removeAll(keepingCapacity: true)
            Self.write(seconds, into: &self.prefix)
        }
        line.append(contentsOf: self.prefix)
        line.appendPadded(milliseconds, width: 3)
        line.append(UInt8(ascii: "Z"))
    }

    /// Days are counted from 1 March of the year 0, so that the leap day is a year's last.
    private static func write(_ seconds: Int, into text: inout [UInt8]) {
        let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400 + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let secondOfDay = seconds - (days - 719_468) * 86_400
        text.appendPadded(year, width: 4)
        text.append(UInt8(ascii: "-"))
        text.appendPadded(month, width: 2)
        text.append(UInt8(ascii: "-"))
        text.appendPadded(dayOfYear - (153 * shifted + 2) / 5 + 1, width: 2)
        text.append(UInt8(ascii: "T"))
        text.appendPadded(secondOfDay / 3_600, width: 2)
        text.append(UInt8(ascii: ":"))
        text.appendPadded(secondOfDay / 60 % 60, width: 2)
        text.append(UInt8(ascii: ":"))
        text.appendPadded(secondOfDay % 60, width: 2)
        text.append(UInt8(ascii: "."))
    }
}
