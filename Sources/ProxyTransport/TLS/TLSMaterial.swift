import NIOCore
import NIOSSL
import SwiftASN1
import Synchronization
import TLSWire
import X509

/// A certificate with its key, and who vouches for the original: what a Secret holds at one time.
final class TLSMaterial: Sendable {
    private struct Contexts {
        var server: [String?: NIOSSLContext] = [:]
        var client: [[String]: NIOSSLContext] = [:]
    }

    /// Cipher suites of TLS 1.3, as the wire numbers them: RFC 8446 appendix B.4.
    private static let modernSuites: Set<UInt16> = [0x1301, 0x1302, 0x1303]

    /// The certificate as it is presented.
    let leaf: [UInt8]
    /// The certificates presented after it.
    private let intermediates: [[UInt8]]
    /// Who may have signed the original's certificate; none where only the certificate itself proves it.
    let authority: [Certificate]
    /// The cipher suites of TLS 1.2 that go with the key.
    private let suites: Set<UInt16>
    private let server: TLSConfiguration
    private let contexts = Mutex(Contexts())

    /// - Parameters:
    ///   - chain: the certificate and those after it, in PEM.
    ///   - key: its key, in PEM.
    ///   - authority: certificates in PEM; may be empty.
    /// - Throws: what the libraries say of material that is none, or whose parts do not fit.
    init(chain: [UInt8], key: [UInt8], authority: [UInt8]) throws {
        let certificates = try NIOSSLCertificate.fromPEMBytes(chain)
        let encoded = try certificates.map { try $0.toDERBytes() }
        self.leaf = encoded.first ?? []
        self.intermediates = Array(encoded.dropFirst())
        self.authority =
            authority.isEmpty
            ? [] : try NIOSSLCertificate.fromPEMBytes(authority).map { try Certificate(derEncoded: $0.toDERBytes()) }
        self.suites = try Self.suites(key: certificates.first?.extractPublicKey().toSPKIBytes() ?? [])
        var server = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        )
        server.minimumTLSVersion = .tlsv12
        server.shutdownTimeout = .seconds(1)
        self.server = server
        // The pair is tried at once: later there would be a client waiting.
        _ = try self.serverContext(applicationProtocol: nil)
    }

    /// Whether a handshake can be answered: some TLS stacks offer only what this one does not speak.
    func canAnswer(_ hello: ClientHello) -> Bool {
        if hello.versions.contains(0x0304), !Self.modernSuites.isDisjoint(with: hello.cipherSuites) { return true }
        return hello.versions.contains(0x0303) && !self.suites.isDisjoint(with: hello.cipherSuites)
    }

    /// What is presented to a client whose original chose this protocol.
    func serverContext(applicationProtocol: String?) throws -> NIOSSLContext {
        try self.contexts.withLock { contexts in
            if let known = contexts.server[applicationProtocol] { return known }
            if contexts.server.count >= 16 { contexts.server = [:] }
            var configuration = self.server
            configuration.applicationProtocols = applicationProtocol.map { [$0] } ?? []
            let context = try NIOSSLContext(configuration: configuration)
            contexts.server[applicationProtocol] = context
            return context
        }
    }

    /// What asks the original for one of these protocols.
    func clientContext(applicationProtocols: [String]) throws -> NIOSSLContext {
        try self.contexts.withLock { contexts in
            if let known = contexts.client[applicationProtocols] { return known }
            // Clients choose these lists, so they must not pile up.
            if contexts.client.count >= 16 { contexts.client = [:] }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.applicationProtocols = applicationProtocols
            configuration.minimumTLSVersion = .tlsv12
            configuration.shutdownTimeout = .seconds(1)
            // Our own verification takes the place of the library's, so its roots are not read from the system.
            configuration.trustRoots = .certificates([])
            configuration.certificateVerification = .noHostnameVerification
            // Asked when the server asks for a certificate. The client has one, perhaps, and cannot be asked for it here.
            configuration.sslContextCallback = { _, promise in promise.fail(ClientCertificateWanted()) }
            let context = try NIOSSLContext(configuration: configuration)
            contexts.client[applicationProtocols] = context
            return context
        }
    }

    /// A name the certificate is for, for a handshake that no client asks for.
    var name: String? {
        guard let leaf = try? Certificate(derEncoded: self.leaf),
            let names = try? leaf.extensions.subjectAlternativeNames
        else { return nil }
        for case .dnsName(let name) in names {
            return name.hasPrefix("*.") ? "detour\(name.dropFirst())" : name
        }
        return nil
    }

    /// Why a chain is not the original's; nil when it is.
    ///
    /// The Secret's own certificate proves it. Another one does where the Secret's authority has signed it for the name the
    /// client asks for, and the Secret's own too: only then does the client get what it would have taken from the original.
    func objection(to chain: [[UInt8]], serverName: String?) async -> String? {
        guard let presented = chain.first else { return "it presents no certificate" }
        if presented == self.leaf { return nil }
        guard !self.authority.isEmpty else {
            return "it presents another certificate than the Secret's, which has no ca.crt"
        }
        guard let serverName else {
            return "it presents another certificate than the Secret's, and the client names no server to verify it for"
        }
        if let objection = await self.objection(to: chain, for: serverName) {
            return "its certificate is not one that the Secret's ca.crt has signed for \(serverName): \(objection)"
        }
        if let objection = await self.objection(to: [self.leaf] + self.intermediates, for: serverName) {
            return "the Secret's own certificate is not one that its ca.crt has signed for \(serverName): \(objection)"
        }
        return nil
    }

    private func objection(to chain: [[UInt8]], for serverName: String) async -> String? {
        do {
            let certificates = try chain.map { try Certificate(derEncoded: $0) }
            guard let leaf = certificates.first else { return "there is none" }
            var verifier = Verifier(rootCertificates: CertificateStore(self.authority)) {
                RFC5280Policy()
                ServerIdentityPolicy(serverHostname: serverName, serverIP: nil)
            }
            let result = await verifier.validate(
                leaf: leaf,
                intermediates: CertificateStore(certificates.dropFirst())
            )
            guard case .couldNotValidate(let failures) = result else { return nil }
            return failures.first.map { "\($0.policyFailureReason)" } ?? "its issuer is not known"
        } catch {
            return "it cannot be read (\(error))"
        }
    }

    /// RFC 5289, RFC 7905, RFC 5246: what the TLS library speaks of TLS 1.2 by default, by the kind of key.
    private static func suites(key: [UInt8]) -> Set<UInt16> {
        // Object identifiers: rsaEncryption (RFC 8017), id-ecPublicKey (RFC 5480).
        if key.holds([0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]) {
            return [0xc02f, 0xc030, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035]
        }
        guard key.holds([0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]) else { return [] }
        return [0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a]
    }
}

/// The original asked for a client's certificate.
struct ClientCertificateWanted: Error {}

extension [UInt8] {
    /// Whether these bytes follow each other anywhere.
    fileprivate func holds(_ part: [UInt8]) -> Bool {
        self.indices.contains { self[$0...].starts(with: part) }
    }
}
