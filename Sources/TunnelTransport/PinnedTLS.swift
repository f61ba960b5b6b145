import NIOCore
import NIOSSL
import Tunnel

/// TLS 1.3 in which each end knows the other by its certificate's fingerprint, and by nothing else.
enum PinnedTLS {
    /// The fingerprint a handshake has verified; nil until then, and nil for ever when the peer tried to resume a session
    /// whose key nobody checked again.
    final class Peer {
        var fingerprint: String?
        var refusal: TunnelError?
    }

    static func clientContext(_ identity: TunnelIdentity) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateChain = [.certificate(identity.certificate)]
        configuration.privateKey = .privateKey(identity.key)
        return try NIOSSLContext(configuration: self.strict(configuration))
    }

    static func serverContext(_ identity: TunnelIdentity) throws -> NIOSSLContext {
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(identity.certificate)],
            privateKey: .privateKey(identity.key)
        )
        return try NIOSSLContext(configuration: self.strict(configuration))
    }

    private static func strict(_ configuration: TLSConfiguration) -> TLSConfiguration {
        var configuration = configuration
        configuration.minimumTLSVersion = .tlsv13
        configuration.maximumTLSVersion = .tlsv13
        // Anything but `.none` makes both ends present a certificate; the pin then replaces the library's own checks.
        configuration.certificateVerification = .noHostnameVerification
        configuration.shutdownTimeout = .seconds(1)
        return configuration
    }

    /// The handler of the end that expects exactly one key.
    static func client(
        _ context: NIOSSLContext,
        expecting fingerprint: String,
        peer: Peer
    ) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: context, serverHostname: nil) { certificates, promise in
            Self.verify(certificates, peer, promise) { constantTimeEquals($0, fingerprint) }
        }
    }

    /// The handler of the end that asks, at each handshake, whether a key may come in.
    static func server(
        _ context: NIOSSLContext,
        peer: Peer,
        isAllowed: @escaping @Sendable (String) -> Bool
    ) -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: context) { certificates, promise in
            Self.verify(certificates, peer, promise, isAllowed)
        }
    }

    private static func verify(
        _ certificates: [NIOSSLCertificate],
        _ peer: Peer,
        _ promise: EventLoopPromise<NIOSSLVerificationResult>,
        _ isExpected: (String) -> Bool
    ) {
        guard let certificate = certificates.first, let bytes = try? certificate.toDERBytes() else {
            peer.refusal = TunnelError(.handshakeFailed, "the peer of the tunnel presented no certificate")
            return promise.succeed(.failed)
        }
        let fingerprint = TunnelIdentity.fingerprint(ofDER: bytes)
        guard isExpected(fingerprint) else {
            peer.refusal = TunnelError(
                .handshakeFailed,
                "the peer of the tunnel has a key that the Session does not name; "
                    + "an interceptor or a laptop that restarted publishes its new key first"
            )
            return promise.succeed(.failed)
        }
        peer.fingerprint = fingerprint
        promise.succeed(.certificateVerified)
    }
}
