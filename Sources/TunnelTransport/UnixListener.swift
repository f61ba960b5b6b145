import NIOCore
import NIOPosix
import Tunnel

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A Unix-domain socket of mode 0600 whose file appears, complete, by a rename.
///
/// A stale file is replaced; nobody ever finds a socket with wider permissions or one that does not listen yet.
struct UnixListener {
    /// The longest path: the system's limit is about 108 bytes, some of which the temporary name needs.
    static let longestPath = 100

    let path: String
    let channel: any Channel

    /// Listens and, if `isWanted` still says so then, puts the socket in place.
    static func bind(
        _ path: String,
        attempt: Int,
        on eventLoop: any EventLoop,
        isWanted: @escaping @Sendable () -> Bool,
        onConnection: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        guard !path.isEmpty, path.utf8.count <= Self.longestPath else {
            return eventLoop.makeFailedFuture(
                TunnelError(.invalidArgument, "the socket path '\(path)' is longer than \(Self.longestPath) bytes")
            )
        }
        let temporary = path + ".\(attempt)"
        return ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: HeadroomAllocator())
            .childChannelOption(.maxMessagesPerRead, value: TunnelSocket.readsPerTurn)
            .childChannelOption(.writeBufferWaterMark, value: TunnelSocket.localWriteMarks)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try onConnection(channel) }
            }
            .bind(unixDomainSocketPath: temporary, cleanupExistingSocketFile: true)
            .flatMap { channel in
                guard isWanted(), chmod(temporary, 0o600) == 0, rename(temporary, path) == 0 else {
                    let reason = TunnelError(
                        .invalidArgument,
                        "the socket '\(path)' cannot be put in place",
                        cause: "errno \(errno)"
                    )
                    unlink(temporary)
                    return channel.close().flatMapThrowing { throw reason }
                }
                return eventLoop.makeSucceededFuture(channel)
            }
    }

    /// Stops listening; the file goes at once, so that a new connect is refused.
    @discardableResult
    func close() -> EventLoopFuture<Void> {
        unlink(self.path)
        return self.channel.close().flatMapError { _ in self.channel.eventLoop.makeSucceededVoidFuture() }
    }
}
