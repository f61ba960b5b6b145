import KubernetesModel
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import Testing

@testable import KubernetesClient

/// The bytes a channel delivers, as they come.
private final class Collect: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let bytes: AsyncStream<String>.Continuation
    init(_ bytes: AsyncStream<String>.Continuation) { self.bytes = bytes }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes.yield(String(buffer: Self.unwrapInboundIn(data)))
    }
    func channelInactive(context: ChannelHandlerContext) { self.bytes.finish() }
}

/// Requests and port-forwards take the same way with the same credentials, over real TLS.
@Suite("Reaching a cluster", .timeLimit(.minutes(5)))
struct ClusterAccessTests {
    let authority: TestAuthority
    private let folder: TemporaryFolder

    init() throws {
        self.authority = try TestAuthority()
        self.folder = try TemporaryFolder()
    }

    /// What the server saw of one request and one port-forward.
    struct Seen: Equatable {
        var request: [String]
        var forward: [String]
    }

    private static let watched = ["authorization", "x-test-client", "impersonate-user", "impersonate-group"]

    /// Makes a request and a port-forward, and tells what the server saw of each.
    func visit(
        demandsCertificate: Bool = false,
        certificateFor name: String = "kube.test",
        proxy: ((TestServer) async throws -> ProxyServer?)? = nil,
        refuse: @escaping @Sendable (HTTPRequestHead) -> Bool = { _ in false },
        _ change: (inout ClusterConnection) throws -> Void
    ) async throws -> Seen {
        let seen = Mutex<[String]>([])
        let tls = try self.authority.server(demandsCertificate: demandsCertificate, name: name)
        let server = try await TestServer(tls: tls) { head, _ in
            let kind = head.uri.contains("portforward") ? "forward" : "request"
            let fields = Self.watched.flatMap { name in head.headers[name].map { "\(name): \($0)" } }
            if refuse(head) { return .init(status: .unauthorized, body: [#"{"kind":"Status","code":401}"#]) }
            seen.withLock { $0.append("\(kind) \(fields.joined(separator: ", "))") }
            return .init(body: [#"{"major":"1","minor":"36"}"#])
        }
        var connection = server.connection
        connection.server.isTLS = true
        connection.certificateAuthority = self.authority.pem
        connection.tlsServerName = "kube.test"
        connection.proxy = try await proxy?(server)
        try change(&connection)
        let client = try KubernetesClient(connection)
        do {
            _ = try await client.version()
            let (stream, bytes) = AsyncStream<String>.makeStream()
            let forward = try await client.portForward(pod: "p", port: 8080) { channel in
                try channel.pipeline.syncOperations.addHandler(Collect(bytes))
            }
            for await text in stream {
                #expect(text == "hello")
                break
            }
            try await forward.close()
        } catch {
            try await client.shutdown()
            try await server.channel.close()
            throw error
        }
        try await client.shutdown()
        try await server.channel.close()
        let all = seen.withLock { $0 }
        func of(_ kind: String) -> [String] {
            all.filter { $0.hasPrefix(kind) }.map { String($0.dropFirst(kind.count + 1)) }
        }
        return Seen(request: of("request"), forward: of("forward"))
    }

    private func plugin(_ script: String) throws -> CredentialSource {
        .plugin(ExecPlugin(command: try self.folder.script("plugin", script), interaction: .never), identity: nil)
    }

    private static func document(_ status: String) -> String {
        #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":\#(status)}"#
    }

    @Test("Tokens, logins and impersonation are in both, under the server's TLS name")
    func headers() async throws {
        let token = try await self.visit {
            $0.credentials = .fixed(Credential(token: "tok"))
            $0.impersonation = Impersonation(user: "jane", groups: ["a", "b"])
        }
        let expected = "authorization: Bearer tok, impersonate-user: jane, impersonate-group: a, impersonate-group: b"
        #expect(token == Seen(request: [expected], forward: [expected]))
        let login = try await self.visit {
            $0.credentials = .fixed(Credential(login: Login(username: "u", password: "p")))
        }
        #expect(login == Seen(request: ["authorization: Basic dTpw"], forward: ["authorization: Basic dTpw"]))
    }

    @Test("A certificate for another name is refused, unless verification is off")
    func names() async throws {
        let error = await #expect(throws: KubernetesError.self) { _ = try await self.visit { $0.tlsServerName = nil } }
        #expect(error?.code == .unreachable)
        let other = try TestAuthority()
        let unknown = await #expect(throws: KubernetesError.self) {
            _ = try await self.visit { $0.certificateAuthority = other.pem }
        }
        #expect(unknown?.message.contains("not signed by the cluster's certificate-authority") == true)
        _ = try await self.visit {
            $0.tlsServerName = nil
            $0.certificateAuthority = nil
            $0.isInsecure = true
        }
    }

    @Test("A client certificate of the kubeconfig is shown by both")
    func certificate() async throws {
        let identity = try self.authority.identity("alice")
        let seen = try await self.visit(demandsCertificate: true) {
            $0.credentials = .fixed(Credential(identity: identity))
        }
        #expect(seen == Seen(request: ["x-test-client: CN=alice"], forward: ["x-test-client: CN=alice"]))
    }

    @Test("A client certificate that a plugin gives is shown by both, and a new one when it gives another")
    func pluginCertificate() async throws {
        for (index, name) in ["first", "second"].enumerated() {
            let identity = try self.authority.identity(name)
            let status: JSONValue = [
                "clientCertificateData": .string(String(decoding: identity.certificate, as: UTF8.self)),
                "clientKeyData": .string(String(decoding: identity.key, as: UTF8.self)),
            ]
            try self.folder.write("answer-\(index)", Self.document(status.compact))
        }
        let script = #"cd "$(dirname "$0")"; cat answer-0; [ ! -e answer-1 ] || mv answer-1 answer-0"#
        let seen = try await self.visit(
            demandsCertificate: true,
            refuse: { $0.headers["x-test-client"] == ["CN=first"] },
            { $0.credentials = try self.plugin(script) }
        )
        #expect(seen == Seen(request: ["x-test-client: CN=second"], forward: ["x-test-client: CN=second"]))
    }

    @Test("A plugin runs once for both, and once more when what it gave is refused", arguments: ["request", "forward"])
    func pluginToken(refused kind: String) async throws {
        let script = """
            cd "$(dirname "$0")"; echo x >>runs
            echo '\(Self.document(#"{"token":"'$(wc -l <runs | tr -d ' ')'"}"#))'
            """
        let seen = try await self.visit(
            refuse: { head in
                let isForward = head.uri.contains("portforward")
                return isForward == (kind == "forward") && head.headers["authorization"] == ["Bearer 1"]
            },
            { $0.credentials = try self.plugin(script) }
        )
        #expect(self.folder.read("runs") == "x\nx\n")
        #expect(seen.forward == ["authorization: Bearer 2"])
        #expect(seen.request == ["authorization: Bearer \(kind == "request" ? 2 : 1)"])
    }

    @Test("A plugin that fails is run once, and its words name the user")
    func pluginFailure() async throws {
        let script = "cd \"$(dirname \"$0\")\"; echo x >>runs; echo 'log in first' >&2; exit 1"
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await self.visit {
                $0.credentials = try self.plugin(script)
                $0.contextName = "dev"
            }
        }
        #expect(
            error?.message.hasPrefix("no credentials for user \"alice\" in context \"dev\": the credential plugin")
                == true
        )
        #expect(error?.message.hasSuffix("ended with exit status 1: log in first") == true)
        #expect(self.folder.read("runs") == "x\n")
    }
}
