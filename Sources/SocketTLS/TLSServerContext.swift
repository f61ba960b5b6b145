import HandshakeFault
import NIOSSL

/// What a server proves itself with, ready for use; shared by all connections that begin while it holds.
public final class TLSServerContext: Sendable {
    let context: NIOSSLContext

    /// Reads what the server proves itself with, all in PEM.
    ///
    /// - Parameters:
    ///   - chain: its certificate, and those after it up to a root.
    ///   - key: the certificate's key.
    ///   - clientAuthority: who may have signed the certificates that clients must show; nil where they need none.
    ///   - isModern: whether only TLS 1.3 is spoken, not 1.2.
    ///   - protocols: what is offered by ALPN (RFC 7301), the best first.
    /// - Throws: ``TLSMaterialError``.
    public init(
        chain: [UInt8],
        key: [UInt8],
        clientAuthority: [UInt8]? = nil,
        isModern: Bool = false,
        protocols: [String]
    ) throws(TLSMaterialError) {
        let certificates = try Self.certificates(chain, .certificate)
        guard let privateKey = try? NIOSSLPrivateKey(bytes: key, format: .pem) else { throw TLSMaterialError.key }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(privateKey)
        )
        configuration.minimumTLSVersion = isModern ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = protocols
        if let clientAuthority {
            configuration.trustRoots = .certificates(try Self.certificates(clientAuthority, .clientAuthority))
            // Whoever has one of theirs may come from anywhere.
            configuration.certificateVerification = .noHostnameVerification
        }
        guard let context = try? NIOSSLContext(configuration: configuration) else { throw TLSMaterialError.pair }
        self.context = context
    }

    private static func certificates(
        _ bytes: [UInt8],
        _ error: TLSMaterialError
    ) throws(TLSMaterialError) -> [NIOSSLCertificate] {
        guard let all = try? NIOSSLCertificate.fromPEMBytes(bytes), !all.isEmpty else { throw error }
        return all
    }
}

/// What is wrong with what a server is to prove itself with.
public enum TLSMaterialError: Error, Hashable, Sendable {
    /// There is no certificate in it.
    case certificate
    /// There is no key in it.
    case key
    /// There is no certificate in what should hold the clients' authority.
    case clientAuthority
    /// The key is not the certificate's.
    case pair
}
