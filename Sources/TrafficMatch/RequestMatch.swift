/// Which requests a route takes: those that satisfy every condition.
///
/// A match has at least one condition; taking every request is a different wish, with a name of its own.
public struct RequestMatch: Hashable, Sendable, CustomStringConvertible {
    /// The header conditions, each at most once, in a stable order.
    public let headers: [HeaderMatch]

    /// A match that wants every one of `headers`.
    public init(headers: [HeaderMatch]) throws(MatchError) {
        guard !headers.isEmpty else {
            throw MatchError(
                code: .noConditions,
                message: "a match needs at least one header; name one as NAME:VALUE, for instance X-C6O-INTERCEPT:yes"
            )
        }
        self.headers = Set(headers).sorted { ($0.name, $0.value) < ($1.name, $1.value) }
    }

    /// The conditions as field lines, joined by "and".
    public var description: String {
        self.headers.map(\.description).joined(separator: " and ")
    }

    /// Whether a request satisfies every condition.
    ///
    /// - Parameter fields: calls its argument with name and value of each field line, until that answers `false`.
    @inlinable
    public func isSatisfied(
        by fields: ((UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool) -> Void
    ) -> Bool {
        for header in self.headers {
            var found = false
            fields { name, value in
                found = header.isSatisfied(byName: name, value: value)
                return !found
            }
            guard found else {
                return false
            }
        }
        return true
    }

    /// Whether one ordinary request could satisfy both matches.
    ///
    /// A sender has one value of a header, so two matches that want different values of one name are apart. A request that
    /// repeats the header's line with both values satisfies both; the route listed first then takes it.
    public func overlaps(_ other: RequestMatch) -> Bool {
        for mine in self.headers {
            let theirs = other.headers.lazy.filter { $0.name == mine.name }.map(\.value)
            let wanted = self.headers.lazy.filter { $0.name == mine.name }.map(\.value)
            if !theirs.isEmpty, Set(theirs).isDisjoint(with: wanted) {
                return false
            }
        }
        return true
    }
}

extension RequestMatch: Codable {
    private enum CodingKeys: String, CodingKey {
        case headers
    }

    /// Reads the list `headers`, with the same rules as the initialiser.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(headers: container.decode([HeaderMatch].self, forKey: .headers))
    }

    /// Writes the list `headers`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.headers, forKey: .headers)
    }
}
