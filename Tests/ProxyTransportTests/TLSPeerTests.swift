import CertificateTestSupport
import Foundation
import NIOCore
import ProxyCore
import Testing
import TrafficMatch

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite(
    "nginx with TLS, asked by curl and openssl, with the listener between them",
    .timeLimit(.minutes(5)),
    .enabled(if: Nginx.isAvailable, "needs nginx, curl and openssl: run scripts/setup")
)
struct TLSPeerTests {
    /// Runs a program to its end; its standard output, and what it says otherwise, together.
    private static func run(_ words: [String], input: String? = nil) async throws -> String {
        let process = Process()
        let output = Pipe(), stdin = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = output
        process.standardError = output
        process.standardInput = stdin
        try process.run()
        if let input { try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try stdin.fileHandleForWriting.close()
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let data = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }

    /// Runs `body` with the ports of nginx and of the listener before it.
    private func run(_ body: (_ folder: String, _ listener: Int, Harness) async throws -> Void) async throws {
        let stage = try TLSStage("leaf.shop")
        let nginx = try Nginx(stage, options: "ssl http2", name: "original")
        defer { nginx.stop() }
        let port = try await nginx.listen()
        try await Harness.run(original: port.localAddress) {
            $0.termination = stage.termination
        } _: { harness in
            try await body(stage.directory.path(), harness.listener.boundPort ?? 0, harness)
        }
        try await port.close()
    }

    @Test(
        "curl speaks the version it asks for, verifies the name, and gets the original's answer",
        arguments: ["1.1", "2"]
    )
    func curl(version: String) async throws {
        try await self.run { folder, port, harness in
            let answer = try await Self.run([
                "curl", "-sS", "--noproxy", "*", "--http\(version)", "--cacert", "\(folder)/ca.crt", "--connect-to",
                "leaf.shop:443:127.0.0.1:\(port)",
                "-w", "%{http_version} %{ssl_verify_result}", "https://leaf.shop/a", "https://leaf.shop/b?c",
            ])
            let shown = version == "2" ? "2.0" : version
            #expect(answer == "original HTTP/\(shown) /a \n\(version) 0original HTTP/\(shown) /b?c \n\(version) 0")
            #expect(harness.routes.counts().first?.seen == 2, "read, and not passed")
        }
    }

    @Test("curl without TLS gets what nginx says to that")
    func plain() async throws {
        try await self.run { _, port, _ in
            let answer = try await Self.run(["curl", "-sS", "--noproxy", "*", "http://127.0.0.1:\(port)/"])
            #expect(answer.contains("The plain HTTP request was sent to HTTPS port"))
        }
    }

    @Test("openssl gets the protocol that nginx chooses, in each version of TLS", arguments: ["-tls1_2", "-tls1_3"])
    func openssl(version: String) async throws {
        try await self.run { folder, port, _ in
            let answer = try await Self.run(
                [
                    "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", "leaf.shop", "-alpn",
                    "http/1.1",
                    version, "-CAfile", "\(folder)/ca.crt", "-verify_return_error", "-ign_eof",
                ],
                input: "GET /x HTTP/1.1\r\nHost: leaf.shop\r\nConnection: close\r\n\r\n"
            )
            #expect(answer.contains("ALPN protocol: http/1.1"))
            #expect(answer.contains("Verify return code: 0 (ok)"))
            #expect(answer.contains("original HTTP/1.1 /x"))
        }
    }
}
