import NIOCore
import NIOSSL
import NIOTLS
import NetworkAddress

/// Compares an API server's certificate with the name or address that it is known by (RFC 9110 section 4.3.4), as Go does.
///
/// NIOSSL compares the certificate's addresses with that of the connection's other end. Behind a proxy that is the proxy's; with
/// an address as `tls-server-name` it is not the one that was asked for; and where a name is expected, any certificate for the
/// address that was dialled is enough for it.
struct ServerIdentity: Sendable {
    private enum Expected {
        case name(String)
        case address(IPAddress)
    }

    private let expected: Expected
    /// Whether NIOSSL is to compare nothing by itself.
    let isVerifiedHereOnly: Bool

    /// Who is to be at the other end of connections to a cluster; nil where nobody in particular is.
    init?(_ connection: ClusterConnection) {
        guard connection.server.isTLS, !connection.isInsecure else { return nil }
        let name = connection.tlsServerName ?? connection.server.host
        let address = IPAddress(name)
        self.expected = address.map { .address($0) } ?? .name(name.lowercased())
        self.isVerifiedHereOnly = address != nil
    }

    /// Looks at the certificate of a channel whose TLS handshake is over; on its event loop.
    ///
    /// - Throws: what NIOSSL throws for a name that does not fit.
    func verify(_ channel: any Channel) throws {
        guard let certificate = try channel.pipeline.syncOperations.nioSSL_peerCertificate() else {
            throw NIOSSLExtraError.failedToValidateHostname
        }
        let names = certificate._subjectAlternativeNames()
        let fits =
            switch self.expected {
            // Without any, NIOSSL has compared the common name.
            case .name(let name):
                names.isEmpty
                    || names.contains {
                        $0.nameType == .dnsName
                            && Self.pattern(String(decoding: $0.contents, as: UTF8.self).lowercased(), fits: name)
                    }
            case .address(let address):
                names.contains { $0.nameType == .ipAddress && Array($0.contents) == address.bytes }
            }
        guard fits else { throw NIOSSLExtraError.failedToValidateHostname }
    }

    /// RFC 9525 section 6.3: an asterisk stands for the whole leftmost label.
    private static func pattern(_ pattern: String, fits name: String) -> Bool {
        guard pattern.hasPrefix("*.") else { return pattern == name }
        return name.firstIndex(of: ".").map { name[$0...] == pattern.dropFirst() } ?? false
    }

    /// The same as a future, that closes the channel when it fails: nothing may be said to that server.
    func verifyOrClose(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.submit { try self.verify(channel) }
            .flatMapErrorThrowing { error in
                channel.close(promise: nil)
                throw error
            }
    }
}

/// Waits for the end of a TLS handshake and leaves.
final class HandshakeEnd: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<Void>

    /// - Parameter promise: succeeds when the handshake is over, and fails with whatever ends the connection before.
    init(promise: EventLoopPromise<Void>) {
        self.promise = promise
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent {
            context.pipeline.syncOperations.removeHandler(context: context, promise: self.promise)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.fail(ChannelError.eof)
        context.fireChannelInactive()
    }
}
