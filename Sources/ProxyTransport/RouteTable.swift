public import ProxyCore
import Synchronization
import Telemetry
import TrafficMatch
import Tunnel

/// How many requests a route has seen, and how many of them were its own.
public struct RouteCounts: Hashable, Sendable {
    /// The Service port.
    public var port: Int
    /// The route's name.
    public var route: String
    /// Requests on the port since the route exists.
    public var seen: Int
    /// Requests that satisfied its match.
    public var matched: Int
    /// Requests the laptop answered, or of a mirror: exchanges it has got a copy of.
    public var diverted: Int
}

/// A route as the table holds it: the value, and the counters that all event loops share.
struct RouteEntry: Sendable {
    let route: Route
    let counters: RouteCounters
}

extension Route {
    /// Whether the route wants this one of the requests that match: always, unless it takes a sample.
    @inline(__always)
    var isSampled: Bool {
        self.samplePer10000 >= 10_000 || Int.random(in: 0..<10_000) < self.samplePer10000
    }
}

final class RouteCounters: Sendable {
    /// Another number for each life of these counters.
    let instance = Int(UInt32.random(in: 1 ... .max))
    let seen = Counter()
    let matched = Counter()
    /// Requests the laptop answered, or of a mirror: exchanges it has got a copy of.
    let diverted = Counter()
    private let fallbacks = Fallback.allCases.map { _ in Counter() }

    /// Matched requests that the laptop did not answer, for this reason.
    func fallbacks(_ reason: Fallback) -> Counter { self.fallbacks[Int(reason.rawValue)] }
    /// Copies of a mirror that are under way.
    let copies = Allowance(MirrorLimits.copiesOfRoute)
    /// Streams that only tell what was not copied: one at a time tells of all.
    let telling = Allowance(1)
    /// Exchanges that were not copied and that the laptop has not been told of.
    let untold = MirrorMiss.allCases.map { _ in Counter() }
}

/// The routes of every Service port; replaced as a whole, seen by every connection from its next request on.
///
/// Event loops keep a copy and look at one number to learn that it is old, so that reading costs no lock.
public final class RouteTable: Sendable {
    private struct Key: Hashable {
        let port: Int
        let route: String
    }

    private struct State {
        var routes: [Int: [RouteEntry]] = [:]
        var counters: [Key: RouteCounters] = [:]
    }

    private let state = Mutex(State())
    private let version = Atomic<Int>(1)
    /// Bytes of copies that are under way, on all ports.
    let copiedBytes = Allowance(MirrorLimits.bytes)

    /// A table without routes.
    public init() {}

    /// Replaces the routes of every port; the order of a port's routes is their precedence.
    public func replace(with routes: [Int: [Route]]) {
        self.change { state in
            state.routes = [:]
            for (port, routes) in routes { Self.set(routes, port, &state) }
        }
    }

    /// Replaces the routes of one port.
    public func replace(port: Int, with routes: [Route]) {
        self.change { Self.set(routes, port, &$0) }
    }

    /// Says whether a route's tunnel is up, on every port the route has.
    public func setUp(_ isUp: Bool, route id: String) {
        self.change { state in
            for (port, entries) in state.routes {
                state.routes[port] = entries.map { entry in
                    guard entry.route.id == id, entry.route.isUp != isUp else {
                        return entry
                    }
                    var route = entry.route
                    route.isUp = isUp
                    return RouteEntry(route: route, counters: entry.counters)
                }
            }
        }
    }

    /// The counts of the routes in the table, by port and name.
    public func counts() -> [RouteCounts] {
        let state = self.state.withLock { $0.routes }
        return state.sorted { $0.key < $1.key }.flatMap { port, entries in
            entries.map { entry in
                RouteCounts(
                    port: port,
                    route: entry.route.id,
                    seen: entry.counters.seen.value,
                    matched: entry.counters.matched.value,
                    diverted: entry.counters.diverted.value
                )
            }
        }
    }

    /// A number that changes with every change.
    var currentVersion: Int {
        self.version.load(ordering: .acquiring)
    }

    func entries(port: Int) -> [RouteEntry] {
        self.state.withLock { $0.routes[port] ?? [] }
    }

    private func change(_ body: (inout State) -> Void) {
        self.state.withLock { state in
            body(&state)
            let live = Set(
                state.routes.flatMap { port, entries in entries.map { Key(port: port, route: $0.route.id) } }
            )
            state.counters = state.counters.filter { live.contains($0.key) }
        }
        self.version.wrappingAdd(1, ordering: .releasing)
    }

    /// Counters outlive a replacement that keeps the route.
    private static func set(_ routes: [Route], _ port: Int, _ state: inout State) {
        state.routes[port] = routes.map { route in
            let key = Key(port: port, route: route.id)
            let counters = state.counters[key] ?? RouteCounters()
            state.counters[key] = counters
            return RouteEntry(route: route, counters: counters)
        }
    }
}
