import Foundation
import NIOCore
import NIOPosix
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("The local side of a diverted connection", .timeLimit(.minutes(1)))
struct LocalDestinationTests {
    private static func listen(on host: String) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: host, port: 0).get()
    }

    private static func freePort() async throws -> Int {
        let channel = try await Self.listen(on: "127.0.0.1")
        try await channel.close()
        return channel.localAddress?.port ?? 0
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
        let port = try await Self.freePort()
        let destination = FixedDestination(ports: [("127.0.0.1", port), ("::1", port)])
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
        let full = try FullListener()
        let server = try await Self.listen(on: "127.0.0.1")
        let destination = FixedDestination(ports: [
            ("127.0.0.1", full.port), ("127.0.0.1", server.localAddress?.port ?? 0),
        ])
        let tunnel = try await fixture.connect(destination: destination)
        // The acknowledgement of the stalled address would take as long as the test may.
        let socket = try await onThread { try fixture.open() }
        #expect(await destination.next() == "accepted 127.0.0.1")
        socket.close()
        await tunnel.close()
        full.close()
        try await server.close()
        await fixture.stop()
    }
}

/// A listening socket whose queue is full: the system drops what knocks.
private struct FullListener {
    let port: Int
    private let descriptors: [Int32]

    init() throws {
        let listener = try PosixSocket.tcp()
        var address = PosixSocket.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, size)
                _ = Glibc.listen(listener, 0)
                _ = getsockname(listener, $0, &size)
            }
        }
        let knocks = try (0..<8).map { _ in
            let knock = try PosixSocket.tcp()
            _ = fcntl(knock, F_SETFL, O_NONBLOCK)
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = Glibc.connect(knock, $0, size) }
            }
            return knock
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        self.descriptors = knocks + [listener]
    }

    func close() {
        for descriptor in self.descriptors { _ = Glibc.close(descriptor) }
    }
}
