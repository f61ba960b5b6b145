public import TrafficMatch

/// Which way a request would go through a Session's interceptor, and why: the interceptor's own decision, taken slowly.
public struct Explanation: Sendable, Hashable {
    /// What one route makes of the request.
    public struct Verdict: Sendable, Hashable {
        /// The route.
        public var route: Route
        /// Its conditions, and whether the request satisfies each. Empty when it takes whole connections.
        public var conditions: [Judged]
        /// Whether all hold.
        public var matches: Bool { self.conditions.allSatisfy(\.holds) }
    }

    /// One condition, and whether the request satisfies it.
    public struct Judged: Sendable, Hashable {
        /// The condition.
        public var condition: Condition
        /// Whether it holds.
        public var holds: Bool
        /// What the request has instead, or nil when it has nothing there.
        public var found: String?
    }

    /// The routes of the port, in the order they are asked.
    public var verdicts: [Verdict]

    /// The route that takes the request: the first that matches and is no mirror.
    public var taker: Route? { self.verdicts.first { $0.matches && !$0.route.isMirror }?.route }

    /// The mirrors that get a copy of the exchange: all that match, where the original answers.
    public var mirrors: [Route] {
        self.taker == nil ? self.verdicts.filter { $0.matches && $0.route.isMirror }.map(\.route) : []
    }

    /// What an interceptor with these routes would decide for a request to `port`.
    public init(of request: RequestSample, port: Int, routes: [Route]) {
        self.verdicts = routes.filter { $0.ports.contains(port) }.map { route in
            Verdict(
                route: route,
                conditions: route.match.conditions.map { condition in
                    Judged(
                        condition: condition,
                        holds: request.withRequestView { condition.isSatisfied(by: $0) },
                        found: Self.found(condition, in: request)
                    )
                }
            )
        }
    }

    private static func found(_ condition: Condition, in request: RequestSample) -> String? {
        func values(of name: String) -> String? {
            let values = request.fields.filter { $0.name.lowercased() == name }.map(\.value)
            return values.isEmpty ? nil : values.joined(separator: " | ")
        }
        switch condition {
        case .header(let header): return values(of: header.name)
        case .member(let member):
            guard member.list == .query else { return values(of: member.list.rawValue) }
            return request.target.firstIndex(of: "?").map { String(request.target[$0...]) }
        case .path: return request.target
        case .method: return request.method
        }
    }
}
