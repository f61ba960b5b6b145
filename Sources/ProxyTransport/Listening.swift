import Logging
import NIOCore
import NIOPosix
import ProxyCore
import SocketLoop

/// One of a listener's loops, and what its connections share there.
struct LoopOfListener: Sendable {
    let loop: any EventLoop
    let box: NIOLoopBoundBox<LoopState>
}

/// A listener's open socket.
struct Listening: Sendable {
    /// The port it listens on.
    let port: Int?
    /// Closes it, and returns once nothing more is accepted.
    let stop: @Sendable () async -> Void

    /// As a channel, whose connections are channels.
    static func channels(
        host: String,
        port: Int,
        _ group: any EventLoopGroup,
        _ states: [LoopOfListener]
    ) async throws -> Listening {
        let boxes = Dictionary(uniqueKeysWithValues: states.map { (ObjectIdentifier($0.loop), $0.box) })
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let state = boxes[ObjectIdentifier(channel.eventLoop)]?.value else {
                        throw ChannelError.inappropriateOperationForState
                    }
                    let connection = Connection(state)
                    try channel.pipeline.syncOperations.addHandler(
                        connection.attach(ChannelSide(.client, connection))
                    )
                }
            }
            .bind(host: host, port: port)
            .get()
        return Listening(port: channel.localAddress?.port) { try? await channel.close() }
    }

    #if os(Linux)
        /// As a bare socket that each of the loops accepts from.
        static func sockets(
            at address: SocketAddress,
            _ states: [LoopOfListener],
            _ logger: Logger
        ) async throws -> Listening {
            let socket = try Socket.listening(at: address)
            let port = socket.localAddress?.port
            var acceptors: [NIOLoopBoundBox<Acceptor>] = []
            @Sendable func stop(_ acceptors: [NIOLoopBoundBox<Acceptor>]) async {
                for acceptor in acceptors { try? await acceptor.eventLoop.submit { acceptor.value.end() }.get() }
                socket.close()
            }
            do {
                for state in states {
                    acceptors.append(try await Self.accept(socket, state, isShared: states.count > 1, logger))
                }
            } catch {
                await stop(acceptors)
                throw error
            }
            let all = acceptors
            return Listening(port: port) { await stop(all) }
        }

        private static func accept(
            _ socket: Socket,
            _ state: LoopOfListener,
            isShared: Bool,
            _ logger: Logger
        ) async throws -> NIOLoopBoundBox<Acceptor> {
            try await state.loop.submit {
                guard let loop = state.box.value.sockets else { throw ChannelError.inappropriateOperationForState }
                let acceptor = try Acceptor(socket, on: loop, isShared: isShared) { accepted in
                    let connection = Connection(state.box.value)
                    connection.attach(SocketSide(.client, connection, loop, accepted: accepted)).start()
                } refused: { failure in
                    logger.warning("a connection waits", metadata: ["error": "\(failure)"])
                }
                return NIOLoopBoundBox(acceptor, eventLoop: loop)
            }.get()
        }
    #endif
}
