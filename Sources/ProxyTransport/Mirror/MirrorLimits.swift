import Synchronization
import Tunnel

/// How much may be under way to laptops before copies are left out; the requests themselves never wait for any of it.
enum MirrorLimits {
    /// Exchanges of one route.
    static let copiesOfRoute = 64
    /// Bytes of all copies of a replica.
    static let bytes = 16 << 20
    /// Bytes of one request, and of one response.
    static let longest = MirroredExchange.longest
}

/// A number of things that may be out at the same time; safe from any thread.
final class Allowance: Sendable {
    private let limit: Int
    private let taken = Atomic<Int>(0)

    init(_ limit: Int) {
        self.limit = limit
    }

    /// How many are out.
    var outstanding: Int { self.taken.load(ordering: .relaxed) }

    /// Takes `count`, or says that there are not so many left.
    func take(_ count: Int) -> Bool {
        guard self.taken.wrappingAdd(count, ordering: .relaxed).newValue <= self.limit else {
            self.giveBack(count)
            return false
        }
        return true
    }

    func giveBack(_ count: Int) {
        self.taken.wrappingSubtract(count, ordering: .relaxed)
    }
}
