import CertificateTestSupport
import Foundation
import NIOCore
import NIOSSL
import ProxyCore
import Synchronization
import TrafficMatch

@testable import PeerTestSupport
@testable import ProxyTransport

/// A Service that speaks TLS, the Secret that holds its certificate, and clients that trust it.
final class TLSStage: Sendable {
    let authority: TestAuthority
    let directory: URL
    /// The names that clients asked the original for.
    private let askedFor = Mutex<[String?]>([])

    init(_ name: String = "leaf.shop", hasAuthority: Bool = true, kind: TestAuthority.KeyKind = .p256) throws {
        self.authority = try TestAuthority()
        self.directory = URL(filePath: NSTemporaryDirectory()).appending(path: "detour-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        try self.write(try self.authority.identity(name, kind: kind))
        if hasAuthority { try self.write(self.authority.pem, "ca.crt") }
    }

    deinit {
        try? FileManager.default.removeItem(at: self.directory)
    }

    var termination: TLSTermination { TLSTermination(secret: "leaf-tls", directory: self.directory.path()) }
    var names: [String?] { self.askedFor.withLock { $0 } }

    /// Puts a certificate and its key into the Secret.
    func write(_ identity: TestAuthority.Identity) throws {
        try self.write(identity.certificate, "tls.crt")
        try self.write(identity.key, "tls.key")
    }

    func write(_ text: String, _ file: String) throws {
        try Data(text.utf8).write(to: self.directory.appending(path: file), options: .atomic)
    }

    /// What a server speaks TLS with; the Secret's certificate unless another is given.
    func serverContext(
        _ identity: TestAuthority.Identity? = nil,
        applicationProtocols: [String] = [],
        wantsCertificate: Bool = false
    ) throws -> NIOSSLContext {
        let certificate = try identity.map { Array($0.certificate.utf8) } ?? self.read("tls.crt")
        let key = try identity.map { Array($0.key.utf8) } ?? self.read("tls.key")
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        )
        configuration.applicationProtocols = applicationProtocols
        if wantsCertificate {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(self.authority.pem.utf8)))
            configuration.certificateVerification = .optionalVerification
        }
        configuration.sslContextCallback = { values, promise in
            self.askedFor.withLock { $0.append(values.serverHostname) }
            promise.succeed(NIOSSLContextConfigurationOverride())
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private func read(_ file: String) throws -> [UInt8] {
        Array(try Data(contentsOf: self.directory.appending(path: file)))
    }

    /// A client that verifies the server by this stage's authority, or another's.
    func client(
        _ name: String? = "leaf.shop",
        applicationProtocols: [String] = [],
        trusting authority: TestAuthority? = nil,
        latest: TLSVersion? = nil
    ) throws -> @Sendable () throws -> NIOSSLHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        let roots = (authority ?? self.authority).pem
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(roots.utf8)))
        configuration.applicationProtocols = applicationProtocols
        configuration.maximumTLSVersion = latest
        if name == nil { configuration.certificateVerification = .noHostnameVerification }
        let context = try NIOSSLContext(configuration: configuration)
        return { try NIOSSLClientHandler(context: context, serverHostname: name) }
    }

    /// Runs `body` with a listener in front of an original that speaks TLS with `context`.
    func run(
        _ context: NIOSSLContext,
        configure: @escaping (inout ListenerConfiguration) -> Void = { _ in },
        _ body: (Harness, Server) async throws -> Void
    ) async throws {
        let server = try await Server(tls: context)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: server.port)
        var failure: (any Error)?
        do {
            try await Harness.run(original: address) {
                $0.termination = self.termination
                configure(&$0)
            } _: { harness in
                try await body(harness, server)
            }
        } catch { failure = error }
        try await server.close()
        if let failure { throw failure }
    }
}

extension Harness {
    func connect(_ tls: @escaping @Sendable () throws -> NIOSSLHandler) async throws -> TestSocket {
        try await TestSocket.connect(port: self.listener.boundPort ?? 0, tls: tls)
    }
}
