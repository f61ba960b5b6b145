public import NetworkAddress

/// Whom a forward proxy serves, and what may be reached through it.
public struct ForwardRules: Hashable, Sendable {
    /// Who may use it: the networks that clients' addresses are of.
    public var clients: [IPNetwork] = Self.thisMachine
    /// The ports that requests may go to.
    public var ports: PortSet = [80...80, 443...443, 1_024...65_535]
    /// The ports that `CONNECT` may open connections to, whose bytes nobody reads.
    public var connectPorts: PortSet = [443...443]
    /// Without a byte in either direction, behind a `CONNECT`.
    public var tunnelIdle: Duration = .seconds(3_600)
    /// How long servers may take, and how many may be used. `attempts` is how many addresses of a name are tried,
    /// `idleConnections` counts those to all servers.
    public var bounds: ClusterBounds = Self.bounds

    /// The defaults.
    public init() {}

    /// The loopback.
    public static let thisMachine = ["127.0.0.0/8", "::1/128"].compactMap(IPNetwork.init)

    private static var bounds: ClusterBounds {
        var bounds = ClusterBounds()
        bounds.attempts = 8
        return bounds
    }

    /// Addresses that mean another machine, or none, to whoever is not on this one: the loopback, what is on the same wire and
    /// the clouds' metadata there, multicast (RFC 6890, RFC 4291 section 2.4), and IPv4 in those of IPv6 that wrap it.
    private static let near = [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "::/96", "fe80::/10",
        "ff00::/8",
        "fd00:ec2::/32", "64:ff9b::/96", "2002::/16",
    ].compactMap(IPNetwork.init)

    /// Whether a client may use it.
    public func serves(_ client: IPAddress) -> Bool { self.clients.contains { $0.contains(client) } }

    /// Whether an address is one that only clients of this machine may have connected to.
    ///
    /// What they can reach through the proxy they can reach without. Others must not get at what listens for this machine alone,
    /// and relies on that.
    public static func isNear(_ address: IPAddress) -> Bool { self.near.contains { $0.contains(address) } }
}

/// Some ports, as ranges.
public struct PortSet: Hashable, Sendable, ExpressibleByArrayLiteral {
    private var ranges: [ClosedRange<Int>]

    /// A set of its ranges.
    public init(_ ranges: [ClosedRange<Int>]) { self.ranges = ranges }

    /// A set of its ranges.
    public init(arrayLiteral ranges: ClosedRange<Int>...) { self.ranges = ranges }

    /// Its ranges, as a settings file has them.
    public var texts: [String] {
        self.ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    }

    /// Whether a port is one of them.
    public func contains(_ port: Int) -> Bool { self.ranges.contains { $0.contains(port) } }
}

/// Forward proxies among the listeners.
extension GatewaySettings {
    /// The clusters, and behind them one for each forward proxy: what it reaches, under its name and without endpoints.
    public var allClusters: [Cluster] {
        self.clusters
            + self.listeners.compactMap { listener in
                listener.forward.map { Cluster(name: listener.name, endpoints: [], bounds: $0.bounds) }
            }
    }

    /// The place among ``allClusters`` of what a listener reaches; nil where it is no forward proxy.
    public func forwardCluster(ofListener index: Int) -> Int? {
        guard self.listeners[index].forward != nil else { return nil }
        return self.clusters.count + self.listeners[..<index].count { $0.forward != nil }
    }
}
