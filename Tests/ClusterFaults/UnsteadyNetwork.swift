import ClusterTestSupport
import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// The network between one client and the real API server, which goes away and comes back as a laptop's does: a relay of bytes
/// that may stop passing any, and a kubeconfig that leads through it.
///
/// It never refuses and never says goodbye unless it is asked to: while it is dark, a new connection is taken and hangs.
public final class UnsteadyNetwork: Sendable {
    private struct State {
        var isDark = false
        var pairs: [Pair] = []
        var listener: (any Channel)?
    }

    private let state = Mutex(State())
    private let server: SocketAddress
    private let folder: URL

    /// Starts one that passes everything.
    public static func start() async throws -> UnsteadyNetwork {
        let path = try await Cluster.environment()["KUBECONFIG"] ?? ""
        let direct = try String(contentsOfFile: path, encoding: .utf8)
        guard let server = direct.firstMatch(of: #/server: https://([0-9.]+):(\d+)/#), let port = Int(server.2) else {
            throw ShellFailure(description: "no server in the kubeconfig \(path)")
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "network-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let network = UnsteadyNetwork(try SocketAddress(ipAddress: String(server.1), port: port), folder)
        let indirect = direct.replacing(server.0, with: "server: \(try await network.listen())")
        try Data(indirect.utf8).write(to: folder.appending(path: "config"))
        return network
    }

    private init(_ server: SocketAddress, _ folder: URL) {
        self.server = server
        self.folder = folder
    }

    /// Where the API server is reached through it, `https://127.0.0.1:PORT`; empty once it has stopped.
    public var address: String { self.state.withLock { Self.address($0.listener) } }

    private static func address(_ listener: (any Channel)?) -> String {
        (listener?.localAddress?.port).map { "https://127.0.0.1:\($0)" } ?? ""
    }

    private func listen() async throws -> String {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                let pair = Pair(client)
                let isDark = self.state.withLock { state in
                    state.pairs.append(pair)
                    return state.isDark
                }
                if isDark {
                    pair.freeze()
                    return client.eventLoop.makeSucceededVoidFuture()
                }
                return pair.connect(to: self.server)
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.state.withLock { $0.listener = listener }
        return Self.address(listener)
    }

    /// The environment in which `detour` finds the cluster through it.
    public var environment: [String: String] { ["KUBECONFIG": self.folder.appending(path: "config").path()] }

    /// Nothing more passes, and new connections hang; these stay so even after ``lighten()``.
    ///
    /// - Parameter isCutting: whether the connections there are end now, in place of hanging.
    public func darken(isCutting: Bool) {
        let pairs = self.state.withLock { state in
            state.isDark = true
            return state.pairs
        }
        pairs.forEach { isCutting ? $0.close() : $0.freeze() }
    }

    /// New connections work again.
    public func lighten() { self.state.withLock { $0.isDark = false } }

    /// The connections there are hang for ever, and new ones work: as after a change of address.
    public func changeAddress() { self.state.withLock { $0.pairs }.forEach { $0.freeze() } }

    /// Closes everything, and takes the kubeconfig away.
    public func stop() async {
        let (listener, pairs) = self.state.withLock { state in
            defer { state.listener = nil }
            return (state.listener, state.pairs)
        }
        try? await listener?.close()
        pairs.forEach { $0.close() }
        try? FileManager.default.removeItem(at: self.folder)
    }
}

/// One connection of the client, and the one to the server behind it, on one event loop.
private final class Pair: Sendable {
    private let client: any Channel
    private let server = Mutex<(any Channel)?>(nil)
    private let isFrozen = Mutex(false)

    init(_ client: any Channel) { self.client = client }

    var passes: Bool { !self.isFrozen.withLock { $0 } }

    func freeze() { self.isFrozen.withLock { $0 = true } }

    func close() {
        self.client.close(promise: nil)
        self.server.withLock { $0 }?.close(promise: nil)
    }

    func connect(to address: SocketAddress) -> EventLoopFuture<Void> {
        ClientBootstrap(group: self.client.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { server in
                self.server.withLock { $0 = server }
                return server.pipeline.addHandler(Passing(self, to: self.client))
            }
            .connect(to: address)
            .flatMap { server in
                self.client.pipeline.addHandler(Passing(self, to: server))
                    .flatMap { self.client.setOption(.autoRead, value: true) }
            }
    }
}

/// Passes one direction on, as long as anything passes.
private final class Passing: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let pair: Pair
    private let other: any Channel

    init(_ pair: Pair, to other: any Channel) {
        self.pair = pair
        self.other = other
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.pair.passes else { return }
        self.other.writeAndFlush(Self.unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.pair.passes { self.other.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
