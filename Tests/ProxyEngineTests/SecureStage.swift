#if os(Linux)
    import CertificateTestSupport
    import GatewayCore
    import NIOSSL
    @testable import PeerTestSupport
    import ProxyEngine

    /// What a TLS client of a test wants.
    struct SecureClient: Sendable {
        var authority: TestAuthority
        var version = TLSVersion.tlsv13
        var protocols: [String] = []
        var identity: TestAuthority.Identity?

        func handler() throws -> NIOSSLHandler {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(self.authority.pem.utf8)))
            configuration.minimumTLSVersion = self.version
            configuration.maximumTLSVersion = self.version
            configuration.applicationProtocols = self.protocols
            if let identity {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8))
                    .map { .certificate($0) }
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem)
                )
            }
            return try NIOSSLClientHandler(
                context: NIOSSLContext(configuration: configuration),
                serverHostname: "a.test"
            )
        }
    }

    extension TLSRules {
        init(_ identity: TestAuthority.Identity) { self.init(identity.certificate, identity.key) }

        init(_ certificate: String, _ key: String) {
            self.init(
                certificate: File(path: "c.pem", bytes: Array(certificate.utf8)),
                key: File(path: "k.pem", bytes: Array(key.utf8))
            )
        }
    }

    extension Stage {
        /// An engine that speaks TLS.
        static func secure(
            _ authority: TestAuthority,
            servers: Int = 1,
            bounds: ListenerBounds = .init(),
            rules: (inout TLSRules) -> Void = { _ in },
            _ body: (Stage) async throws -> Void
        ) async throws {
            var tls = TLSRules(try authority.identity("a.test"))
            rules(&tls)
            try await Self.with(servers: servers, bounds: bounds, change: { $0.listeners[0].tls = tls }, body)
        }

        /// Waits until no client is connected; connections to servers may wait for others.
        func isDeserted() async {
            while await self.engine.connections() > 0, !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(5))
            }
        }

        func client(_ secure: SecureClient) async throws -> TestSocket {
            try await TestSocket.connect(port: self.engine.ports.first ?? 0) { try secure.handler() }
        }
    }
#endif
