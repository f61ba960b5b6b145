import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing
import Tunnel

@testable import TunnelTransport

/// What somebody can do who reaches the port of the tunnels and has no laptop's key.
@Suite("Strangers at the port of the tunnels", .timeLimit(.minutes(5)))
struct StrangerTests {
    @Test("Who knows a laptop's certificate and not its key is refused in the handshake", arguments: [true, false])
    func certificateAlone(hasKey: Bool) async throws {
        let fixture = try await TunnelFixture.start()
        let key =
            hasKey
            ? try P256.Signing.PrivateKey(derRepresentation: fixture.laptop.key.derBytes) : P256.Signing.PrivateKey()
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        tls.certificateChain = [.certificate(fixture.laptop.certificate)]
        tls.privateKey = .privateKey(NIOSSLPrivateKey(customPrivateKey: Signing(key: key)))
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
        // No frame of yamux: with the key it gets as far as being read, and no further.
        try? await channel.writeAndFlush(ByteBuffer(repeating: 0x78, count: 12)).get()
        try? await channel.closeFuture.get()
        let outcome: TunnelError.Code = hasKey ? .protocolViolation : .handshakeFailed
        await fixture.events.wait { if case .refused = $0 { true } else { false } }
        guard case .refused(nil, let reason)? = fixture.events.all.first else {
            Issue.record("\(fixture.events.all)")
            return
        }
        #expect(reason.code == outcome, "\(reason)")
        #expect(await fixture.server.routes().isEmpty)
        await fixture.stop()
    }

    @Test("However many connect and say nothing, a laptop gets in, and one that is in stays")
    func silentCrowd() async throws {
        var settings = TunnelFixture.Settings()
        settings.mostStrangers = 8
        let fixture = try await TunnelFixture.start(settings)
        let held = try await fixture.connect(route: "held")
        // Longer than any deadline of this test: only room that was made can end one.
        var crowd: [any Channel] = []
        for _ in 0..<40 { crowd.append(try await fixture.dial()) }
        for silent in crowd.prefix(32) { try await silent.closeFuture.get() }
        let gone = crowd.suffix(8).filter { !$0.isActive }
        #expect(gone.isEmpty)
        let newcomer = try await fixture.connect(route: "newcomer")
        #expect(await fixture.server.routes().map(\.id) == ["held", "newcomer"])
        try await crowd[32].closeFuture.get()
        await newcomer.close()
        await held.close()
        await fixture.stop()
    }

    @Test("Those who got in or have gone leave room for others")
    func room() async throws {
        var settings = TunnelFixture.Settings()
        settings.mostStrangers = 1
        let fixture = try await TunnelFixture.start(settings)
        let first = try await fixture.connect(route: "first")
        let second = try await fixture.connect(route: "second")
        let gone = try await fixture.dial()
        try await gone.close()
        await fixture.events.wait { if case .refused(nil, _) = $0 { true } else { false } }
        let silent = try await fixture.dial()
        let third = try await fixture.connect(route: "third")
        try await silent.closeFuture.get()
        #expect(await fixture.server.routes().map(\.id) == ["first", "second", "third"])
        for tunnel in [first, second, third] { await tunnel.close() }
        await fixture.stop()
    }
}

/// A key that is used for whatever certificate it is given with.
private struct Signing: NIOSSLCustomPrivateKey, Hashable {
    let key: P256.Signing.PrivateKey

    var signatureAlgorithms: [SignatureAlgorithm] { [.ecdsaSecp256R1Sha256] }

    func sign(channel: any Channel, algorithm: SignatureAlgorithm, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeCompletedFuture {
            ByteBuffer(bytes: try self.key.signature(for: Array(data.readableBytesView)).derRepresentation)
        }
    }

    func decrypt(channel: any Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    static func == (one: Signing, other: Signing) -> Bool {
        one.key.rawRepresentation == other.key.rawRepresentation
    }

    func hash(into hasher: inout Hasher) { hasher.combine(self.key.rawRepresentation) }
}
