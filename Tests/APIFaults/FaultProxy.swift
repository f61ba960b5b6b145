public import NIOCore
import NIOPosix
public import NIOSSL
import Synchronization

/// A proxy between any client and an API server that does wrong what a script says: a tool of tests.
///
/// It answers TLS itself and speaks TLS to the server, HTTP/1.1 on both sides; bearer tokens pass through it, client
/// certificates cannot. One connection to the server for each of a client.
public final class FaultProxy: Sendable {
    /// Where and how it listens, and where the server is.
    public struct Configuration: Sendable {
        /// The address to listen on; the port is the system's choice.
        public var host = "127.0.0.1"
        /// How it answers TLS; nil for plain HTTP.
        public var tls: NIOSSLContext?
        /// The server.
        public var server: SocketAddress
        /// How it speaks TLS to the server; nil for plain HTTP.
        public var serverTLS: NIOSSLContext?
        /// Kills the client, for ``Fault/kill(_:)``; called on an event loop, which waits for it.
        public var kill: @Sendable () -> Void = {}
        /// Strikes somebody else, for ``Fault/strike(_:)``; the exchange waits for its end.
        public var strike: @Sendable () async -> Void = {}

        /// A proxy in front of `server`.
        public init(server: SocketAddress, serverTLS: NIOSSLContext? = nil, tls: NIOSSLContext? = nil) {
            self.server = server
            self.serverTLS = serverTLS
            self.tls = tls
        }
    }

    private let configuration: Configuration
    private let group: any EventLoopGroup
    private let state: Mutex<FaultScript>
    private let channel = Mutex<(any Channel)?>(nil)
    /// The clients' connections that are open, with what each asked for last.
    private let clients = Mutex<[ObjectIdentifier: (channel: any Channel, request: APIRequest)]>([:])

    /// A proxy that does nothing until ``start()``.
    public init(_ configuration: Configuration, script: FaultScript, group: any EventLoopGroup) {
        self.configuration = configuration
        self.state = Mutex(script)
        self.group = group
    }

    /// The script as far as it has got.
    public var script: FaultScript { self.state.withLock { $0 } }

    /// Goes on by another script.
    public func follow(_ script: FaultScript) { self.state.withLock { $0 = script } }

    /// Listens, and says on which port.
    public func start() async throws -> Int {
        let configuration = self.configuration
        let channel = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Nothing is read before the connection to the server is there.
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    if let tls = configuration.tls {
                        try operations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    let id = ObjectIdentifier(channel)
                    let connection = FaultConnection(
                        decide: { request in
                            self.clients.withLock { $0[id] = (channel, request) }
                            return self.state.withLock { $0.decide(request) }
                        },
                        kill: configuration.kill,
                        strike: configuration.strike
                    )
                    channel.closeFuture.whenComplete { _ in self.clients.withLock { $0[id] = nil } }
                    try operations.addHandler(FaultHandler(.client, connection))
                    connection.connect(configuration, from: channel)
                }
            }
            .bind(host: configuration.host, port: 0)
            .get()
        self.channel.withLock { $0 = channel }
        return channel.localAddress?.port ?? 0
    }

    /// Resets one open connection of the client on which the last request is of a kind, in the middle of its answer.
    ///
    /// - Returns: that request; nil where no connection is open for one.
    public func cut(where concerns: (APIRequest) -> Bool) -> APIRequest? {
        guard let found = self.clients.withLock({ $0.values.first { concerns($0.request) } }) else { return nil }
        found.channel.eventLoop.execute {
            let options = found.channel as? any SocketOptionProvider
            _ = options?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            found.channel.pipeline.syncOperations.closeSocket()
        }
        return found.request
    }

    /// Listens no more; connections that are open go on.
    public func stop() async {
        let channel = self.channel.withLock { $0 }
        try? await channel?.close()
    }
}
