public import TrafficMatch

/// What a gateway does: where it listens, which way requests go, and where that leads.
public struct GatewaySettings: Hashable, Sendable {
    /// Where it listens.
    public var listeners: [Listener]
    /// Where requests can go; routes name them by their place here.
    public var clusters: [Cluster]

    /// Where a line for each request goes; nowhere when left out.
    public var accessLog: AccessLogRules?
    /// Where operators ask how it is; nowhere when left out.
    public var admin: Endpoint?

    /// Settings from their parts.
    public init(
        listeners: [Listener],
        clusters: [Cluster],
        accessLog: AccessLogRules? = nil,
        admin: Endpoint? = nil
    ) {
        self.listeners = listeners
        self.clusters = clusters
        self.accessLog = accessLog
        self.admin = admin
    }

    /// One address that is listened at.
    public struct Listener: Hashable, Sendable {
        /// What logs and metrics call it.
        public var name: String
        /// An address of this machine.
        public var host: String
        /// A port; 0 for any that is free.
        public var port: Int
        /// The first that takes a request decides.
        public var routes: [RouteRule]
        /// The place of the cluster that every connection's bytes go to, unread; nil where requests are read and routed.
        public var cluster: Int?
        /// Whom it serves as a forward proxy; nil where it is none. Requests name the servers that they go to, then.
        public var forward: ForwardRules?
        /// What it proves itself with; nil where connections are plain.
        public var tls: TLSRules?
        /// How long its clients may take, and how much they may send.
        public var bounds: ListenerBounds

        /// A listener from its parts.
        public init(name: String, host: String, port: Int, routes: [RouteRule], bounds: ListenerBounds = .init()) {
            self.name = name
            self.host = host
            self.port = port
            self.routes = routes
            self.bounds = bounds
        }

        /// A listener whose connections go to a cluster, unread.
        public init(name: String, host: String, port: Int, cluster: Int, bounds: ListenerBounds = .unread) {
            self.init(name: name, host: host, port: port, routes: [], bounds: bounds)
            self.cluster = cluster
        }

        /// A forward proxy.
        public init(name: String, host: String, port: Int, forward: ForwardRules, bounds: ListenerBounds = .init()) {
            self.init(name: name, host: host, port: port, routes: [], bounds: bounds)
            self.forward = forward
        }
    }

    /// Which requests go to a cluster.
    public struct RouteRule: Hashable, Sendable {
        /// What a request must have; ``RequestMatch/everything`` takes all.
        public var match: RequestMatch
        /// The cluster's place in ``GatewaySettings/clusters``.
        public var cluster: Int

        /// A route from its parts.
        public init(match: RequestMatch, cluster: Int) {
            self.match = match
            self.cluster = cluster
        }
    }

    /// Servers that give the same answers.
    public struct Cluster: Hashable, Sendable {
        /// What routes, logs and metrics call it.
        public var name: String
        /// The servers.
        public var endpoints: [Endpoint]
        /// How long they may take.
        public var bounds: ClusterBounds
        /// Which of them a request goes to.
        public var balance: Balance = .roundRobin
        /// How each is asked whether it is well; nil when none is.
        public var health: HealthCheck?
        /// When one is left out whose requests fail.
        public var ejection: Ejection = .init()
        /// When a request is sent once more.
        public var retry: RetryRule = .init()

        /// A cluster from its parts.
        public init(name: String, endpoints: [Endpoint], bounds: ClusterBounds = .init()) {
            self.name = name
            self.endpoints = endpoints
            self.bounds = bounds
        }
    }

    /// A server: a name or an address, and a port.
    public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
        /// A name, or an address.
        public var host: String
        /// A port.
        public var port: Int

        /// An endpoint from its parts.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// As it is written: an IPv6 address in brackets.
        public var description: String {
            self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
        }
    }
}

/// What a listener's clients may do. Defaults are those a stranger would choose: slow networks pass, slow attackers do not.
public struct ListenerBounds: Hashable, Sendable {
    /// From a request's first byte to the end of its head.
    public var head: Duration = .seconds(10)
    /// Between a response and the next request; where bytes pass unread, without a byte in either direction.
    public var idle: Duration = .seconds(60)
    /// Without a byte moving, while a body or a WebSocket is under way.
    public var stall: Duration = .seconds(60)
    /// From the last response to the client's end.
    public var linger: Duration = .seconds(5)
    /// The most bytes of a request's head; a longer one is answered with 431.
    public var headBytes = 64 << 10

    /// The defaults.
    public init() {}

    /// The defaults where bytes pass unread: nobody can tell a database's idle connection from one that is forgotten.
    public static var unread: ListenerBounds {
        var bounds = ListenerBounds()
        bounds.idle = .seconds(3_600)
        return bounds
    }
}

/// What a cluster's servers may do.
public struct ClusterBounds: Hashable, Sendable {
    /// For a connection to open.
    public var connect: Duration = .seconds(5)
    /// From the end of a request to the head of its response.
    public var response: Duration = .seconds(60)
    /// How long a connection that nobody uses stays open.
    public var idle: Duration = .seconds(30)
    /// How many servers are tried for one request, or one connection whose bytes pass unread, until a connection opens.
    public var attempts = 3
    /// The most requests that are under way at once; nil for any number.
    public var requests: Int?
    /// The most connections that nobody uses, for each server and thread.
    public var idleConnections = 128

    /// The defaults.
    public init() {}
}
