/// What a route takes: the requests that satisfy every condition, or whole connections.
public struct RequestMatch: Hashable, Sendable, CustomStringConvertible {
    /// The conditions, each at most once, in a stable order; empty when the match takes everything.
    public let conditions: [Condition]

    /// Every connection of the port, whatever it speaks.
    public static let everything = RequestMatch(sorted: [])

    private init(sorted conditions: [Condition]) { self.conditions = conditions }

    /// A match that wants every one of `conditions`, of which there must be one: taking everything is a different wish.
    public init(_ conditions: [Condition]) throws(MatchError) {
        guard !conditions.isEmpty else {
            throw MatchError(
                code: .noConditions,
                message:
                    "a match needs at least one condition; name one as NAME:VALUE, for instance X-C6O-INTERCEPT:yes"
            )
        }
        self.conditions = Set(conditions).sorted { $0.description < $1.description }
        let methods = Set(self.conditions.compactMap { if case .method(let method) = $0 { method.name } else { nil } })
        guard methods.count < 2 else {
            throw MatchError(
                code: .contradiction,
                message: "no request has the methods \(methods.sorted().joined(separator: " and ")) at once; name one"
            )
        }
    }

    /// A match that wants every one of `headers`.
    public init(headers: [HeaderMatch]) throws(MatchError) {
        try self.init(headers.map(Condition.header))
    }

    /// Whether whole connections are taken, and no request is looked at.
    public var takesEverything: Bool { self.conditions.isEmpty }

    /// The conditions in words, joined by "and".
    public var description: String {
        self.takesEverything ? "every connection" : self.conditions.map(\.description).joined(separator: " and ")
    }

    /// Whether a request satisfies every condition.
    public func isSatisfied(by request: some RequestView) -> Bool {
        for condition in self.conditions {
            guard condition.isSatisfied(by: request) else { return false }
        }
        return true
    }

    /// Whether every request that satisfies `other` satisfies this match too, as far as that can be told.
    public func covers(_ other: RequestMatch) -> Bool {
        self.conditions.allSatisfy { mine in mine.alwaysHolds || other.conditions.contains { mine.covers($0) } }
    }

    /// Whether one ordinary request could satisfy both matches, as far as that can be told.
    ///
    /// A sender has one value of a header, so two matches that want different values of one name are apart. A request that
    /// repeats the header's line with both values satisfies both; the route listed first then takes it.
    public func overlaps(_ other: RequestMatch) -> Bool {
        for mine in self.conditions {
            let theirs = other.conditions.filter { $0.subject == mine.subject }
            let wanted = self.conditions.filter { $0.subject == mine.subject }
            let canMeet = wanted.contains { wanted in theirs.contains { $0.test.overlaps(wanted.test) } }
            guard theirs.isEmpty || canMeet else { return false }
        }
        return true
    }
}
