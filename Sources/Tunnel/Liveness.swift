/// Decides, tick by tick, whether the peer of a tunnel still lives.
///
/// Every tick sends a ping. A tick is missed when nothing at all arrived since the one before: on a slow, busy tunnel
/// data arrives long before the answer queued behind it. A peer that sends but never answers is given up, too, only later.
public struct Liveness: Sendable, Hashable {
    /// What to do at a tick.
    public enum Tick: Sendable, Hashable {
        /// Send a ping with this number.
        case ping(UInt32)
        /// The peer is gone; the text says why.
        case lost(String)
    }

    private let allowedMisses: Int
    private var misses = 0
    private var number: UInt32 = 0
    private var answered: UInt32 = 0
    private var heardSinceTick = true

    /// Ticks a peer may leave a ping unanswered while other bytes still come from it.
    public static let patience: UInt32 = 30

    /// A peer that is given up at the `allowedMisses`th silent tick.
    public init(allowedMisses: Int = 3) {
        self.allowedMisses = max(1, allowedMisses)
    }

    /// Notes that bytes of the peer arrived.
    public mutating func heard() {
        self.heardSinceTick = true
    }

    /// Notes the answer to a ping.
    public mutating func pong(_ number: UInt32) {
        if number > self.answered, number <= self.number { self.answered = number }
    }

    /// Notes that an interval passed.
    public mutating func tick() -> Tick {
        self.misses = self.heardSinceTick ? 0 : self.misses + 1
        self.heardSinceTick = false
        guard self.misses < self.allowedMisses else {
            return .lost("nothing came from the peer during \(self.misses) pings in a row")
        }
        guard self.number &- self.answered < Self.patience else {
            return .lost("the peer left \(Self.patience) pings unanswered")
        }
        self.number += 1
        return .ping(self.number)
    }
}
