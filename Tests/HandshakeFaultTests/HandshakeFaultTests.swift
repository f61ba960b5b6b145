import HandshakeFault
import NIOCore
import NIOEmbedded
import NIOSSL
import Testing

@Suite("Why there is no TLS with the other end")
struct HandshakeFaultTests {
    /// What a client's TLS handler says when these bytes come for a ServerHello.
    private func fault(_ bytes: [UInt8]) throws -> HandshakeFault? {
        let context = try NIOSSLContext(configuration: .makeClientConfiguration())
        let caught = Caught()
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([
            try NIOSSLClientHandler(context: context, serverHostname: nil), caught,
        ])
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 443), promise: nil)
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return caught.errors.lazy.compactMap { HandshakeFault($0) }.first
    }

    private final class Caught: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var errors: [any Error] = []
        func errorCaught(context: ChannelHandlerContext, error: any Error) { self.errors.append(error) }
    }

    @Test(
        "An answer that is no TLS is told as such, an alert in its own words",
        arguments: [
            (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "it does not speak TLS"),
            (Array("220 mail.example ESMTP\r\n".utf8), "it does not speak TLS"),
            ([21, 3, 3, 0, 2, 2, 40], "the TLS handshake failed: sslv3 alert handshake failure"),
            ([21, 3, 3, 0, 2, 2, 70], "the TLS handshake failed: tlsv1 alert protocol version"),
        ]
    )
    func answers(bytes: [UInt8], words: String) throws {
        let fault = try self.fault(bytes)
        #expect(fault?.description == words)
    }

    @Test("What failed otherwise is not read")
    func others() {
        #expect(HandshakeFault(ChannelError.eof) == nil)
        #expect(HandshakeFault(NIOSSLError.uncleanShutdown) == nil)
    }
}
