import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// A connection a test holds in its hands: what came over it is collected, and a test waits for what it expects.
final class TestSocket: Sendable {
    /// What has come so far.
    struct Seen: Sendable {
        var bytes: [UInt8] = []
        var hasEnded = false
        var hasFailed = false
        /// What the system said of it, as in errno(3).
        var failure: Int32?
        var isClosed = false
        /// Whether TLS is up, and what was agreed on by ALPN.
        var isSecured = false
        var applicationProtocol: String?

        var text: String {
            String(decoding: self.bytes, as: UTF8.self)
        }
    }

    private struct State {
        var seen = Seen()
        var waiting: [(@Sendable (Seen) -> Bool, CheckedContinuation<Seen, Never>)] = []
    }

    private let state = Mutex(State())
    private let channelBox = Mutex<(any Channel)?>(nil)

    var channel: any Channel {
        get throws {
            guard let channel = self.channelBox.withLock({ $0 }) else { throw NotOpen() }
            return channel
        }
    }

    private struct NotOpen: Error {}

    var seen: Seen {
        self.state.withLock { $0.seen }
    }

    /// Waits until what has come satisfies `condition`.
    @discardableResult
    func wait(until condition: @escaping @Sendable (Seen) -> Bool) async -> Seen {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let seen: Seen? = self.state.withLock { state in
                    guard !Task.isCancelled, !condition(state.seen) else { return state.seen }
                    state.waiting.append((condition, continuation))
                    return nil
                }
                if let seen { continuation.resume(returning: seen) }
            }
        } onCancel: {
            // The time limit has passed: whoever waits goes on with what there is.
            let (waiting, seen) = self.state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.seen)
            }
            for (_, continuation) in waiting { continuation.resume(returning: seen) }
        }
    }

    /// Waits until the text so far satisfies `condition`, and answers with it.
    @discardableResult
    func text(until condition: @escaping @Sendable (String) -> Bool) async -> String {
        await self.wait { condition($0.text) || $0.isClosed }.text
    }

    @discardableResult
    func text(_ expected: String) async -> String {
        await self.wait { $0.bytes.count >= expected.utf8.count || $0.isClosed }.text
    }

    func write(_ text: String) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(string: text))
    }

    func write(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Ends the sending half.
    func finish() async throws {
        try await self.channel.close(mode: .output)
    }

    /// Closes it, where the other end's reset has not done so before.
    func close() async throws {
        do {
            try await self.channel.close()
        } catch ChannelError.alreadyClosed {}
    }

    /// Ends the socket beneath TLS, which says nothing of it.
    func cut() async throws {
        let channel = try self.channel
        try await channel.eventLoop.submit {
            // What TLS would say goes nowhere.
            try channel.pipeline.syncOperations.addHandler(Deaf(), position: .first)
            channel.close(promise: nil)
        }.get()
    }

    /// Closes with a reset.
    func reset() async throws {
        let channel = try self.channel
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close()
    }

    /// Sends its last bytes and resets, so that both arrive together or nearly so.
    func reset(after bytes: [UInt8]) async throws {
        let channel = try self.channel
        try await channel.eventLoop.submit {
            channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
            _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            channel.close(promise: nil)
        }.get()
    }

    /// Reads nothing more until `resume()`.
    func pause() async throws {
        try await self.channel.setOption(.autoRead, value: false).get()
    }

    /// Reads what has come, once, and goes on pausing.
    func readOnce() async throws {
        try self.channel.read()
    }

    func resume() async throws {
        try await self.channel.setOption(.autoRead, value: true).get()
    }

    /// Forgets the first bytes; fewer where the time limit has ended a wait for them.
    func drop(_ count: Int) {
        self.state.withLock { $0.seen.bytes.removeFirst(min(count, $0.seen.bytes.count)) }
    }

    func attach(_ channel: any Channel, tls: NIOSSLHandler? = nil) throws {
        self.channelBox.withLock { $0 = channel }
        if let tls { try channel.pipeline.syncOperations.addHandler(tls) }
        try channel.pipeline.syncOperations.addHandler(Collector(self))
    }

    fileprivate func change(_ body: (inout Seen) -> Void) {
        let ready = self.state.withLock { state in
            body(&state.seen)
            let seen = state.seen
            var ready: [(CheckedContinuation<Seen, Never>, Seen)] = []
            state.waiting.removeAll { condition, continuation in
                guard condition(seen) else { return false }
                ready.append((continuation, seen))
                return true
            }
            return ready
        }
        for (continuation, seen) in ready { continuation.resume(returning: seen) }
    }

    /// Connects; with `window`, the system keeps no more than about so many bytes for a socket that does not read.
    static func connect(
        port: Int,
        window: Int? = nil,
        tls: (@Sendable () throws -> NIOSSLHandler)? = nil
    ) async throws -> TestSocket {
        let socket = TestSocket()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let window { bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(window)) }
        _ =
            try await bootstrap
            .connectTimeout(.minutes(5))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try socket.attach(channel, tls: tls?()) }
            }
            .connect(to: SocketAddress(ipAddress: "127.0.0.1", port: port))
            .get()
        return socket
    }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let socket: TestSocket

    init(_ socket: TestSocket) {
        self.socket = socket
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        self.socket.change { $0.bytes.append(contentsOf: bytes.readableBytesView) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.socket.change { $0.hasEnded = true }
        } else if case .handshakeCompleted(let name) = event as? TLSUserEvent {
            self.socket.change {
                $0.isSecured = true
                $0.applicationProtocol = name
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.socket.change {
            $0.hasFailed = true
            $0.failure = (error as? IOError)?.errnoCode
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.socket.change { $0.isClosed = true }
    }
}

/// Lets nothing out.
private final class Deaf: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        promise?.succeed(())
        // Once TLS wants to say something it is to end.
        context.close(promise: nil)
    }
}
