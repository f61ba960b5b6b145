public import APIFaults
import CertificateTestSupport
import ClusterTestSupport
import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// A faulty proxy in front of the real API server, and a kubeconfig that leads through it.
///
/// By bearer token, because a proxy that answers TLS itself cannot pass a client's certificate on.
public struct FaultyAPI: Sendable {
    /// The proxy.
    public let proxy: FaultProxy
    private let folder: URL
    /// The kubeconfig that leads through the proxy.
    private let indirect: String

    /// Starts a proxy that follows `rules`, as ``FaultRule`` reads them.
    ///
    /// - Parameters:
    ///   - kill: kills the client, where a rule says so.
    ///   - strike: strikes somebody else, where a rule says so.
    public static func start(
        _ rules: [String],
        seed: UInt64 = 0,
        kill: @escaping @Sendable () -> Void = {},
        strike: @escaping @Sendable () async -> Void = {}
    ) async throws -> FaultyAPI {
        let direct = try String(
            contentsOfFile: try await Shell.must(Cluster.script, "kubeconfig", "--token"),
            encoding: .utf8
        )
        guard let server = direct.firstMatch(of: #/server: https://([0-9.]+):(\d+)/#), let port = Int(server.2),
            let trusted = direct.firstMatch(of: #/certificate-authority-data: (\S+)/#),
            let authority = Data(base64Encoded: String(trusted.1))
        else { throw ShellFailure(description: "no server or authority in the kubeconfig with a token") }

        let own = try TestAuthority()
        var configuration = FaultProxy.Configuration(
            server: try SocketAddress(ipAddress: String(server.1), port: port),
            serverTLS: try Self.trusting(Array(authority)),
            tls: try Self.answering(try own.identity("localhost"))
        )
        configuration.kill = kill
        configuration.strike = strike
        let proxy = FaultProxy(
            configuration,
            script: FaultScript(try Self.parsed(rules), seed: seed),
            group: MultiThreadedEventLoopGroup.singleton
        )
        let folder = FileManager.default.temporaryDirectory.appending(path: "faulty-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let indirect = direct.replacing(server.0, with: "server: https://localhost:\(try await proxy.start())")
            .replacing(trusted.1, with: Data(own.pem.utf8).base64EncodedString())
        try Data(indirect.utf8).write(to: folder.appending(path: "config"))
        return FaultyAPI(proxy: proxy, folder: folder, indirect: indirect)
    }

    private static func parsed(_ rules: [String]) throws -> [FaultRule] {
        try rules.map { text in
            guard let rule = FaultRule(text) else { throw ShellFailure(description: "no rule: \(text)") }
            return rule
        }
    }

    /// The environment in which `detour` finds the cluster through the proxy.
    public var environment: [String: String] { ["KUBECONFIG": self.folder.appending(path: "config").path()] }

    /// The same for somebody else: whose token it is.
    ///
    /// - Throws: where there is no token in the kubeconfig that could be replaced, or the file cannot be written.
    public func environment(token: String) throws -> [String: String] {
        guard let own = self.indirect.firstMatch(of: #/token: ([^\s}]+)/#) else {
            throw ShellFailure(description: "no token in the kubeconfig that leads through the proxy")
        }
        let file = self.folder.appending(path: "config-of-another")
        try Data(self.indirect.replacing(own.1, with: token).utf8).write(to: file)
        return ["KUBECONFIG": file.path()]
    }

    /// Listens no more, and takes the kubeconfig away.
    public func stop() async {
        await self.proxy.stop()
        try? FileManager.default.removeItem(at: self.folder)
    }

    private static func trusting(_ authority: [UInt8]) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authority))
        configuration.certificateVerification = .noHostnameVerification
        return try NIOSSLContext(configuration: configuration)
    }

    private static func answering(_ identity: TestAuthority.Identity) throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8))
                    .map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem))
            )
        )
    }
}
