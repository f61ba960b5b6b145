import CertificateTestSupport
import Foundation
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("How the local service is spoken to", .timeLimit(.minutes(5)))
struct LocalSchemeTests {
    /// Opens a stream that says what it speaks, hands its socket to `body`, and answers with what became of it first.
    private func outcome(
        _ port: Int,
        _ scheme: LocalScheme,
        speaking applicationProtocol: String?,
        _ body: @escaping @Sendable (PosixSocket) throws -> Void = { _ in }
    ) async throws -> String? {
        let fixture = try await TunnelFixture.start()
        let destination = FixedDestination(ports: [("127.0.0.1", port)], scheme: scheme)
        let tunnel = try await fixture.connect(destination: destination)
        let failure: (any Error)? = try await onThread {
            let socket: PosixSocket
            do { socket = try fixture.open(speaking: applicationProtocol) } catch { return error }
            defer { socket.close() }
            try body(socket)
            return nil
        }
        let outcome = await destination.next()
        #expect((failure == nil) == (outcome == "accepted 127.0.0.1"), "the acknowledgement says the same")
        await tunnel.close()
        await fixture.stop()
        return outcome
    }

    @Test(
        "Inside TLS, byte for byte in both directions, each end passed on; with a goodbye and without",
        arguments: [true, false]
    )
    func bytes(saysGoodbye: Bool) async throws {
        let server = try await TLSEcho(applicationProtocols: ["http/1.1"], saysGoodbye: saysGoodbye)
        let sent = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let outcome = try await self.outcome(server.port, .tls(try LocalTLS()), speaking: "http/1.1") { socket in
            let reading = DispatchGroup()
            let got = Gathered()
            reading.enter()
            Thread.detachNewThread {
                got.bytes = (try? socket.readToEnd()) ?? []
                reading.leave()
            }
            try socket.write(sent)
            socket.shutdownOutput()
            reading.wait()
            #expect(got.bytes == sent)
        }
        #expect(outcome == "accepted 127.0.0.1")
        try await server.close()
    }

    /// What one thread reads and another looks at afterwards.
    private final class Gathered: @unchecked Sendable {
        // Sendable: the group orders the write before the read.
        var bytes: [UInt8] = []
    }

    @Test(
        "The version of HTTP that came is asked for; HTTP/2 only where the service says that it speaks it",
        arguments: [
            (["h2", "http/1.1"], "h2", true), (["h2", "http/1.1"], "http/1.1", true), ([], "http/1.1", true),
            (["http/1.1"], "h2", false), ([], "h2", false), (["h2"], nil, true),
        ] as [([String], String?, Bool)]
    )
    func applicationProtocol(offered: [String], wanted: String?, isTaken: Bool) async throws {
        let server = try await TLSEcho(applicationProtocols: offered)
        let outcome = try await self.outcome(server.port, .tls(try LocalTLS()), speaking: wanted) { socket in
            try socket.write([1, 2, 3])
            #expect(try socket.readExactly(3) == [1, 2, 3])
        }
        if isTaken {
            #expect(outcome == "accepted 127.0.0.1")
        } else {
            #expect(outcome?.contains("it does not speak h2") == true)
        }
        try await server.close()
    }

    @Test("A certificate is verified where an authority is named", arguments: [true, false])
    func authority(isRight: Bool) async throws {
        let server = try await TLSEcho()
        let other = try await TLSEcho()
        let tls = try LocalTLS(authority: Array((isRight ? server : other).authority.pem.utf8))
        let outcome = try await self.outcome(server.port, .tls(tls), speaking: "http/1.1")
        let wanted = isRight ? "accepted" : "unfit: its certificate is not signed by one"
        #expect(outcome?.hasPrefix(wanted) == true, "\(outcome ?? "")")
        try await server.close()
        try await other.close()
    }

    @Test("What holds no certificate is no authority")
    func badAuthority() {
        #expect(throws: (any Error).self) { try LocalTLS(authority: Array("no certificate".utf8)) }
    }

    @Test(
        "A service that accepts and speaks no TLS has not accepted",
        arguments: [
            ("HTTP/1.1 400 No\r\n\r\n", "it does not speak TLS"), ("", "it ended the connection in the TLS handshake"),
        ]
    )
    func noTLS(answer: String, why: String) async throws {
        let server = try PosixServer { socket in
            // Read first: a socket that is closed with bytes unread is reset, and its answer is lost.
            _ = try? socket.read()
            try? socket.write(Array(answer.utf8))
            socket.close()
        }
        let outcome = try await self.outcome(server.port, .tls(try LocalTLS()), speaking: "http/1.1")
        #expect(outcome == "unfit: \(why)")
        server.close()
    }

    @Test("As h2c, HTTP/2 goes as it came and HTTP/1.1 does not go", arguments: ["h2", "http/1.1"])
    func priorKnowledge(speaking: String) async throws {
        let server = try PosixServer { socket in
            if let bytes = try? socket.read() { try? socket.write(bytes) }
            socket.close()
        }
        let outcome = try await self.outcome(server.port, .h2c, speaking: speaking) { socket in
            try socket.write([1, 2, 3])
            #expect(try socket.readExactly(3) == [1, 2, 3])
        }
        #expect(outcome?.hasPrefix(speaking == "h2" ? "accepted" : "unfit: what came is HTTP/1.1") == true)
        server.close()
    }
}
