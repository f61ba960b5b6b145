import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("Who may come into a tunnel", .timeLimit(.minutes(5)))
struct AdmissionTests {
    @Test("A laptop with the right key and session is welcomed, and its socket is private")
    func welcomed() async throws {
        let fixture = try await TunnelFixture.start()
        let tunnel = try await fixture.connect(epoch: 7)
        #expect(tunnel.welcome == ["server": "test"])
        let attributes = try FileManager.default.attributesOfItem(atPath: fixture.socketPath("leaf"))
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        let routes = await fixture.server.routes()
        #expect(routes.map(\.id) == ["leaf"])
        #expect(routes.map(\.epoch) == [7])
        #expect(routes.map(\.fingerprint) == [fixture.laptop.fingerprint])
        await fixture.server.close()
        #expect(await tunnel.closed().code == .closedByPeer)
        #expect(!FileManager.default.fileExists(atPath: fixture.socketPath("leaf")))
        await fixture.stop()
    }

    @Test("A laptop that finds another interceptor key than it was told stops before it says a word")
    func wrongServerFingerprint() async throws {
        let fixture = try await TunnelFixture.start()
        let other = try TunnelIdentity()
        let error = await #expect(throws: TunnelError.self) {
            _ = try await fixture.connect(serverFingerprint: other.fingerprint)
        }
        #expect(error?.code == .handshakeFailed)
        #expect(error?.message.contains("key that the Session does not name") == true)
        await fixture.events.wait { if case .refused(nil, _) = $0 { true } else { false } }
        #expect(await fixture.server.routes().isEmpty)
        await fixture.stop()
    }

    @Test("A laptop whose key the Session does not name is refused in the handshake")
    func unknownLaptop() async throws {
        let fixture = try await TunnelFixture.start()
        let stranger = try TunnelIdentity()
        let error = await #expect(throws: TunnelError.self) { _ = try await fixture.connect(identity: stranger) }
        #expect(error?.code == .handshakeFailed)
        await fixture.events.wait { event in
            if case .refused(nil, let reason) = event {
                reason.message.contains("key that the Session does not name")
            } else {
                false
            }
        }
        await fixture.stop()
    }

    @Test("A key taken off the list does not come in again")
    func revoked() async throws {
        let fixture = try await TunnelFixture.start()
        let tunnel = try await fixture.connect(epoch: 1)
        await tunnel.close()
        fixture.allowed.withLock { $0 = [] }
        let error = await #expect(throws: TunnelError.self) { _ = try await fixture.connect(epoch: 2) }
        #expect(error?.code == .handshakeFailed)
        await fixture.stop()
    }

    @Test("A peer without a certificate is refused")
    func noCertificate() async throws {
        let fixture = try await TunnelFixture.start()
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        let context = try NIOSSLContext(configuration: tls)
        let channel = try await ClientBootstrap(group: fixture.group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: nil)
                    )
                }
            }
            .connect(host: "127.0.0.1", port: fixture.server.port).get()
        try? await channel.closeFuture.get()
        await fixture.events.wait { if case .refused(nil, _) = $0 { true } else { false } }
        await fixture.stop()
    }

    @Test("A peer that speaks something else than TLS is refused")
    func plainText() async throws {
        let fixture = try await TunnelFixture.start()
        let port = fixture.server.port
        let rest = try await onThread {
            let socket = try PosixSocket.connect(port: port)
            defer { socket.close() }
            try socket.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            return try socket.readToEnd()
        }
        #expect(rest.count < 64)
        await fixture.events.wait { if case .refused(nil, _) = $0 { true } else { false } }
        await fixture.stop()
    }

    @Test("A peer that never greets is dropped at the deadline")
    func silentPeer() async throws {
        var settings = TunnelFixture.Settings()
        settings.timing.handshake = .milliseconds(200)
        let fixture = try await TunnelFixture.start(settings)
        let channel = try await fixture.dial()
        try await channel.closeFuture.get()
        await fixture.events.wait { event in
            if case .refused(nil, let reason) = event {
                reason.message.contains("did not greet in time")
            } else {
                false
            }
        }
        await fixture.stop()
    }

    @Test("A guessed session is refused, with the reason, and the route stays down")
    func guessedSession() async throws {
        let fixture = try await TunnelFixture.start()
        let guess = String(repeating: "5e551042", count: 5)
        let error = await #expect(throws: TunnelError.self) { _ = try await fixture.connect(session: guess) }
        #expect(error?.code == .refused)
        #expect(error?.message == "no such session")
        #expect(!FileManager.default.fileExists(atPath: fixture.socketPath("leaf")))
        await fixture.stop()
    }

    @Test("A newer epoch takes the route over; the older laptop is told, and cannot come back")
    func superseded() async throws {
        let fixture = try await TunnelFixture.start()
        let older = try await fixture.connect(epoch: 3)
        let newer = try await fixture.connect(epoch: 4)
        let end = await older.closed()
        #expect(end.code == .superseded)
        var lines: [String] = []
        for await line in older.lines { lines.append(line) }
        #expect(lines == [#"{"superseded":{"by":4}}"#])
        let error = await #expect(throws: TunnelError.self) { _ = try await fixture.connect(epoch: 3) }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("stale") == true)
        #expect(await fixture.server.routes().map(\.epoch) == [4])
        #expect(fixture.events.all.contains(.superseded(id: "leaf", epoch: 3, by: 4)))
        #expect(FileManager.default.fileExists(atPath: fixture.socketPath("leaf")))
        await newer.close()
        await fixture.events.wait { if case .routeDown("leaf", 4, _) = $0 { true } else { false } }
        #expect(!FileManager.default.fileExists(atPath: fixture.socketPath("leaf")))
        await fixture.stop()
    }

    @Test("The same epoch comes back, whether the end of its tunnel has been noticed or not")
    func again() async throws {
        let fixture = try await TunnelFixture.start()
        let first = try await fixture.connect(epoch: 3)
        await first.close()
        await fixture.events.wait { if case .routeDown("leaf", 3, _) = $0 { true } else { false } }
        let second = try await fixture.connect(epoch: 3)
        let third = try await fixture.connect(epoch: 3)
        #expect(await second.closed().code == .superseded)
        #expect(await fixture.server.routes().map(\.epoch) == [3])
        #expect(FileManager.default.fileExists(atPath: fixture.socketPath("leaf")))
        await third.close()
        await fixture.stop()
    }

    @Test("Another admitted key takes over with any epoch")
    func otherKey() async throws {
        let fixture = try await TunnelFixture.start()
        let second = try TunnelIdentity()
        fixture.allowed.withLock { _ = $0.insert(second.fingerprint) }
        let older = try await fixture.connect(epoch: 9)
        let newer = try await fixture.connect(epoch: 1, identity: second)
        #expect(await older.closed().code == .superseded)
        #expect(await fixture.server.routes().map(\.fingerprint) == [second.fingerprint])
        await newer.close()
        await fixture.stop()
    }

    @Test("Lines go both ways after the welcome, and the server's farewell says why")
    func lines() async throws {
        let fixture = try await TunnelFixture.start()
        let tunnel = try await fixture.connect()
        tunnel.send(#"{"note":1}"#)
        await fixture.events.wait { $0 == .line(id: "leaf", #"{"note":1}"#) }
        fixture.server.send(#"{"stats":2}"#, to: "leaf")
        var iterator = tunnel.lines.makeAsyncIterator()
        #expect(await iterator.next() == #"{"stats":2}"#)
        await fixture.server.end(route: "leaf", reason: "the Session was deleted")
        let end = await tunnel.closed()
        #expect(end == TunnelError(.closedByPeer, "the Session was deleted"))
        await fixture.stop()
    }

    @Test("A path that is too long for a socket refuses the laptop and harms nobody")
    func longPath() async throws {
        let fixture = try await TunnelFixture.start()
        let error = await #expect(throws: TunnelError.self) {
            _ = try await fixture.connect(route: String(repeating: "r", count: 120))
        }
        #expect(error?.code == .refused)
        let tunnel = try await fixture.connect()
        await tunnel.close()
        await fixture.stop()
    }
}
