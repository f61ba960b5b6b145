import InterceptPlanning
import KubernetesModel
import Logging
import NIOCore
import NIOPosix
import ProxyTransport
import Testing
import TrafficMatch

@testable import Interceptor

@Suite("The ports of an intercepted Service")
struct DataPathTests {
    @Test("A port that no route is for passes through; on one with a route the match decides", .timeLimit(.minutes(5)))
    func ports() async throws {
        let first = try await Original("first"), second = try await Original("second")
        var configuration = InterceptorConfiguration(
            session: try #require(try Stage().session()),
            decoyAddress: "127.0.0.1"
        )
        configuration.ports = InterceptedPort.all(
            in: [["port": .integer(Int64(first.port))], ["port": .integer(Int64(second.port))]]
        )
        for index in configuration.ports.indices { configuration.ports[index].listener = 0 }
        let gate = TunnelGate(state: ReplicaState(), incarnation: "i", runDirectory: "/nonexistent", version: "1")
        let path = try DataPath(
            configuration,
            gate: gate,
            host: "127.0.0.1",
            group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await path.start()
        var session = try #require(try Stage().session())
        session.routes[0].ports = [first.port]
        path.update(session, tunnels: [:], paused: [])

        let ports = path.listeners.compactMap(\.boundPort)
        // The tunnel of the route is down: what it takes is answered by the original, which then says so.
        #expect(try await Self.ask(ports[0], header: "X-C6O-INTERCEPT: yes").contains("x-detour-reason: route-down"))
        #expect(try await Self.ask(ports[0], header: "X-Other: yes") == first.answer)
        #expect(try await Self.ask(ports[1], header: "X-C6O-INTERCEPT: yes") == second.answer)
        let seen = await path.takeSightings()
        let id = session.routes[0].id
        #expect(seen[id]?.requests == 2 && seen[id]?.fallbacks == ["route-down": 1])
        // A route that is paused is not there, for those who ask.
        path.update(session, tunnels: [:], paused: [id])
        #expect(try await Self.ask(ports[0], header: "X-C6O-INTERCEPT: yes") == first.answer)
        await path.close()
        try await first.channel.close()
        try await second.channel.close()
    }

    /// One request on a connection of its own, and all that comes back.
    private static func ask(_ port: Int, header: String) async throws -> String {
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await client.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: leaf\r\n\(header)\r\n\r\n"))
            var answer = ""
            for try await bytes in inbound { answer += String(buffer: bytes) }
            return answer
        }
    }
}

/// A server that gives everyone the same answer, and ends the connection with it.
private struct Original {
    let channel: any Channel
    let answer: String

    init(_ name: String) async throws {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)"
        self.answer = answer
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var port: Int { self.channel.localAddress?.port ?? 0 }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let answer: String

        init(answer: String) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let channel = context.channel
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: self.answer)))
                .whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
