import Crypto
public import Foundation
import SwiftASN1
import X509
import _CryptoExtras

/// A certificate authority of a test, made in memory.
public struct TestAuthority: Sendable {
    /// A certificate with its key, both in PEM.
    public struct Identity: Sendable {
        /// The certificate.
        public let certificate: String
        /// Its key.
        public let key: String
    }

    /// What kind of key a certificate is for.
    public enum KeyKind: Sendable, CaseIterable {
        /// An elliptic curve's.
        case p256
        /// RSA's.
        case rsa
    }

    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName
    /// Its own certificate, in PEM.
    public let pem: String

    /// An authority that nobody knows.
    public init() throws {
        self.name = try DistinguishedName { CommonName("an authority of a test") }
        let key = Certificate.PrivateKey(self.key)
        self.pem = try Self.certificate(
            subject: self.name,
            issuer: self.name,
            key: key.publicKey,
            signer: key,
            expires: 3600,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }
        ).serializeAsPEM().pemString
    }

    /// A certificate for these names, for a server or a client.
    ///
    /// - Parameter expires: how long it is valid yet; negative for one that is not any more.
    public func identity(_ names: String..., kind: KeyKind = .p256, expires: TimeInterval = 3600) throws -> Identity {
        let key =
            switch kind {
            case .p256: Certificate.PrivateKey(P256.Signing.PrivateKey())
            case .rsa: Certificate.PrivateKey(try _RSA.Signing.PrivateKey(keySize: .bits2048))
            }
        let certificate = try Self.certificate(
            subject: try DistinguishedName { CommonName("a server of a test") },
            issuer: self.name,
            key: key.publicKey,
            signer: Certificate.PrivateKey(self.key),
            expires: expires,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames(names.map { .dnsName($0) })
            }
        )
        return Identity(
            certificate: try certificate.serializeAsPEM().pemString,
            key: try key.serializeAsPEM().pemString
        )
    }

    private static func certificate(
        subject: DistinguishedName,
        issuer: DistinguishedName,
        key: Certificate.PublicKey,
        signer: Certificate.PrivateKey,
        expires: TimeInterval,
        extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key,
            notValidBefore: Date().addingTimeInterval(-7200),
            notValidAfter: Date().addingTimeInterval(expires),
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions,
            issuerPrivateKey: signer
        )
    }
}
