import InterceptPlanning
import TrafficMatch

/// Tells each route's laptop what this replica has seen of its traffic, whenever that has changed.
actor SightingsReport {
    private struct Told {
        let epoch: UInt64
        let sightings: RouteSightings
    }

    private let state: ReplicaState
    private let takeSightings: @Sendable () async -> [String: RouteSightings]
    private let send: @Sendable (_ line: String, _ route: String) -> Void
    private var told: [String: Told] = [:]

    /// A report that has told nobody anything.
    init(
        state: ReplicaState,
        takeSightings: @escaping @Sendable () async -> [String: RouteSightings],
        send: @escaping @Sendable (_ line: String, _ route: String) -> Void
    ) {
        self.state = state
        self.takeSightings = takeSightings
        self.send = send
    }

    /// Tells what has changed since the last time. A tunnel that is new is told everything.
    func step() async {
        let tunnels = self.state.with { $0.tunnels }
        self.told = self.told.filter { tunnels[$0.key] == $0.value.epoch }
        guard !tunnels.isEmpty else { return }
        for (route, sightings) in await self.takeSightings() {
            guard let epoch = tunnels[route] else { continue }
            var lasting = sightings
            lasting.recent = []
            if sightings.recent.isEmpty, self.told[route]?.sightings == lasting { continue }
            self.send(RouteMessage.sightings(sightings).line, route)
            self.told[route] = Told(epoch: epoch, sightings: lasting)
        }
    }

    /// Tells once a second, until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            await self.step()
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
