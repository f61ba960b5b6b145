import Crypto
import Foundation
import NIOSSL
import NetworkAddress
import SwiftASN1
import X509

@testable import KubernetesClient

/// A certificate authority of a test, in memory.
struct TestAuthority {
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName
    /// Its own certificate in PEM.
    let pem: [UInt8]

    init() throws {
        self.name = try DistinguishedName { CommonName("test authority") }
        let key = Certificate.PrivateKey(self.key)
        let certificate = try Self.certificate(
            subject: self.name,
            issuer: self.name,
            key: key.publicKey,
            signer: key,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }
        )
        self.pem = Array(try certificate.serializeAsPEM().pemString.utf8)
    }

    /// A certificate for a server of the given name, or for a client.
    ///
    /// - Parameter address: an address to carry in place of a name.
    func identity(_ commonName: String, dnsName: String? = nil, address: IPAddress? = nil) throws -> ClientIdentity {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let certificate = try Self.certificate(
            subject: try DistinguishedName { CommonName(commonName) },
            issuer: self.name,
            key: key.publicKey,
            signer: Certificate.PrivateKey(self.key),
            extensions: try Certificate.Extensions {
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames([
                    address.map { .ipAddress(ASN1OctetString(contentBytes: ArraySlice($0.bytes))) }
                        ?? .dnsName(dnsName ?? "\(commonName).client.test")
                ])
            }
        )
        return ClientIdentity(
            certificate: Array(try certificate.serializeAsPEM().pemString.utf8),
            key: Array(try key.serializeAsPEM().pemString.utf8)
        )
    }

    /// What a server of this name or address speaks TLS with; with clients' certificates demanded or not asked for.
    func server(demandsCertificate: Bool, name: String = "kube.test") throws -> NIOSSLContext {
        let identity = try self.identity("server", dnsName: name, address: IPAddress(name))
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(identity.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem))
        )
        if demandsCertificate {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(self.pem))
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private static func certificate(
        subject: DistinguishedName,
        issuer: DistinguishedName,
        key: Certificate.PublicKey,
        signer: Certificate.PrivateKey,
        extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key,
            notValidBefore: Date().addingTimeInterval(-3600),
            notValidAfter: Date().addingTimeInterval(3600),
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions,
            issuerPrivateKey: signer
        )
    }
}
