/// Chooses among a cluster's servers, as a value: it knows how many requests are under way to each.
public struct Balancer: Sendable {
    private let balance: Balance
    /// The server that is looked at first next time.
    private var turn = 0
    private var active: [Int]

    /// A balancer of so many servers, of which there is one at least.
    public init(_ balance: Balance, servers: Int) {
        self.balance = balance
        self.active = [Int](repeating: 0, count: max(1, servers))
    }

    /// How many requests are under way to a server.
    public func active(_ server: Int) -> Int { self.active[server] }

    /// The server for a request, which is under way to it until ``ended(_:)``.
    ///
    /// A server that is down, or was tried in vain before, is taken only where there is no other: where all of them are said to be
    /// down, whoever says so may be wrong.
    ///
    /// - Parameters:
    ///   - last: the server that has failed this very request, if one has.
    ///   - isUp: whether a server is to be used.
    public mutating func next(after last: Int? = nil, isUp: (Int) -> Bool) -> Int {
        let server = self.choose { $0 != last && isUp($0) } ?? self.choose { $0 != last } ?? self.turn
        self.turn = server + 1 == self.active.count ? 0 : server + 1
        self.active[server] += 1
        return server
    }

    /// A request is under way to a server no more.
    public mutating func ended(_ server: Int) { self.active[server] -= 1 }

    @inline(__always)
    private func choose(_ isGood: (Int) -> Bool) -> Int? {
        var best: Int?
        var server = self.turn
        for _ in self.active.indices {
            if isGood(server) {
                if self.balance == .roundRobin || self.active[server] == 0 { return server }
                if best.map({ self.active[server] < self.active[$0] }) ?? true { best = server }
            }
            server = server + 1 == self.active.count ? 0 : server + 1
        }
        return best
    }
}

/// How many requests may still be sent once more, as a value: each request adds a part of one, up to a bound.
///
/// Without it, servers that are failing for want of power get several times the requests just then.
public struct RetryBudget: Sendable {
    /// So many are allowed at once, and after a quiet time.
    private static let most = 10
    private let share: Int
    private var hundredths = Self.most * 100

    /// A budget of so many of a hundred requests.
    public init(percent: Int) { self.share = percent }

    /// Whether there is one left.
    public var isLeft: Bool { self.hundredths >= 100 }

    /// A request has begun.
    public mutating func deposit() { self.hundredths = min(Self.most * 100, self.hundredths + self.share) }

    /// A request is sent once more.
    public mutating func withdraw() { self.hundredths = max(0, self.hundredths - 100) }
}
