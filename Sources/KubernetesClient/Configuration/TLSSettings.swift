import KubernetesModel
import NIOSSL
import Synchronization

/// Makes TLS configurations of PEM, once a client certificate.
enum TLSSettings {
    static func make(for connection: ClusterConnection, identity: ClientIdentity?) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        if connection.isInsecure {
            configuration.certificateVerification = .none
        } else if let authority = connection.certificateAuthority {
            configuration.trustRoots = .certificates(
                try Self.certificates(authority, what: "the cluster's certificate-authority")
            )
        }
        if ServerIdentity(connection)?.isVerifiedHereOnly == true {
            configuration.certificateVerification = .noHostnameVerification
        }
        if let identity {
            let certificates = try Self.certificates(identity.certificate, what: "the user's client-certificate")
            configuration.certificateChain = certificates.map { .certificate($0) }
            do {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem))
            } catch {
                throw KubernetesError(.configuration, "the user's client-key is not a private key in PEM", cause: error)
            }
        }
        return configuration
    }

    private static func certificates(_ pem: [UInt8], what: String) throws -> [NIOSSLCertificate] {
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(pem)
            guard !certificates.isEmpty else { throw NIOSSLError.failedToLoadCertificate }
            return certificates
        } catch {
            throw KubernetesError(.configuration, "\(what) is not a certificate in PEM", cause: error)
        }
    }
}

/// The TLS configurations of a transport: the one it starts with, and that of the latest certificate a plugin gave.
///
/// Connections are pooled by configuration, so the same certificate must lead to the same one.
final class TLSCache: Sendable {
    let initial: TLSConfiguration
    private let connection: ClusterConnection
    private let latest = Mutex<(identity: ClientIdentity?, configuration: TLSConfiguration)?>(nil)

    init(_ connection: ClusterConnection) throws {
        self.connection = connection
        self.initial = try TLSSettings.make(for: connection, identity: connection.credentials.initialIdentity)
    }

    /// The configuration for a certificate; nil for the initial one.
    ///
    /// - Throws: ``KubernetesError`` of code `configuration` when it is none.
    func configuration(for identity: ClientIdentity?) throws -> TLSConfiguration? {
        guard identity != self.connection.credentials.initialIdentity else { return nil }
        return try self.latest.withLock { latest in
            if let latest, latest.identity == identity { return latest.configuration }
            let configuration = try TLSSettings.make(for: self.connection, identity: identity)
            latest = (identity, configuration)
            return configuration
        }
    }
}
