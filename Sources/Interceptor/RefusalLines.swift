import Tunnel

/// Which tunnels that were refused are written to the log: a value, told the time.
///
/// Whoever reaches the port of the tunnels can be refused as often as they like.
struct RefusalLines: Sendable {
    /// How many there are of each kind in a minute.
    static let perMinute = 5

    private struct Minute {
        var began: Duration
        var written = 0
        var leftOut = 0
    }

    private var minutes: [TunnelError.Code: Minute] = [:]

    /// One more was refused.
    ///
    /// - Parameter now: monotonic time since any fixed moment.
    /// - Returns: how many of its kind were left out since the last line; nil when this one is left out too.
    mutating func next(_ code: TunnelError.Code, now: Duration) -> Int? {
        var minute = self.minutes[code] ?? Minute(began: now)
        defer { self.minutes[code] = minute }
        if now - minute.began >= .seconds(60) { minute = Minute(began: now, leftOut: minute.leftOut) }
        guard minute.written < Self.perMinute else {
            minute.leftOut += 1
            return nil
        }
        defer { minute.leftOut = 0 }
        minute.written += 1
        return minute.leftOut
    }
}
