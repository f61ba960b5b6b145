public import Logging
public import NIOCore
import NIOPosix
import NIOSSL
public import Tunnel

/// The laptop's end of a tunnel, over a connection that somebody else made.
public enum TunnelClient {
    /// What the laptop brings to a tunnel.
    public struct Configuration: Sendable {
        /// This end's key; the Session names its fingerprint.
        public var identity: TunnelIdentity
        /// The interceptor's fingerprint, as it published it.
        public var serverFingerprint: String
        /// The first line.
        public var hello: TunnelHello
        /// Where diverted connections go.
        public var destination: any LocalDestination
        /// Pings and deadlines.
        public var timing = TunnelTiming()
        /// What a session lets its peer do.
        public var limits = YamuxLimits()

        /// A configuration with the design's timing and limits.
        public init(
            identity: TunnelIdentity,
            serverFingerprint: String,
            hello: TunnelHello,
            destination: any LocalDestination
        ) {
            self.identity = identity
            self.serverFingerprint = serverFingerprint
            self.hello = hello
            self.destination = destination
        }
    }

    /// Makes a tunnel of a connected channel whose pipeline ends in plain bytes, and returns once the interceptor has
    /// admitted this laptop.
    ///
    /// - Throws: `TunnelError`: `refused` with the interceptor's reason, `handshakeFailed` when a key is not the expected
    ///   one, `timeout`, or what became of the connection. The channel is closed then.
    public static func connect(
        over channel: any Channel,
        configuration: Configuration,
        logger: Logger
    ) async throws -> TunnelConnection {
        let welcomed = channel.eventLoop.makePromise(of: TunnelConnection.self)
        channel.eventLoop.execute {
            do {
                let core = try ClientTunnel(channel: channel, configuration: configuration, logger: logger, welcomed)
                try core.start()
            } catch {
                welcomed.fail(error)
                channel.close(promise: nil)
            }
        }
        return try await withTaskCancellationHandler {
            try await welcomed.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}

/// A laptop's tunnel that is up.
public final class TunnelConnection: Sendable {
    /// What the interceptor said on admitting this laptop.
    public let welcome: [String: String]
    /// Later lines of the interceptor; the newest 64 are kept for a reader that is slow.
    public let lines: AsyncStream<String>

    private let core: NIOLoopBound<ClientTunnel>
    private let ended: EventLoopFuture<TunnelError>

    init(
        welcome: [String: String],
        lines: AsyncStream<String>,
        core: NIOLoopBound<ClientTunnel>,
        ended: EventLoopFuture<TunnelError>
    ) {
        self.welcome = welcome
        self.lines = lines
        self.core = core
        self.ended = ended
    }

    /// Sends a line (one JSON text without a newline) to the interceptor.
    public func send(_ line: String) {
        self.ended.eventLoop.execute { self.core.value.send(line) }
    }

    /// What the tunnel has carried so far.
    public var counters: TunnelCounters {
        get async { (try? await self.ended.eventLoop.submit { self.core.value.counters }.get()) ?? TunnelCounters() }
    }

    /// Waits for the tunnel's end and tells why it ended.
    public func closed() async -> TunnelError {
        (try? await self.ended.get()) ?? TunnelError(.closed, "the tunnel's event loop is gone")
    }

    /// Ends the tunnel; returns when it is over.
    public func close() async {
        self.ended.eventLoop.execute { self.core.value.end(TunnelError(.closed, "closed at this end")) }
        _ = await self.closed()
    }
}
