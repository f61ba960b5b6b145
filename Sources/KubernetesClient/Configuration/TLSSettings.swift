import KubernetesModel
import NIOSSL

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
