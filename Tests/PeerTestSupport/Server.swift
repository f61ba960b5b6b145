import NIOCore
import NIOPosix
import NIOSSL

/// A listening socket whose connections a test takes one after the other.
final class Server: Sendable {
    let channel: any Channel
    private let accepted: AsyncStream<TestSocket>
    private let continuation: AsyncStream<TestSocket>.Continuation

    /// Listens on a free port of the loopback, or on a Unix socket.
    init(path: String? = nil, tls: NIOSSLContext? = nil) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: TestSocket.self)
        self.accepted = stream
        self.continuation = continuation
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let socket = TestSocket()
                    try socket.attach(channel, tls: tls.map { NIOSSLServerHandler(context: $0) })
                    continuation.yield(socket)
                }
            }
        if let path {
            self.channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
        } else {
            self.channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        }
    }

    var port: Int {
        self.channel.localAddress?.port ?? 0
    }

    /// An address where nobody listens for as long as this server does: its port, at another address of the loopback.
    ///
    /// The port of a server that has closed may be another test's a moment later.
    var refusingAddress: SocketAddress {
        get throws { try SocketAddress(ipAddress: "127.0.0.2", port: self.port) }
    }

    /// The next connection.
    func accept() async throws -> TestSocket {
        for await socket in self.accepted { return socket }
        throw CancellationError()
    }

    func close() async throws {
        try await self.channel.close()
        self.continuation.finish()
    }
}
