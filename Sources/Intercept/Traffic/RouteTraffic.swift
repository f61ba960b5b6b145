import InterceptPlanning
import Synchronization
public import TrafficMatch

/// What the replicas see of an intercept's traffic, and what they are told of it: for as long as the intercept runs, across tunnels
/// and joins.
public final class RouteTraffic: Sendable {
    private struct State {
        var ledger = SightingsLedger()
        var isPaused = false
        /// The tunnels that are up, by replica.
        var tunnels: [String: @Sendable (String) -> Void] = [:]
    }

    private let state = Mutex(State())

    init() {}

    /// What all replicas have seen so far.
    public var sightings: RouteSightings { self.state.withLock { $0.ledger.sum } }

    /// Whether the original answers everything for now.
    public var isPaused: Bool { self.state.withLock { $0.isPaused } }

    /// Lets the original answer everything, or takes matching requests again; told to every replica.
    public func setPaused(_ isPaused: Bool) {
        self.state.withLock { state in
            guard state.isPaused != isPaused else { return }
            state.isPaused = isPaused
            for send in state.tunnels.values { send(RouteMessage.pause(isPaused).line) }
        }
    }

    /// A tunnel to a replica is up.
    ///
    /// - Parameters:
    ///   - wasPaused: what its greeting said.
    ///   - send: takes a line for the replica; it must not wait.
    func opened(to replica: String, wasPaused: Bool, send: @escaping @Sendable (String) -> Void) {
        self.state.withLock { state in
            state.tunnels[replica] = send
            if state.isPaused != wasPaused { send(RouteMessage.pause(state.isPaused).line) }
        }
    }

    /// A replica said something.
    func received(_ line: String, from replica: String) {
        guard case .sightings(let sightings)? = RouteMessage(line: line) else { return }
        self.state.withLock { $0.ledger.note(sightings, from: replica) }
    }

    /// The tunnel to a replica is down.
    func closed(to replica: String) {
        self.state.withLock { $0.tunnels[replica] = nil }
    }
}
