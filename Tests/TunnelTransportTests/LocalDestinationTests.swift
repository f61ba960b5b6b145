import NIOCore
import NIOPosix
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("The local side of a diverted connection", .timeLimit(.minutes(5)))
struct LocalDestinationTests {
    private static func listen(on host: String) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: host, port: 0).get()
    }

    @Test("An accepted connection is told, and its end when both sides are done with it")
    func accepted() async throws {
        let fixture = try await TunnelFixture.start()
        let server = try await Self.listen(on: "127.0.0.1")
        let destination = FixedDestination(ports: [("127.0.0.1", server.localAddress?.port ?? 0)])
        let tunnel = try await fixture.connect(destination: destination)
        let socket = try await onThread { try fixture.open() }
        #expect(await destination.next() == "accepted 127.0.0.1")
        #expect(destination.outcomes.count == 1, "it is not over yet")
        socket.close()
        // The local process closes as well, or is given up after a while; a tunnel that ends is an end, too.
        await tunnel.close()
        #expect(await destination.next() == "ended")
        try await server.close()
        await fixture.stop()
    }

    @Test("A process that listens on ::1 only is found")
    func loopback6() async throws {
        let fixture = try await TunnelFixture.start()
        let server = try await Self.listen(on: "::1")
        let port = server.localAddress?.port ?? 0
        let destination = FixedDestination(ports: [("127.0.0.1", port), ("::1", port)])
        let tunnel = try await fixture.connect(destination: destination)
        let socket = try await onThread { try fixture.open() }
        #expect(await destination.next() == "accepted ::1")
        socket.close()
        await tunnel.close()
        try await server.close()
        await fixture.stop()
    }

    @Test("Nothing that listens is told once")
    func refused() async throws {
        let fixture = try await TunnelFixture.start()
        let destination = FixedDestination(ports: [("127.0.0.1", 1), ("::1", 1)])
        let tunnel = try await fixture.connect(destination: destination)
        await #expect(throws: SocketFailure.self) { _ = try await onThread { try fixture.open() } }
        #expect(await destination.next() == "refused")
        #expect(destination.outcomes == ["refused"])
        await tunnel.close()
        await fixture.stop()
    }

    @Test("An address that does not answer holds the next one up for a moment only")
    func stalled() async throws {
        var settings = TunnelFixture.Settings()
        settings.timing.headStart = .milliseconds(1)
        let fixture = try await TunnelFixture.start(settings)
        let full = try await FullListener()
        let server = try await Self.listen(on: "127.0.0.1")
        let destination = FixedDestination(ports: [
            (FullListener.host, full.port), ("127.0.0.1", server.localAddress?.port ?? 0),
        ])
        let tunnel = try await fixture.connect(destination: destination)
        // The acknowledgement of the stalled address would take as long as the test may.
        let socket = try await onThread { try fixture.open() }
        #expect(await destination.next() == "accepted 127.0.0.1")
        socket.close()
        await tunnel.close()
        try await full.close()
        try await server.close()
        await fixture.stop()
    }
}

/// A listening socket whose queue is full: the system drops what knocks.
private struct FullListener {
    /// Not the other server's, so that the test sees which of the two answered.
    static let host = "127.0.0.2"

    private let channel: any Channel
    var port: Int { self.channel.localAddress?.port ?? 0 }

    init() async throws {
        // Two connections wait where one may; nobody ever accepts them.
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1)
            .serverChannelOption(.autoRead, value: false)
            .bind(host: Self.host, port: 0).get()
        for _ in 0..<2 {
            let knock = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: Self.host, port: self.port).get()
            try await knock.close()
        }
    }

    func close() async throws {
        try await self.channel.close()
    }
}
