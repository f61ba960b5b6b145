/// What is known of the local ports from the connections to them, as a value.
struct LocalPortMemory: Sendable {
    /// What somebody should be told.
    enum Change: Sendable, Hashable {
        /// Nothing listens on the port, for the first time since it last did.
        case lost(Int)
        /// Something listens again.
        case back(Int)
    }

    /// A local process may listen on either.
    static let hosts = ["127.0.0.1", "::1"]

    /// The host that accepted last, by port.
    private var answering: [Int: String] = [:]
    private var lost: Set<Int> = []

    /// The hosts to try for a port, the one that accepted last first.
    func hosts(port: Int) -> [String] {
        guard let last = self.answering[port] else { return Self.hosts }
        return [last] + Self.hosts.filter { $0 != last }
    }

    /// A connection was accepted.
    mutating func accepted(port: Int, host: String) -> Change? {
        self.answering[port] = host
        return self.lost.remove(port).map(Change.back)
    }

    /// No host accepted.
    mutating func refused(port: Int) -> Change? {
        self.lost.insert(port).inserted ? .lost(port) : nil
    }
}

/// How many requests this machine may still take, as a value.
struct RequestBudget: Sendable {
    /// How many in all; nil for no limit.
    let limit: Int?
    private var taken = 0
    private var over = 0

    init(limit: Int?) {
        self.limit = limit
    }

    /// Takes one; false when none is left.
    mutating func take() -> Bool {
        guard self.taken < self.limit ?? .max else { return false }
        self.taken += 1
        return true
    }

    /// Gives one back that never got to the local process.
    mutating func giveBack() {
        self.taken -= 1
    }

    /// One that was taken is over; true when it was the last.
    mutating func finish() -> Bool {
        self.over += 1
        return self.over == self.limit
    }
}
