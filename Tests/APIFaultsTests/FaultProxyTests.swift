import CertificateTestSupport
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import APIFaults

@Suite("A faulty proxy in front of an API server, by sockets and TLS", .timeLimit(.minutes(5)))
struct FaultProxyTests {
    /// A client behind a proxy that follows `rules`, a server with one Service, and what was waited for.
    ///
    /// `answer` is how long the client waits for one: long, where an answer is to come on the busiest machine.
    private func withClient<Result>(
        _ rules: [String],
        answer: TimeAmount = .minutes(3),
        strike: @escaping @Sendable (ModelAPIServer) async -> Void = { _ in },
        _ body: (KubernetesClient, ModelAPIServer, FaultProxy) async throws -> Result
    ) async throws -> Result {
        let authority = try TestAuthority()
        let identity = try authority.identity("localhost")
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8))
                    .map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem))
            )
        )
        var trusting = TLSConfiguration.makeClientConfiguration()
        trusting.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.pem.utf8)))
        trusting.certificateVerification = .noHostnameVerification
        var cluster = ModelCluster()
        cluster.put(DynamicObject(.services, name: "core", namespace: "shop"))
        let model = ModelAPIServer(cluster)
        let server = try await ModelHTTPServer(model, tls: context)
        var configuration = FaultProxy.Configuration(
            server: try server.address,
            serverTLS: try NIOSSLContext(configuration: trusting),
            tls: context
        )
        configuration.strike = { await strike(model) }
        let proxy = FaultProxy(
            configuration,
            script: FaultScript(try rules.map { try #require(FaultRule($0)) }),
            group: MultiThreadedEventLoopGroup.singleton
        )
        let port = try await proxy.start()
        var limits = LiveTransport.Limits()
        limits.answer = answer
        let transport = try LiveTransport(
            ClusterConnection(
                server: ServerAddress(host: "localhost", port: port, isTLS: true),
                certificateAuthority: Array(authority.pem.utf8),
                userName: "alice"
            ),
            limits: limits
        )
        let client = KubernetesClient(transport: transport, namespace: "shop")
        do {
            let result = try await body(client, model, proxy)
            try await Self.end(client, model, proxy, server)
            return result
        } catch {
            try await Self.end(client, model, proxy, server)
            throw error
        }
    }

    private static func end(
        _ client: KubernetesClient,
        _ model: ModelAPIServer,
        _ proxy: FaultProxy,
        _ server: ModelHTTPServer
    ) async throws {
        try await client.shutdown()
        model.endWatches()
        await proxy.stop()
        try await server.stop()
    }

    private func label(_ client: KubernetesClient) async throws {
        _ = try await client.resources(.services)
            .patch("core", .merge(["metadata": ["labels": ["seen": "yes"]]]))
    }

    private func isLabelled(_ model: ModelAPIServer) -> Bool {
        model.cluster[.services, "shop", "core"]?.labels["seen"] == "yes"
    }

    @Test("Nothing goes wrong without a rule")
    func transparent() async throws {
        try await self.withClient([]) { client, model, proxy in
            try await self.label(client)
            #expect(self.isLabelled(model))
            #expect(proxy.script.requests == 1)
            #expect(proxy.script.strikes.isEmpty)
        }
    }

    @Test(
        "A change whose answer is lost fails, and was done",
        arguments: ["cut-answer", "truncate", "answer-after 500", "stall-answer"]
    )
    func done(_ fault: String) async throws {
        try await self.withClient(["patch services x1: \(fault)"], answer: .seconds(20)) { client, model, proxy in
            await #expect(throws: KubernetesError.self) { try await self.label(client) }
            #expect(self.isLabelled(model))
            #expect(proxy.script.strikes.map(\.fault.description) == [fault])
        }
    }

    @Test("A change that does not arrive fails, and was not done", arguments: ["cut", "stall-request", "answer 409"])
    func undone(_ fault: String) async throws {
        try await self.withClient(["patch services x1: \(fault)"], answer: .seconds(20)) { client, model, _ in
            await #expect(throws: KubernetesError.self) { try await self.label(client) }
            #expect(!self.isLabelled(model))
        }
    }

    @Test(
        "Somebody else is struck before a change is done or after; it waits for that, and succeeds",
        arguments: Fault.Moment.allCases
    )
    func struck(_ moment: Fault.Moment) async throws {
        let wasDone = Mutex<[Bool]>([])
        try await self.withClient(
            ["patch services x1: strike \(moment.rawValue)"],
            strike: { model in
                await Task.yield()
                wasDone.withLock { $0.append(self.isLabelled(model)) }
            },
            { client, _, _ in
                try await self.label(client)
                #expect(wasDone.withLock { $0 } == [moment == .after])
            }
        )
    }

    @Test("A change that is turned away with a time to come back comes back")
    func retried() async throws {
        try await self.withClient(["patch services x1: answer 429 0"]) { client, model, proxy in
            try await self.label(client)
            #expect(self.isLabelled(model))
            #expect(proxy.script.requests == 2)
        }
    }

    @Test("An open connection is reset where its request is one that is meant; the client opens another")
    func cutOpen() async throws {
        try await self.withClient([]) { client, model, proxy in
            let isMeant = { (request: APIRequest) in request.description == "watch services" }
            #expect(proxy.cut(where: isMeant) == nil)
            async let told = self.told(client)
            while proxy.cut(where: isMeant) == nil { await Task.yield() }
            #expect(proxy.cut(where: { $0.resource == "pods" }) == nil)
            while proxy.script.seen.count(where: isMeant) < 2 { await Task.yield() }
            _ = model.change { $0.put(DynamicObject(.services, name: "late", namespace: "shop")) }
            let name = try await told
            #expect(name == "late")
        }
    }

    /// The name of the first Service that a watch tells of.
    private func told(_ client: KubernetesClient) async throws -> String? {
        for try await update in client.resources(.services).watch() {
            if case .applied(let service) = update { return service.name }
        }
        return nil
    }

    @Test("A watch misses nothing, whatever is told twice, late, in another order or as gone", arguments: 1...8)
    func watched(_ seed: UInt64) async throws {
        let rules = [
            "watch pods 25%: gone 1", "watch pods 25%: echo", "watch pods 25%: stale", "watch pods 30%: swap",
            "list pods 20%: cut-answer", "watch pods 30%: truncate",
        ]
        try await self.withClient([]) { client, model, proxy in
            proxy.follow(FaultScript(try rules.map { try #require(FaultRule($0)) }, seed: seed))
            // Told step by step, because what was made and removed between two lists nobody can see.
            var seen: Set<String> = []
            var made = 0
            let wanted = Set((0..<10).map { "p\($0)" })
            for try await update in client.resources(.pods).watch() {
                switch update {
                case .applied(let pod): seen.insert(pod.name)
                case .reset(let pods): seen.formUnion(pods.map(\.name))
                default: break
                }
                if seen == wanted { break }
                if made < 10, seen.count == made {
                    let name = "p\(made)"
                    made += 1
                    _ = model.change { $0.put(DynamicObject(.pods, name: name, namespace: "shop")) }
                }
            }
            #expect(seen == wanted)
        }
    }
}
