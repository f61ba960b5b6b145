import CertificateTestSupport
import Foundation
import InterceptPlanning
import KubernetesModel
import NIOCore
import NIOPosix
import NIOSSL
import ProxyTransport
import Testing

@testable import Interceptor

@Suite("Before the Service is swapped, the original behind a port that speaks TLS", .timeLimit(.minutes(5)))
struct DecoyProbeTests {
    /// What stands behind the decoy.
    enum Original: CaseIterable, Sendable {
        case right, signed, stranger, wantsCertificate, plain, nobody
    }

    /// A folder as the kubelet mounts a Secret, removed with this.
    private final class Secret: Sendable {
        let directory = URL(filePath: NSTemporaryDirectory()).appending(path: "detour-secret-\(UUID().uuidString)")

        init(_ files: [String: String]) throws {
            try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
            for (name, text) in files { try Data(text.utf8).write(to: self.directory.appending(path: name)) }
        }

        deinit {
            try? FileManager.default.removeItem(at: self.directory)
        }
    }

    private static func serve(_ identity: TestAuthority.Identity?, wantsCertificate: Bool) async throws -> any Channel {
        var context: NIOSSLContext?
        if let identity {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8))
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem))
            )
            if wantsCertificate {
                configuration.trustRoots = .certificates(chain)
                configuration.certificateVerification = .optionalVerification
            }
            context = try NIOSSLContext(configuration: configuration)
        }
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [context] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    } else {
                        channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"), promise: nil)
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// What the probe says of a port; nil when the Service may be swapped.
    private static func problem(port: Int, _ secret: Secret) async throws -> String? {
        var configuration = InterceptorConfiguration(
            session: try #require(try Stage().session()),
            decoyAddress: "127.0.0.1"
        )
        configuration.ports = InterceptedPort.all(in: [["port": .integer(Int64(port))]])
        let termination = TLSTermination(secret: "leaf-tls", directory: secret.directory.path())
        return await DecoyProbe(
            configuration,
            terminations: [port: termination],
            group: MultiThreadedEventLoopGroup.singleton
        ).problem()
    }

    @Test(
        "has to be who the Secret says it is; what stands in the way is named with the mend",
        arguments: Original.allCases
    )
    func original(_ original: Original) async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity("*.shop")
        let secret = try Secret([
            "tls.crt": identity.certificate, "tls.key": identity.key, "ca.crt": authority.pem,
        ])
        let presented: TestAuthority.Identity? =
            switch original {
            case .right, .wantsCertificate: identity
            case .signed: try authority.identity("*.shop")
            case .stranger: try TestAuthority().identity("*.shop")
            case .plain, .nobody: nil
            }
        let server = try await Self.serve(presented, wantsCertificate: original == .wantsCertificate)
        let port = original == .nobody ? 1 : server.localAddress?.port ?? 0
        let problem = try await Self.problem(port: port, secret)
        switch original {
        case .right, .signed: #expect(problem == nil)
        case .stranger: #expect(problem?.contains("put the certificate that signed theirs in as ca.crt") == true)
        case .wantsCertificate: #expect(problem?.contains("asks its clients for certificates") == true)
        case .plain: #expect(problem?.contains("leave --tls-secret out for it") == true)
        case .nobody: #expect(problem?.contains("cannot be reached through service") == true)
        }
        try await server.close()
    }

    @Test("is not spoken for without a usable Secret", arguments: [0, 1, 2])
    func secret(kind: Int) async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity("leaf.shop"), other = try authority.identity("leaf.shop")
        let files: [[String: String]] = [
            [:], ["tls.crt": identity.certificate, "tls.key": other.key], ["tls.crt": "x", "tls.key": identity.key],
        ]
        let problem = try await Self.problem(port: 1, try Secret(files[kind]))
        #expect(problem?.contains("secret leaf-tls") == true)
        #expect(problem?.contains(kind == 0 ? "kubectl create secret tls" : "do not fit each other") == true)
        #expect(problem?.contains("PRIVATE KEY") == false)
    }
}
