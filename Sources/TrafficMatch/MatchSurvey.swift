/// What the requests that a match did not take lacked: counts and names of fields, never a value.
public struct MatchSurvey: Sendable {
    /// How requests failed one condition.
    public struct Miss: Hashable, Sendable {
        /// They had nothing that the condition could look at.
        public var absent: Int
        /// They had it with another value.
        public var other: Int

        /// A count by its parts.
        public init(absent: Int = 0, other: Int = 0) {
            self.absent = absent
            self.other = other
        }
    }

    /// How many requests were looked at.
    public private(set) var requests = 0
    /// How they failed each of the match's conditions, in the match's order.
    public private(set) var misses: [Miss]
    /// The names of the fields they carried, in lower case, and how many requests carried each.
    public var names: [String: Int] { self.table.counts }
    /// Whether some names are not counted, because there are too many, or they are too long.
    public var omitsNames: Bool { self.table.isIncomplete }

    private let conditions: [(condition: Condition, presence: Condition?)]
    private var table = FieldNameTable()

    /// A survey of what `match` does not take.
    public init(of match: RequestMatch) {
        self.conditions = match.conditions.map { ($0, $0.presence) }
        self.misses = match.conditions.map { _ in Miss() }
    }

    /// Takes note of a request that the match did not take.
    public mutating func note(_ request: some RequestView) {
        self.requests += 1
        for (index, (condition, presence)) in self.conditions.enumerated() where !condition.isSatisfied(by: request) {
            if presence?.isSatisfied(by: request) ?? true {
                self.misses[index].other += 1
            } else {
                self.misses[index].absent += 1
            }
        }
        request.forEachField { name, _ in
            self.table.note(name, request: self.requests)
            return true
        }
    }
}

extension Condition {
    /// The condition that there is anything to look at; nil where every request has it, as a path.
    fileprivate var presence: Condition? {
        switch self {
        case .header(let header): (try? HeaderMatch(name: header.name, .present)).map(Condition.header)
        case .member(let member): (try? MemberMatch(member.list, key: member.key, .present)).map(Condition.member)
        case .path, .method: nil
        }
    }
}
