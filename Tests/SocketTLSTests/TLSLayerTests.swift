import CertificateTestSupport
import NIOCore
import NIOEmbedded
import NIOSSL
import TestSupport
import Testing

@testable import SocketTLS

/// A layer, and a client of the library's, with nothing but bytes between them.
private final class Pair {
    let loop = EmbeddedEventLoop()
    let layer: TLSLayer
    let client: EmbeddedChannel
    private let sent: Sent

    /// What the layer has sent and the client has not seen.
    private final class Sent { var bytes = ByteBuffer() }

    init(_ authority: TestAuthority, version: TLSVersion = .tlsv13) throws {
        let identity = try authority.identity("a.test")
        let context = try TLSServerContext(
            chain: Array(identity.certificate.utf8),
            key: Array(identity.key.utf8),
            protocols: ["http/1.1"]
        )
        let sent = Sent()
        self.sent = sent
        self.layer = try TLSLayer(context, on: self.loop) {
            var bytes = $0
            sent.bytes.writeBuffer(&bytes)
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.pem.utf8)))
        configuration.applicationProtocols = ["http/1.1"]
        configuration.minimumTLSVersion = version
        configuration.maximumTLSVersion = version
        self.client = EmbeddedChannel(loop: self.loop)
        let handler = try NIOSSLClientHandler(
            context: NIOSSLContext(configuration: configuration),
            serverHostname: "a.test"
        )
        try self.client.pipeline.syncOperations.addHandler(handler)
        self.client.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    /// Carries bytes between the two, so many at once, until neither has any; tells each piece's arrival.
    func carry(_ count: () -> Int, _ arrived: () throws -> Void = {}) throws {
        var up = ByteBuffer()
        while true {
            while var more = try self.client.readOutbound(as: ByteBuffer.self) { up.writeBuffer(&more) }
            if let piece = up.readSlice(length: min(max(1, count()), up.readableBytes)), piece.readableBytes > 0 {
                self.layer.take(piece)
                try arrived()
            } else if let piece = self.sent.bytes.readSlice(
                length: min(max(1, count()), self.sent.bytes.readableBytes)
            ),
                piece.readableBytes > 0
            {
                try self.client.writeInbound(piece)
            } else {
                return
            }
        }
    }

    /// Ends the client's side, whose wait for our end is over soon.
    func finish() {
        self.client.close(promise: nil)
        self.loop.advanceTime(by: .seconds(60))
    }
}

@Suite("TLS as bytes in and bytes out")
struct TLSLayerTests {
    @Test(
        "handshake, bytes and end, in pieces of any size",
        arguments: [TLSVersion.tlsv12, .tlsv13],
        [1, 2, 7, 100, 16_389, 1 << 20]
    )
    func pieces(version: TLSVersion, size: Int) throws {
        let pair = try Pair(TestAuthority(), version: version)
        var random = SplitMix64(seed: UInt64(size))
        let count = { size == 1 ? 1 : Int.random(in: 1...size, using: &random) }
        #expect(pair.layer.stage == .handshake)
        try pair.carry(count)
        #expect(pair.layer.stage == .open && pair.layer.applicationProtocol == "http/1.1" && pair.layer.said() == nil)
        let bytes = (0..<(size < 100 ? 3_000 : 100_000)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
        try pair.client.writeOutbound(ByteBuffer(bytes: bytes))
        var heard: [UInt8] = []
        try pair.carry(count) { heard += pair.layer.said().map { Array($0.readableBytesView) } ?? [] }
        #expect(heard == bytes && !pair.layer.hasEnded)
        bytes.withUnsafeBytes { pair.layer.say($0) }
        pair.layer.finish()
        try pair.carry(count)
        var back: [UInt8] = []
        while let some = try pair.client.readInbound(as: ByteBuffer.self) { back += Array(some.readableBytesView) }
        #expect(back == bytes)
        // The client has answered the end with its own.
        #expect(pair.layer.hasEnded && pair.layer.stage == .open)
        pair.layer.end()
        pair.finish()
    }

    @Test("bytes that were changed on the way break it, and none of them is heard")
    func changed() throws {
        let pair = try Pair(TestAuthority())
        try pair.carry { 1 << 20 }
        try pair.client.writeOutbound(ByteBuffer(string: "hello"))
        var bytes = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
        let last = bytes.writerIndex - 1
        let byte = try #require(bytes.getInteger(at: last, as: UInt8.self))
        bytes.setInteger(byte ^ 1, at: last)
        pair.layer.take(bytes)
        #expect(pair.layer.stage == .broken && pair.layer.said() == nil && !pair.layer.hasEnded)
        // Nothing is said any more, and nothing goes wrong by trying.
        [UInt8]("x".utf8).withUnsafeBytes { pair.layer.say($0) }
        pair.layer.finish()
        pair.layer.end()
        pair.finish()
    }

    @Test(
        "what is no TLS fails the handshake",
        arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{17}\u{3}\u{3}\u{0}\u{1}x", "SSH-2.0-x\r\n"]
    )
    func noTLS(bytes: String) throws {
        let pair = try Pair(TestAuthority())
        pair.layer.take(ByteBuffer(string: bytes))
        guard case .failed = pair.layer.stage else {
            Issue.record("\(pair.layer.stage)")
            return
        }
        pair.layer.end()
        pair.finish()
    }

    @Test("nothing is left of one that has ended, whenever that was", arguments: 0..<4)
    func memory(moment: Int) throws {
        weak var layer: TLSLayer?
        weak var channel: TLSChannel?
        do {
            let pair = try Pair(TestAuthority())
            layer = pair.layer
            channel = pair.layer.channel
            if moment > 0 { try pair.carry { 1 << 20 } }
            if moment > 1 { pair.layer.finish() }
            if moment > 2 { try pair.carry { 1 << 20 } }
            pair.layer.end()
            pair.finish()
        }
        #expect(layer == nil && channel == nil)
    }
}
