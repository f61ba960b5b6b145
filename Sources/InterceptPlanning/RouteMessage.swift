public import TrafficMatch

/// What a replica and a laptop tell each other about a route over the tunnel's control stream, one JSON object a line. Either end
/// ignores what it does not know.
public enum RouteMessage: Hashable, Sendable {
    /// From the replica: all it has seen of the route's traffic so far.
    case sightings(RouteSightings)
    /// From the laptop: whether the route takes nothing for now.
    case pause(Bool)
}
