import NIOCore
import NIOPosix
import Testing
import Tunnel

@testable import TunnelTransport

@Suite(
    "HashiCorp's yamux at the other end",
    .timeLimit(.minutes(5)),
    .serialized,
    .enabled(if: GoPeer.isAvailable, "needs Debian's golang-go and golang-github-hashicorp-yamux-dev")
)
struct InteropTests {
    /// Runs `body` on the loop of a connection to `port` with our handler in its pipeline; returns why the session ended.
    private func withSession(
        _ role: YamuxSession.Role,
        port: Int,
        _ body: @escaping @Sendable (YamuxHandler) -> Void
    ) async throws -> TunnelError {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let ended = group.next().makePromise(of: TunnelError.self)
        var timing = TunnelTiming()
        timing.pingInterval = .milliseconds(50)
        try await ClientBootstrap(group: group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [timing] channel in
                channel.eventLoop.makeCompletedFuture {
                    let end = InteropEnd(role: role, timing: timing) { ended.succeed($0) }
                    guard let mux = end.mux else { return }
                    try channel.pipeline.syncOperations.addHandler(mux)
                    // Holds the end for as long as the connection lives.
                    let bound = NIOLoopBound(end, eventLoop: channel.eventLoop)
                    channel.closeFuture.whenComplete { _ in _ = bound.value }
                }
            }
            .connect(host: "127.0.0.1", port: port)
            // On the loop, at once: the peer may be done with all of its streams before this task goes on.
            .flatMapThrowing { channel in
                let mux = try channel.pipeline.syncOperations.handler(type: YamuxHandler.self)
                mux.begin()
                body(mux)
            }
            .get()
        let reason = try await ended.futureResult.get()
        try await group.shutdownGracefully()
        return reason
    }

    @Test("Go opens 300 streams, forty at a time, and checks every byte that comes back")
    func goClient() async throws {
        let peer = try GoPeer("client", "300")
        defer { peer.stop() }
        let port = try peer.port()
        let reason = try await self.withSession(.server, port: port) { _ in }
        #expect(peer.line() == "done")
        #expect(reason.code == .lost)
    }

    @Test("Go echoes 300 streams of ours, each half closed before its answer ends, and answers our pings")
    func goServer() async throws {
        let peer = try GoPeer("server")
        defer { peer.stop() }
        let port = try peer.port()
        let right = Outcome()
        let reason = try await self.withSession(.client, port: port) { mux in
            var left = 300
            var next = 0
            // Forty at a time: Go refuses streams beyond its backlog.
            func start() {
                guard next < 300 else { return }
                var pattern = Pattern(next)
                let content = ByteBuffer(bytes: pattern.next(next % 50 == 0 ? 2_000_000 : next * next * 37 % 200_000))
                next += 1
                let stream = EchoClient(mux, content) { isRight in
                    if isRight { right.add(1) }
                    left -= 1
                    if left == 0 { mux.end(TunnelError(.closed, "all done")) } else { start() }
                }
                guard let number = try? mux.open(stream) else { return }
                stream.number = number
                stream.send(content, andFinish: false)
            }
            for _ in 0..<40 { start() }
        }
        #expect(right.value == 300)
        #expect(reason == TunnelError(.closed, "all done"))
        #expect(peer.line() == "done")
    }
}
