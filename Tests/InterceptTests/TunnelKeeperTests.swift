import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Logging
import NIOCore
import NIOPosix
import SessionControl
import Synchronization
import Testing
import TrafficMatch
import Tunnel
import TunnelTransport

@testable import Intercept

@Suite("Keeping a tunnel to each replica", .timeLimit(.minutes(2)))
struct TunnelKeeperTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var code: KubernetesError.Code
        var failure: Redial.Failure
        var testDescription: String { "\(self.code): \(self.failure)" }
    }

    @Test(
        "What a dial in vain says of the way there",
        arguments: [
            Row(code: .unreachable, failure: .silence), Row(code: .timeout, failure: .silence),
            Row(code: .credentials, failure: .credentials), Row(code: .configuration, failure: .answer),
            Row(code: .forbidden, failure: .answer), Row(code: .server, failure: .answer),
        ]
    )
    func failures(row: Row) {
        #expect(Redial.Failure(opening: KubernetesError(row.code, "what happened")) == row.failure)
    }

    @Test("Who is silent is dialled every second or so; who answers, and a plugin that fails, ever more rarely")
    func pauses() {
        func pauses(after failure: Redial.Failure) -> [Duration] {
            var redial = Redial()
            return (0..<20).map { _ in redial.pause(after: failure) }
        }
        #expect(pauses(after: .silence).allSatisfy { $0 <= .seconds(1) })
        for failure in [Redial.Failure.credentials, .answer] {
            // Half of a pause is left to chance.
            #expect(pauses(after: failure).suffix(10).allSatisfy { $0 >= .milliseconds(2500) })
        }
        var redial = Redial()
        for _ in 0..<20 { _ = redial.pause(after: .answer) }
        redial.succeeded()
        #expect(redial.pause(after: .answer) <= .milliseconds(100))
    }

    @Test("A replica that takes connections and never greets is its own affair: nothing else is begun anew for it")
    func muteReplica() async throws {
        let mute = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(mute.localAddress)
        let (dials, dialled) = AsyncStream<Void>.makeStream()
        let scene = Scene()
        let transport = Forwarding(base: scene.server, to: address) { dialled.yield() }
        let client = scene.client(over: transport)
        let store = SessionStore(client: client, names: Scene.names, kinds: [.resource])
        let identity = try TunnelIdentity()
        let session = try await store.create(Self.session)
        try await store.mergeStatus(
            ["replicas": ["a": Replica(pod: "pod-a", fingerprint: identity.fingerprint).json]],
            of: session
        )
        let keeper = TunnelKeeper(
            store: store,
            identity: identity,
            hello: TunnelHello(route: "r1", session: session.incarnation, epoch: 1, version: "1.0"),
            destination: LocalPorts(service: LocalService(requestLimit: nil, events: { _ in }), ports: [:]),
            traffic: RouteTraffic(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            handshake: .milliseconds(1),
            events: { _ in }
        )
        // owner: cancelled and awaited below.
        let keeping = Task { try await keeper.run() }
        var count = 0
        for await _ in dials {
            count += 1
            if count == 4 { break }
        }
        keeping.cancel()
        _ = await keeping.result
        #expect(transport.renewals == 0)
        try await mute.close()
    }

    private static var session: Session {
        Session(
            names: Scene.names,
            serviceUID: "uid",
            incarnation: String(repeating: "a1", count: 20),
            original: OriginalService(selector: ["app": "leaf"], ports: [["port": 80]]),
            routes: [],
            settings: InterceptorSettings(image: "detour:test", replicas: 1),
            kind: .resource
        )
    }
}

/// Port-forwards that lead to one address, and how often all was begun anew.
private final class Forwarding: WrappingTransport {
    let base: any KubernetesTransport
    private let address: SocketAddress
    private let opened: @Sendable () -> Void
    private let count = Mutex(0)

    init(base: any KubernetesTransport, to address: SocketAddress, opened: @escaping @Sendable () -> Void) {
        self.base = base
        self.address = address
        self.opened = opened
    }

    var renewals: Int { self.count.withLock { $0 } }

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        try await self.base.send(request)
    }

    func renew() { self.count.withLock { $0 += 1 } }

    func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: self.address).get()
        self.opened()
        return channel
    }
}
