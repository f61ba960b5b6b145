import NIOCore
import NIOSSL
import Tunnel

/// How the local service is spoken to.
public enum LocalScheme: Sendable {
    /// The bytes as they came.
    case plain
    /// HTTP/2 by prior knowledge (RFC 9113 section 3.3), and nothing else.
    case h2c
    /// The bytes as they came, inside TLS.
    case tls(LocalTLS)
}

/// TLS towards the local service, as its client.
///
/// A certificate that a local development server made for itself proves nothing, and nobody but this machine answers on
/// its loopback: without an authority any certificate is taken.
public struct LocalTLS: Sendable {
    /// The name that is asked for, whatever the addresses: what development certificates are made for.
    private static let name = "localhost"

    private let contexts: [String?: NIOSSLContext]
    /// Whether the local service's certificate is looked at.
    public let isVerified: Bool

    /// - Parameter authority: certificates in PEM, of which one has to have signed the local service's; nil to take any.
    /// - Throws: what NIOSSL says of an authority that is none.
    public init(authority: [UInt8]? = nil) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = .seconds(1)
        configuration.certificateVerification = .none
        self.isVerified = authority != nil
        if let authority {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authority))
            configuration.certificateVerification = .noHostnameVerification
        }
        var contexts: [String?: NIOSSLContext] = [:]
        for name in [nil, "http/1.1", "h2"] {
            configuration.applicationProtocols = name.map { [$0] } ?? []
            contexts[name] = try NIOSSLContext(configuration: configuration)
        }
        self.contexts = contexts
    }

    /// The handlers of one connection, and what becomes of its handshake.
    ///
    /// - Parameter applicationProtocol: what will be spoken, as ALPN names it; nil to leave that open.
    func handlers(
        applicationProtocol: String?,
        eventLoop: any EventLoop
    ) throws -> (NIOSSLClientHandler, LocalHandshake) {
        let name = self.contexts[applicationProtocol] == nil ? nil : applicationProtocol
        guard let context = self.contexts[name] else { throw ChannelError.inappropriateOperationForState }
        return (
            try NIOSSLClientHandler(context: context, serverHostname: Self.name),
            LocalHandshake(expecting: name, done: eventLoop.makePromise())
        )
    }
}
