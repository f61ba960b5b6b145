public import ProxyCore

/// Where one request goes, as a value: what happened goes in, what to do comes out.
///
/// What holds: nothing of a request is sent into a tunnel before it is known to be answered there; a request that was sent is sent
/// again only when it has no body, is idempotent, and no part of a response has come.
public struct Course: Hashable, Sendable {
    /// What is to be done with the request.
    public enum Move: Hashable, Sendable {
        /// Send it to the original.
        case askOriginal
        /// Hold it until the route's connection is ready.
        case awaitLaptop(Route)
        /// Send it into the tunnel.
        case askLaptop
        /// Answer in its server's place, with this status.
        case answer(Int, Fallback)
        /// Show the client that its response is cut short.
        case cutShort
        /// Tell the client that nothing has looked at it.
        case refuse
        /// It is none of the laptop's business any more.
        case nothing
    }

    private enum Stage: Hashable {
        case routing
        case original
        case waiting
        case laptop
        case over
    }

    private var stage = Stage.routing
    private let isReplayable: Bool
    private var route: Route?
    private var hasBegun = false
    private var hasMoved = false
    /// Why a matched request was not answered by the laptop.
    public private(set) var fallback: Fallback?

    /// A request that has just come; `isReplayable` when it has no body and may be asked twice.
    public init(isReplayable: Bool) {
        self.isReplayable = isReplayable
    }

    /// Whether a route took the request.
    public var hasMatched: Bool {
        self.route != nil
    }

    /// Whether it is on its way into a tunnel, or through it.
    public var isDiverted: Bool {
        self.stage == .waiting || self.stage == .laptop
    }

    /// A route takes it, or none does.
    public mutating func routed(_ decision: RouteDecision, isPlain: Bool) -> Move {
        guard case .divert(let route) = decision else {
            self.stage = .original
            return .askOriginal
        }
        self.route = route
        guard isPlain else {
            // What two servers could read in two ways never reaches a laptop.
            self.stage = .original
            return .askOriginal
        }
        self.stage = .waiting
        guard route.isUp else {
            return self.refused(.routeDown)
        }
        return .awaitLaptop(route)
    }

    /// The route's connection is ready for it.
    public mutating func accepted() -> Move {
        guard self.stage == .waiting else {
            return .nothing
        }
        self.stage = .laptop
        return .askLaptop
    }

    /// The route's connection cannot be had; nothing of the request was sent.
    public mutating func refused(_ reason: Fallback) -> Move {
        guard self.stage == .waiting else {
            return .nothing
        }
        self.fallback = reason
        guard self.route?.onUnreachable != .unavailable else {
            self.stage = .over
            return .answer(503, reason)
        }
        self.stage = .original
        return .askOriginal
    }

    /// A part of a response has come from the laptop.
    public mutating func began() {
        self.hasBegun = true
    }

    /// The laptop said that it never looked at the request, of which `hasBody` tells whether bytes of a body went with it.
    public mutating func unprocessed(hasBody: Bool) -> Move {
        guard self.stage == .laptop, let route = self.route else {
            return .nothing
        }
        guard !hasBody, !self.hasMoved else {
            self.stage = .over
            return .refuse
        }
        self.hasMoved = true
        self.stage = .waiting
        return .awaitLaptop(route)
    }

    /// The connection that it waits for takes no more requests; `hasServed` tells whether it has taken one.
    public mutating func superseded(hasServed: Bool) -> Move {
        guard self.stage == .waiting, let route = self.route else {
            return .nothing
        }
        // A process that turns every connection away would keep it waiting for ever.
        guard hasServed || !self.hasMoved else {
            return self.refused(.tunnelReset)
        }
        if !hasServed { self.hasMoved = true }
        return .awaitLaptop(route)
    }

    /// The route's connection broke after the request was sent.
    public mutating func lost() -> Move {
        guard self.stage == .laptop else {
            return .nothing
        }
        self.fallback = .tunnelReset
        if self.hasBegun {
            self.stage = .over
            return .cutShort
        }
        let isUnavailable = self.route?.onUnreachable == .unavailable
        guard self.isReplayable, !isUnavailable else {
            self.stage = .over
            return .answer(isUnavailable ? 503 : 502, .tunnelReset)
        }
        self.stage = .original
        return .askOriginal
    }
}
