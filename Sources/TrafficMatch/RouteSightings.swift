/// What one interceptor saw of the requests that one route could have taken, since the route is there. Counts and names of
/// fields; of the requests that were the route's own, method and path too.
public struct RouteSightings: Hashable, Sendable {
    /// Names a run of counting: another number means that the counts began anew.
    public var instance = 0
    /// Client connections opened to the route's ports.
    public var connections = 0
    /// Requests on the route's ports; connections, where it takes whole ones.
    public var requests = 0
    /// Requests it took.
    public var matched = 0
    /// Requests the laptop answered.
    public var diverted = 0
    /// Requests that satisfied the match and were left to the original by chance (`--sample`).
    public var unsampled = 0
    /// Requests that a route before it took.
    public var yielded = 0
    /// Requests it took and the laptop did not answer, by reason (the words of `x-detour-reason`).
    public var fallbacks: [String: Int] = [:]
    /// Connections whose bytes could not be read as requests, by what was found.
    public var unread: [String: Int] = [:]
    /// Of the requests that did not match, how many were looked at closely.
    public var surveyed = 0
    /// How these failed each condition, in the match's order.
    public var misses: [MatchSurvey.Miss] = []
    /// The names of the fields these carried, in lower case.
    public var names: [String: Int] = [:]
    /// Whether there were more names.
    public var omitsNames = false
    /// The route's latest requests, oldest first.
    public var recent: [RecentRequest] = []

    /// One request the route took.
    public struct RecentRequest: Hashable, Sendable {
        /// The method as it came.
        public var method: String
        /// The path without its query, at most 256 bytes of it.
        public var path: String
        /// The response's status; 0 when none came.
        public var status: Int
        /// From its head to the end of its response, in microseconds.
        public var microseconds: Int
        /// Who answered: `laptop`, `original` or `detour`.
        public var server: String

        /// A request by its parts.
        public init(method: String, path: String, status: Int, microseconds: Int, server: String) {
            self.method = method
            self.path = path
            self.status = status
            self.microseconds = microseconds
            self.server = server
        }
    }

    /// The most of a route's latest requests that are kept.
    public static let mostRecent = 16

    /// Nothing seen.
    public init() {}

    /// Adds what was seen elsewhere, or before.
    public static func += (left: inout RouteSightings, right: RouteSightings) {
        left.instance &+= right.instance
        left.connections += right.connections
        left.requests += right.requests
        left.matched += right.matched
        left.diverted += right.diverted
        left.unsampled += right.unsampled
        left.yielded += right.yielded
        left.fallbacks.merge(right.fallbacks, uniquingKeysWith: +)
        left.unread.merge(right.unread, uniquingKeysWith: +)
        left.surveyed += right.surveyed
        for (index, miss) in right.misses.enumerated() {
            if index == left.misses.count { left.misses.append(.init()) }
            left.misses[index].absent += miss.absent
            left.misses[index].other += miss.other
        }
        left.names.merge(right.names, uniquingKeysWith: +)
        left.omitsNames = left.omitsNames || right.omitsNames
        if left.names.count > FieldNameTable.capacity {
            let most = left.names.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(FieldNameTable.capacity)
            left.names = Dictionary(most.map { ($0.key, $0.value) }, uniquingKeysWith: +)
            left.omitsNames = true
        }
        left.recent = (left.recent + right.recent).suffix(Self.mostRecent)
    }
}
