import KubernetesModel
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import KubernetesClient

@Suite("The live transport on loopback", .timeLimit(.minutes(5)))
struct LiveTransportTests {
    private let pauses = Pauses()

    /// No limit within the suite's time: where a wait ends, something else ended it.
    private static let patient = {
        var limits = LiveTransport.Limits()
        limits.connect = .hours(1)
        limits.answer = .hours(1)
        limits.watchSilence = .hours(1)
        limits.upgrade = .hours(1)
        return limits
    }()

    private func withClient<Result>(
        _ server: TestServer,
        _ connection: ClusterConnection? = nil,
        limits: LiveTransport.Limits = .init(),
        _ body: (KubernetesClient) async throws -> Result
    ) async throws -> Result {
        let transport = try LiveTransport(connection ?? server.connection, limits: limits)
        let client = KubernetesClient(transport: transport, namespace: "shop", policy: self.pauses.policy)
        do {
            let result = try await body(client)
            try await client.shutdown()
            try await server.channel.close()
            return result
        } catch {
            try await client.shutdown()
            try await server.channel.close()
            throw error
        }
    }

    @Test("Method, target, headers and body arrive as asked, behind the server's base path")
    func request() async throws {
        let server = try await TestServer { head, body in
            let said: JSONValue = [
                "said": .string(
                    "\(head.method) \(head.uri) \(head.headers["content-type"]) \(head.headers["authorization"]) \(body)"
                )
            ]
            return .init(body: [said.compact])
        }
        var connection = server.connection
        connection.server.basePath = "/k8s"
        connection.credentials = .fixed(Credential(token: "tok"))
        let said = try await self.withClient(server, connection) { client in
            try await client.resources(.services).patch("a", .json([.remove("/x")]), dryRun: true)["said"]?.string
        }
        #expect(
            said
                == "PATCH /k8s/api/v1/namespaces/shop/services/a?dryRun=All [\"application/json-patch+json\"] [\"Bearer tok\"]"
                + " [{\"op\":\"remove\",\"path\":\"/x\"}]"
        )
    }

    @Test("A refused token is read again from its file, and the request goes once more with the new one")
    func renewal() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("token", "old")
        let seen = Mutex<[String]>([])
        let server = try await TestServer { head, _ in
            let token = head.headers.first(name: "authorization") ?? ""
            seen.withLock { $0.append(token) }
            if token == "Bearer new" { return .init(body: ["{\"kind\":\"Service\"}"]) }
            _ = try? folder.write("token", "new")
            return .init(
                status: .unauthorized,
                body: [KubernetesStatus(code: 401, reason: "", message: "no").json.compact]
            )
        }
        var connection = server.connection
        connection.credentials = .tokenFile(path, identity: nil)
        let kind = try await self.withClient(server, connection) { client in
            try await client.resources(.services).create(DynamicObject(.services, name: "a")).kind
        }
        #expect(kind == "Service")
        #expect(seen.withLock { $0 } == ["Bearer old", "Bearer new"])
    }

    @Test("Nobody listening is said in plain words, with the server's address")
    func refused() async throws {
        let server = try await TestServer { _, _ in .init() }
        let connection = server.connection
        try await server.channel.close()
        let client = KubernetesClient(
            transport: try LiveTransport(connection),
            namespace: "shop",
            policy: self.pauses.policy
        )
        let error = await #expect(throws: KubernetesError.self) { try await client.version() }
        #expect(
            error?.message == "the API server \(connection.server) cannot be reached: connection refused; "
                + "is it running, and is it the right one (--context, --kubeconfig)?"
        )
        let write = await #expect(throws: KubernetesError.self) { try await client.resources(.services).delete("a") }
        #expect(write?.message.contains("unknown") == false)
        let forward = await #expect(throws: KubernetesError.self) {
            _ = try await client.portForward(pod: "p", port: 1)
        }
        #expect(forward?.message == error?.message)
        #expect(self.pauses.recorded.count == 3)
        try await client.shutdown()
    }

    @Test("A change whose answer was cut off says that its fate is unknown")
    func unknownFate() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(CloseOnRead())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = ServerAddress(host: "127.0.0.1", port: listener.localAddress?.port ?? 0, isTLS: false)
        let client = KubernetesClient(
            transport: try LiveTransport(ClusterConnection(server: address)),
            namespace: "shop",
            policy: self.pauses.policy
        )
        let error = await #expect(throws: KubernetesError.self) {
            try await client.resources(.services).patch("a", .merge([:]))
        }
        #expect(error?.isUnreachable == true)
        #expect(error?.message.hasSuffix("whether it did what it was asked to is unknown") == true)
        #expect(self.pauses.recorded.isEmpty)
        try await client.shutdown()
        try await listener.close()
    }

    @Test(
        "After a renewal a silent watch lists again at once, all over new connections, and a request under way goes on"
    )
    func renewedConnections() async throws {
        let lists = Mutex(0)
        let slows = Mutex(0)
        let asked = AsyncStream<Void>.makeStream()
        let server = try await TestServer { head, _ in
            if head.uri.contains("watch=1") { return .init(isEndless: true) }
            if head.uri.contains("slow") {
                slows.withLock { $0 += 1 }
                asked.continuation.yield()
                return .init(body: [#"{"kind":"#], isEndless: true)
            }
            let number = lists.withLock { count in
                count += 1
                return count
            }
            return .init(body: [#"{"metadata":{"resourceVersion":"\#(number)"},"items":[]}"#])
        }
        try await self.withClient(server, limits: Self.patient) { client in
            // owner: cancelled below.
            let slow = Task { try await client.resources(.services).find("slow") }
            for await _ in asked.stream { break }
            var seen = 0
            for try await _ in client.resources(.pods).watch() {
                seen += 1
                guard seen < 2 else { break }
                // owner: ends at once; beside the watch, which waits.
                Task { client.renew() }
            }
            slow.cancel()
            await #expect(throws: CancellationError.self) { try await slow.value }
        }
        #expect(lists.withLock { $0 } == 2)
        #expect(slows.withLock { $0 } == 1, "the renewal ended it, and it was sent again")
    }

    @Test("A port-forward to a server that says nothing can be given up at once", arguments: [true, false])
    func givenUp(isTLS: Bool) async throws {
        let accepted = AsyncStream<Void>.makeStream()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                accepted.continuation.yield()
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = ServerAddress(host: "127.0.0.1", port: listener.localAddress?.port ?? 0, isTLS: isTLS)
        let client = KubernetesClient(
            transport: try LiveTransport(ClusterConnection(server: address), limits: Self.patient),
            namespace: "shop",
            policy: self.pauses.policy
        )
        // owner: cancelled and awaited below.
        let dial = Task { try await client.portForward(pod: "p", port: 1) }
        for await _ in accepted.stream { break }
        dial.cancel()
        await #expect(throws: CancellationError.self) { _ = try await dial.value }
        try await client.shutdown()
        try await listener.close()
    }

    @Test("A watch that falls silent is opened again from where it was")
    func silentWatch() async throws {
        let uris = Mutex<[String]>([])
        let server = try await TestServer { head, _ in
            uris.withLock { $0.append(String(head.uri.split(separator: "?").last ?? "")) }
            if !head.uri.contains("watch=1") {
                return .init(body: [#"{"metadata":{"resourceVersion":"5"},"items":[]}"#])
            }
            let event = #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"# + "\n"
            let last = #"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"10"}}}"# + "\n"
            return .init(body: [head.uri.contains("resourceVersion=9") ? last : event], isEndless: true)
        }
        var limits = LiveTransport.Limits()
        limits.watchSilence = .milliseconds(500)
        let troubles = Mutex<[KubernetesError.Code]>([])
        try await self.withClient(server, limits: limits) { client in
            for try await update in client.resources(.pods).watch(onTrouble: { error in
                troubles.withLock { $0.append(error.code) }
            }) {
                if case .applied(let pod) = update {
                    #expect(pod.name == "a")
                    break
                }
            }
        }
        // Once each, unless the machine stalls for as long as the silence that is allowed.
        #expect(Set(troubles.withLock { $0 }) == [.timeout])
        #expect(uris.withLock { $0.contains { $0.contains("resourceVersion=9") } })
    }

    @Test("An answer of several mebibytes in pieces is read whole")
    func largeAnswer() async throws {
        let item = #"{"metadata":{"name":"x"},"data":{"k":""# + String(repeating: "v", count: 65_536) + #""}}"#
        let server = try await TestServer { _, _ in
            .init(
                body: [#"{"metadata":{"resourceVersion":"1"},"items":["#] + Array(repeating: item + ",", count: 63) + [
                    item + "]}"
                ]
            )
        }
        let count = try await self.withClient(server) { try await $0.resources(.configMaps).list().items.count }
        #expect(count == 64)
    }

    @Test("Discovery asks for the aggregated form on the wire, and other requests do not")
    func accepting() async throws {
        let accepts = Mutex<[String]>([])
        let server = try await TestServer { head, _ in
            accepts.withLock { $0 += head.headers["accept"] }
            return .init(body: [#"{"kind":"APIGroupDiscoveryList","items":[],"major":"1","minor":"36"}"#])
        }
        try await self.withClient(server) { client in
            _ = try await client.version()
            #expect(try await client.discover().groupVersions.isEmpty)
        }
        let aggregated = KubernetesRequest.discovery(root: "api").accept
        #expect(aggregated.contains("as=APIGroupDiscoveryList"))
        #expect(accepts.withLock { $0 } == ["application/json", aggregated, aggregated])
    }

    @Test("A redirect is not followed with the credentials")
    func redirect() async throws {
        let server = try await TestServer { head, _ in
            head.uri == "/version" ? .init(status: .found, headers: ["location": "/elsewhere"]) : .init(body: ["{}"])
        }
        let error = await #expect(throws: KubernetesError.self) {
            try await self.withClient(server) { _ = try await $0.version() }
        }
        #expect(error?.status?.code == 302)
    }
}

/// Takes a request and hangs up.
private final class CloseOnRead: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}
