public import NIOCore

/// Where one Service port is listened for, and where its traffic was going.
public struct ListenerConfiguration: Sendable {
    /// The address to listen on.
    public var host: String
    /// The port to listen on; 0 lets the system choose.
    public var port: Int
    /// The Service's port, which names the routes, the log lines and the counters.
    public var servicePort: Int
    /// The original service.
    public var original: SocketAddress
    /// Where the original can be reached now, best first; nil for `original` alone. Asked for each connection.
    public var candidates: (@Sendable () -> [SocketAddress])?
    /// How TLS is spoken in the original's place, where it is; nil for a port whose bytes are read as they come.
    public var termination: TLSTermination?
    /// How long a connection to the original may take.
    public var connectTimeout = TimeAmount.seconds(10)
    /// How long a tunnel may take to acknowledge a stream.
    public var acknowledgementTimeout = TimeAmount.seconds(1)
    /// How long a head that has begun is held.
    public var headTimeout = TimeAmount.seconds(10)
    /// How long a client may take to end its side after its last answer.
    public var lingerTimeout = TimeAmount.seconds(2)
    /// The longest head that is read.
    public var headLimit = 64 << 10

    /// A listener for `servicePort` in front of `original`.
    public init(host: String = "0.0.0.0", port: Int, servicePort: Int, original: SocketAddress) {
        self.host = host
        self.port = port
        self.servicePort = servicePort
        self.original = original
    }
}

/// How many client connections a listener has.
public struct ActiveConnections: Hashable, Sendable {
    /// All that are open.
    public var total: Int
    /// Those that would lose something if they were closed now.
    public var busy: Int
}

/// Why a listener does not listen.
public struct ListenerError: Error, CustomStringConvertible {
    /// What is wrong, for programs; new codes may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The stable word for this kind of error.
        public let rawValue: String

        /// A code from its word.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The address cannot be listened on.
        public static let bind = Code(rawValue: "bind")
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What is wrong, where, and how to mend it, for people.
    public let message: String
    /// What the system said.
    public let cause: (any Error)?

    /// The sentence shown to people, with the cause.
    public var description: String {
        self.cause.map { "\(self.message) (\($0))" } ?? self.message
    }
}
