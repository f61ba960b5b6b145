import Foundation
import NIOCore
import ProxyCore
import Testing
import TrafficMatch

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite(
    "gRPC's own client and server, with the listener between them",
    .timeLimit(.minutes(5)),
    .serialized,
    .enabled(if: PythonPeer.isAvailable, "needs python3 with venv, and grpcio: run scripts/setup")
)
struct GRPCTests {
    /// Runs `body` with the ports of the original, of the laptop's process, and of the listener.
    private func run(
        _ body: (Harness, _ original: Int, _ local: Int, _ listener: String) async throws -> Void
    ) async throws {
        let path = NSTemporaryDirectory() + "detour-grpc-\(UUID().uuidString.prefix(13)).sock"
        let original = try PythonPeer("server.py", "original")
        defer { original.stop() }
        let laptop = try PythonPeer("server.py", "laptop", path)
        defer {
            laptop.stop()
            unlink(path)
        }
        let ports = (original.port(), laptop.port())
        try await Harness.run(original: SocketAddress(ipAddress: "127.0.0.1", port: ports.0)) { harness in
            let match = try RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")])
            harness.routes.replace(port: 80, with: [Route(id: "alice", match: match, upstreamPath: path, isUp: true)])
            try await body(harness, ports.0, ports.1, "\(harness.listener.boundPort ?? 0)")
        }
    }

    private func client(_ port: String, _ mode: String) async throws -> [String] {
        let client = try PythonPeer("client.py", port, mode)
        defer { client.stop() }
        return await client.lines()
    }

    @Test("see the same as without it: every kind of call, every status, metadata, deadlines, cancels, 16 MiB")
    func transcripts() async throws {
        try await self.run { harness, original, local, listener in
            let direct = try await self.client("\(original)", "plain")
            #expect(direct.count == 30)
            #expect(try await self.client(listener, "plain") == direct)
            let directLocal = try await self.client("\(local)", "diverted")
            #expect(directLocal.count == 30)
            #expect(try await self.client(listener, "diverted") == directLocal)
            #expect(try await self.client(listener, "beside") == direct + directLocal)
            let counts = harness.routes.counts()
            #expect(counts.first?.matched == 60)
            #expect(counts.first?.seen == 120)
        }
    }

    @Test("see the same as without it inside TLS, the laptop's process without TLS")
    func tls() async throws {
        let stage = try TLSStage("localhost")
        let tls = ["PEER_TLS": stage.directory.path()]
        let path = NSTemporaryDirectory() + "detour-grpc-\(UUID().uuidString.prefix(13)).sock"
        let original = try PythonPeer("server.py", "original", environment: tls)
        defer { original.stop() }
        let laptop = try PythonPeer("server.py", "laptop", path)
        defer {
            laptop.stop()
            unlink(path)
        }
        func transcript(_ port: Int, _ mode: String, _ environment: [String: String]) async throws -> [String] {
            let client = try PythonPeer("client.py", "\(port)", mode, environment: environment)
            defer { client.stop() }
            return await client.lines()
        }
        let ports = (original.port(), laptop.port())
        try await Harness.run(original: SocketAddress(ipAddress: "127.0.0.1", port: ports.0)) {
            $0.termination = stage.termination
        } _: { harness in
            let match = try RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")])
            harness.routes.replace(port: 80, with: [Route(id: "alice", match: match, upstreamPath: path, isUp: true)])
            let listener = harness.listener.boundPort ?? 0
            let direct = try await transcript(ports.0, "plain", tls)
            #expect(direct.count == 30)
            #expect(try await transcript(listener, "plain", tls) == direct)
            let local = try await transcript(ports.1, "diverted", [:])
            #expect(try await transcript(listener, "diverted", tls) == local)
            #expect(harness.routes.counts().first?.matched == 30)
        }
    }

    @Test("share one connection between calls of both kinds, 32 at a time")
    func mixed() async throws {
        try await self.run { harness, _, _, listener in
            #expect(try await self.client(listener, "mixed") == ["0 original True 200", "1 laptop True 200"])
            let lines = try await harness.logLines(400)
            #expect(lines.count { $0.contains("\"served_by\":\"laptop\",\"route\":\"alice\"") } == 200)
            #expect(
                lines.count { $0.contains("\"path\":\"/test.Echo/") && $0.contains("\"protocol\":\"HTTP/2\"") } == 400
            )
            #expect(
                Set(lines.compactMap { $0.split(separator: ",").first { $0.hasPrefix("\"connection\"") } }).count == 1
            )
        }
    }

    @Test("fail open, and read the reason as metadata; a lost call reads UNAVAILABLE")
    func failOpen() async throws {
        try await self.run { harness, _, _, listener in
            let match = try RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")])
            func set(_ onUnreachable: OnUnreachable) {
                harness.routes.replace(
                    port: 80,
                    with: [
                        Route(
                            id: "alice",
                            match: match,
                            upstreamPath: "/nowhere",
                            isUp: true,
                            onUnreachable: onUnreachable
                        )
                    ]
                )
            }
            set(.original)
            let open = try await self.client(listener, "once").joined()
            #expect(open.contains("StatusCode.OK"))
            #expect(open.contains("('x-server', 'original')"))
            #expect(open.contains("('x-detour-reason', 'local-refused')"))
            set(.unavailable)
            let closed = try await self.client(listener, "once").joined()
            #expect(closed.contains("StatusCode.UNAVAILABLE detour: this request matched an intercept"))
        }
    }
}
