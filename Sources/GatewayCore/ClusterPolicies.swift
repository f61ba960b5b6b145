/// Which of a cluster's servers a request goes to.
public enum Balance: String, Hashable, Sendable, CaseIterable {
    /// One after the other.
    case roundRobin = "round-robin"
    /// The one with the fewest requests under way; of several, one after the other.
    case leastRequest = "least-request"
}

/// Asks each server every so often whether it is well.
public struct HealthCheck: Hashable, Sendable {
    /// What is asked for with `GET`; nil where a connection that opens is enough.
    public var path: String?
    /// The `Host` of that request; nil for the server as the settings name it.
    public var host: String?
    /// Between the end of a check and the next.
    public var interval: Duration = .seconds(5)
    /// For a whole check.
    public var timeout: Duration = .seconds(2)
    /// How many checks in a row have to be good for a server that is out to come back.
    public var upAfter = 2
    /// How many have to be bad for one that is in to go. The first check of all decides alone.
    public var downAfter = 3

    /// The defaults.
    public init(path: String? = nil) { self.path = path }
}

/// Leaves out a server for a while whose requests fail.
public struct Ejection: Hashable, Sendable {
    /// How many requests in a row have to fail; 0 for never.
    public var after = 5
    /// For how long at first; each time without a good answer in between it is twice as long, up to ten times.
    public var pause: Duration = .seconds(10)
    /// Which statuses are failures too; without any, it is only those that got no answer that can be read.
    public var statuses: StatusSet = []

    /// The defaults.
    public init() {}
}

/// When a request is sent once more to another server, beyond what is always safe.
public struct RetryRule: Hashable, Sendable {
    /// Which statuses are not passed on while there are tries left.
    public var statuses: StatusSet = []
    /// Whether a connection that ends in place of an answer is such a case, too.
    public var isForResets = false
    /// How many of a hundred requests may be sent once more, in the long run.
    public var budget = 20

    /// The defaults.
    public init() {}

    /// Whether there is anything to it.
    public var isIdle: Bool { !self.isForResets && self.statuses.isEmpty }
}

/// Some statuses of HTTP, from 100 to 599: a few, which a short list finds soonest.
public struct StatusSet: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    private var members: [UInt16]

    /// A set of its members.
    public init(_ members: [Int]) {
        self.members = Set(members).filter { (100...599).contains($0) }.sorted().map(UInt16.init)
    }

    /// A set of its members.
    public init(arrayLiteral members: Int...) { self.init(members) }

    /// Its members, in order.
    public var description: String { self.members.map { "\($0)" }.joined(separator: ", ") }

    /// Whether it has none.
    public var isEmpty: Bool { self.members.isEmpty }

    /// Whether a status is one of them.
    public func contains(_ status: Int) -> Bool {
        self.members.contains { Int($0) == status }
    }
}
