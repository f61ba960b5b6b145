import HandshakeFault
public import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization
import TLSWire

extension TLSTermination {
    /// How long the original may take to connect, and then to shake hands.
    private static let patience = TimeAmount.seconds(2)

    /// Speaks TLS to the original once, as a client would, and ends the connection.
    ///
    /// - Throws: ``TLSTrouble``: what stands in the way of answering clients in its place.
    public func probe(_ original: SocketAddress, group: any EventLoopGroup) async throws(TLSTrouble) {
        let hello = ClientHello(serverName: try self.material().name, applicationProtocols: ["h2", "http/1.1"])
        let objection = Noted()
        let loop = group.next()
        let done = loop.makePromise(of: Void.self)
        do {
            let channel = try await ClientBootstrap(group: loop)
                .connectTimeout(Self.patience)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let tls = try self.originalHandler(for: hello) { objection.set($0) }
                        try channel.pipeline.syncOperations.addHandler(tls)
                        try channel.pipeline.syncOperations.addHandler(ProbeHandler(done))
                    }
                }
                .connect(to: original).get()
            let timeout = loop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
            defer {
                timeout.cancel()
                channel.close(promise: nil)
            }
            try await done.futureResult.get()
        } catch {
            done.fail(error)
            throw self.trouble(error, objection: objection.value)
        }
    }

    private func trouble(_ error: any Error, objection: String?) -> TLSTrouble {
        let secret = self.files.secret
        if let trouble = error as? TLSTrouble { return trouble }
        if let objection {
            return TLSTrouble(
                .unverified,
                "it is not who secret \(secret) says it is: \(objection); name the Secret that the Service's Pods use, or put the "
                    + "certificate that signed theirs in as ca.crt"
            )
        }
        if error is ClientCertificateWanted {
            return TLSTrouble(
                .clientCertificate,
                "it asks its clients for certificates, which nobody can pass on; leave --tls-secret out: whole connections can "
                    + "be taken with --all"
            )
        }
        guard error is NIOSSLError else {
            return TLSTrouble(.unreachable, "it takes no connections (\(error))")
        }
        return TLSTrouble(
            .handshake,
            "\(HandshakeFault(error).map { "\($0)" } ?? "TLS with it failed (\(error))"); if the port does not speak TLS, leave --tls-secret out for it"
        )
    }

    /// A sentence that one thread leaves for another.
    private final class Noted: Sendable {
        private let text = Mutex<String?>(nil)

        var value: String? { self.text.withLock { $0 } }

        func set(_ text: String) { self.text.withLock { $0 = text } }
    }

    /// Waits for the end of the handshake.
    private final class ProbeHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let done: EventLoopPromise<Void>

        init(_ done: EventLoopPromise<Void>) {
            self.done = done
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted = event as? TLSUserEvent { self.done.succeed(()) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.done.fail(error)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.done.fail(NIOSSLError.handshakeFailed(.sslError([])))
        }
    }
}
