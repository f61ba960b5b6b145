import Foundation
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

@Suite("Keeping a tunnel to each replica", .timeLimit(.minutes(5)))
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

    /// A keeper of the tunnel to one Pod, whose port-forwards lead to an address, and what is told of them.
    private struct Kept {
        var store: SessionStore
        var session: Session
        var transport: Forwarding
        var keeper: TunnelKeeper
        var dials: AsyncStream<Void>
        var events: AsyncStream<InterceptEvent>

        init(to address: SocketAddress, _ identity: TunnelIdentity, handshake: Duration = .seconds(60)) async throws {
            let (dials, dialled) = AsyncStream<Void>.makeStream()
            let (events, told) = AsyncStream<InterceptEvent>.makeStream()
            let scene = Scene()
            self.dials = dials
            self.events = events
            self.transport = Forwarding(base: scene.server, to: address) { dialled.yield() }
            let client = scene.client(over: self.transport)
            self.store = SessionStore(client: client, names: Scene.names, kinds: [.resource])
            self.session = try await self.store.create(TunnelKeeperTests.session)
            self.keeper = TunnelKeeper(
                store: self.store,
                identity: identity,
                hello: TunnelHello(route: "r1", session: self.session.incarnation, epoch: 1, version: "1.0"),
                destination: LocalPorts(service: LocalService(requestLimit: nil, events: { _ in }), ports: [:]),
                traffic: RouteTraffic(),
                logger: TunnelKeeperTests.silent,
                handshake: handshake,
                events: { told.yield($0) }
            )
        }

        /// The Pod's process says which key it has.
        func publish(_ fingerprint: String) async throws {
            try await self.store.mergeStatus(
                ["replicas": ["a": Replica(pod: "pod-a", fingerprint: fingerprint).json]],
                of: self.session
            )
        }

        func whileKeeping(_ body: () async throws -> Void) async throws {
            // owner: cancelled and awaited below.
            let keeping = Task { try await self.keeper.run() }
            try await body()
            keeping.cancel()
            _ = await keeping.result
        }
    }

    private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("A replica that takes connections and never greets is its own affair: nothing else is begun anew for it")
    func muteReplica() async throws {
        let mute = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let identity = try TunnelIdentity()
        let kept = try await Kept(to: try #require(mute.localAddress), identity, handshake: .milliseconds(1))
        try await kept.publish(identity.fingerprint)
        try await kept.whileKeeping {
            var count = 0
            for await _ in kept.dials {
                count += 1
                if count == 4 { break }
            }
        }
        #expect(kept.transport.renewals == 0)
        try await mute.close()
    }

    @Test("A replica whose container was started again has another key, and its tunnel is made again with that")
    func restartedReplica() async throws {
        let (before, now) = (try TunnelIdentity(), try TunnelIdentity())
        let folder = FileManager.default.temporaryDirectory.appending(path: "k-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try await TunnelServer.bind(
            host: "127.0.0.1",
            port: 0,
            group: MultiThreadedEventLoopGroup.singleton,
            configuration: .init(
                identity: now,
                isAllowed: { _ in true },
                admit: { _, _ in .accept(socketPath: folder.appending(path: "s").path(), welcome: [:]) },
                onEvent: { _ in }
            ),
            logger: Self.silent
        )
        let kept = try await Kept(to: try #require(server.localAddress), try TunnelIdentity())
        // The Session still shows the key of the process that is gone.
        try await kept.publish(before.fingerprint)
        try await kept.whileKeeping {
            loop: for await event in kept.events {
                switch event {
                case .tunnelDown: try await kept.publish(now.fingerprint)
                case .tunnelUp: break loop
                default: break
                }
            }
            #expect(kept.keeper.connected == ["a"])
        }
        await server.close()
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
