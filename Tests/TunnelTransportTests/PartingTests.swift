import Foundation
import TestSupport
import Testing
import Tunnel
import TunnelTransport

@Suite("A route that is removed", .timeLimit(.minutes(5)))
struct PartingTests {
    /// A tunnel to a server that echoes.
    private func echoing(_ fixture: TunnelFixture) async throws -> (TunnelConnection, PosixServer) {
        let server = try PosixServer { socket in
            while let bytes = try? socket.read(), !bytes.isEmpty { try? socket.write(bytes) }
            socket.close()
        }
        return (try await fixture.connect(port: server.port), server)
    }

    @Test("ends its tunnel when what is under way has been answered, and takes nothing new meanwhile")
    func graceful() async throws {
        let fixture = try await TunnelFixture.start()
        let (tunnel, server) = try await self.echoing(fixture)
        let socket = try await onThread { try fixture.open() }
        await fixture.server.end(route: "leaf", reason: "it was removed", patience: .seconds(240))
        #expect(!FileManager.default.fileExists(atPath: fixture.socketPath("leaf")))
        let echo = try await onThread {
            try socket.write([1, 2, 3])
            return try socket.readExactly(3)
        }
        #expect(echo == [1, 2, 3])
        #expect(await fixture.server.routes().map(\.id) == ["leaf"])
        socket.close()
        #expect(await tunnel.closed() == TunnelError(.closedByPeer, "it was removed"))
        server.close()
        await fixture.stop()
    }

    @Test("ends it at once when nothing is, and in the middle when the time for it is over", arguments: [true, false])
    func patience(isIdle: Bool) async throws {
        let fixture = try await TunnelFixture.start()
        let (tunnel, server) = try await self.echoing(fixture)
        let socket = isIdle ? nil : try await onThread { try fixture.open() }
        await fixture.server.end(
            route: "leaf",
            reason: "it was removed",
            patience: isIdle ? .seconds(240) : .milliseconds(50)
        )
        #expect(await tunnel.closed() == TunnelError(.closedByPeer, "it was removed"))
        if let socket {
            let rest = try await onThread { (try? socket.readToEnd()) ?? [] }
            #expect(rest.isEmpty)
            socket.close()
        }
        server.close()
        await fixture.stop()
    }
}
