import Foundation
import NIOCore
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("When something fails, only that fails", .timeLimit(.minutes(5)))
struct FailureTests {
    @Test("A local port that is closed closes the relay's connection without the acknowledgement")
    func refusedConnect() async throws {
        let fixture = try await TunnelFixture.start()
        // Port 1: the port of a server that has closed may be another test's a moment later.
        let tunnel = try await fixture.connect(port: 1)
        let answer = try await onThread {
            let socket = try PosixSocket.connect(path: fixture.socketPath("leaf"))
            defer { socket.close() }
            try socket.write(TunnelFixture.header("leaf"))
            return try socket.readToEnd()
        }
        #expect(answer.isEmpty)
        #expect(await tunnel.counters.refusedConnects == 1)
        await tunnel.close()
        await fixture.stop()
    }

    @Test("What is no PROXY header closes the connection and opens no stream")
    func noHeader() async throws {
        let fixture = try await TunnelFixture.start()
        let tunnel = try await fixture.connect(port: 1)
        let answer = try await onThread {
            let socket = try PosixSocket.connect(path: fixture.socketPath("leaf"))
            defer { socket.close() }
            try socket.write(Array("GET / HTTP/1.1\r\n\r\n".utf8))
            return (try? socket.readToEnd()) ?? []
        }
        #expect(answer.isEmpty)
        #expect(await tunnel.counters.streams == 0)
        await tunnel.close()
        await fixture.stop()
    }

    @Test("Half a header is dropped at the deadline")
    func halfHeader() async throws {
        var settings = TunnelFixture.Settings()
        settings.timing.preamble = .milliseconds(100)
        let fixture = try await TunnelFixture.start(settings)
        let tunnel = try await fixture.connect(port: 1)
        let answer = try await onThread {
            let socket = try PosixSocket.connect(path: fixture.socketPath("leaf"))
            defer { socket.close() }
            try socket.write(TunnelFixture.header("leaf").prefix(20))
            return try socket.readToEnd()
        }
        #expect(answer.isEmpty)
        await tunnel.close()
        await fixture.stop()
    }

    @Test("A service that resets its connection ends the relay's connection, and no other")
    func serviceResets() async throws {
        let fixture = try await TunnelFixture.start()
        let service = try PosixServer { socket in
            guard let first = try? socket.read(), first == [1] else { return socket.close() }
            try? socket.write([2])
            _ = try? socket.read()
            socket.reset()
        }
        let tunnel = try await fixture.connect(port: service.port)
        let rest = try await onThread {
            let socket = try fixture.open()
            defer { socket.close() }
            try socket.write([1])
            #expect(try socket.readExactly(1) == [2])
            try socket.write([3])
            return (try? socket.readToEnd()) ?? []
        }
        #expect(rest.isEmpty)
        await waitUntil("the stream is over") { await tunnel.counters.openStreams == 0 }
        let other = try await onThread { try fixture.open() }
        other.close()
        service.close()
        await tunnel.close()
        await fixture.stop()
    }

    @Test(
        "A relay that goes away in the middle of a request finishes, and a service that answers all the same is reset"
    )
    func relayGoesAway() async throws {
        let fixture = try await TunnelFixture.start()
        let outcome = Outcome()
        let service = try PosixServer { socket in
            defer { socket.close() }
            while let bytes = try? socket.read(), !bytes.isEmpty {}
            do {
                while true { try socket.write([UInt8](repeating: 7, count: 10_000)) }
            } catch {
                outcome.set((error as? SocketFailure)?.code ?? 0)
            }
        }
        let tunnel = try await fixture.connect(port: service.port)
        try await onThread {
            let socket = try fixture.open()
            try socket.write([1])
            socket.close()
        }
        await waitUntil("the service was reset") { outcome.value != nil }
        #expect(outcome.value == ECONNRESET || outcome.value == EPIPE)
        await waitUntil("the stream is over") { await tunnel.counters.openStreams == 0 }
        service.close()
        await tunnel.close()
        await fixture.stop()
    }

    @Test("A tunnel that is cut ends its streams, its socket and its route, on both sides")
    func cut() async throws {
        let fixture = try await TunnelFixture.start()
        let service = try PosixServer { socket in
            defer { socket.close() }
            while let bytes = try? socket.read(), !bytes.isEmpty { try? socket.write(bytes) }
        }
        let cable = try Cable(to: fixture.server.port)
        let tunnel = try await fixture.connect(port: service.port, over: fixture.dial(cable.port))
        let sockets = try await onThread {
            try (0..<20).map { index in
                let socket = try fixture.open()
                try socket.write([UInt8(index)])
                #expect(try socket.readExactly(1) == [UInt8(index)])
                return socket
            }
        }
        cable.cut()
        #expect(await tunnel.closed().code == .lost)
        await fixture.events.wait { if case .routeDown("leaf", 1, _) = $0 { true } else { false } }
        for socket in sockets {
            let rest = try await onThread { (try? socket.readToEnd()) ?? [] }
            #expect(rest.isEmpty)
            socket.close()
        }
        #expect(throws: SocketFailure.self) { try PosixSocket.connect(path: fixture.socketPath("leaf")) }
        let again = try await fixture.connect(port: service.port, epoch: 2)
        let socket = try await onThread { try fixture.open() }
        socket.close()
        service.close()
        await again.close()
        await fixture.stop()
    }

    @Test("A peer that falls silent is given up after three pings")
    func silence() async throws {
        var settings = TunnelFixture.Settings()
        settings.timing.pingInterval = .milliseconds(50)
        settings.timing.missedPings = 3
        let fixture = try await TunnelFixture.start(settings)
        let cable = try Cable(to: fixture.server.port)
        let tunnel = try await fixture.connect(over: fixture.dial(cable.port))
        cable.freeze()
        await fixture.events.wait { event in
            if case .routeDown("leaf", 1, let reason) = event { reason.contains("nothing came") } else { false }
        }
        #expect(await tunnel.closed().code == .lost)
        cable.cut()
        await fixture.stop()
    }
}
