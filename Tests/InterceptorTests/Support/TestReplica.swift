import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Logging
import Synchronization

@testable import Interceptor

/// One replica without its sockets: it looks when it is told to, and its time is the test's.
final class TestReplica: Sendable {
    let uid: String
    let state = ReplicaState()
    let steward: Steward
    private let stage: Stage
    private let world: World

    /// What a replica knows without the API server.
    private final class World: Sendable {
        struct Values {
            var now = Duration.zero
            var connections = 0
            var arrivals = 0
            var hurries = 0
            var announcements = 0
        }
        let values = Mutex(Values())
    }

    init(_ uid: String, _ stage: Stage, transport: (any KubernetesTransport)? = nil) throws {
        self.uid = uid
        self.stage = stage
        let world = World()
        self.world = world
        var session = Session(
            names: Stage.names,
            serviceUID: stage.service.uid,
            incarnation: Stage.incarnation,
            original: Stage.original,
            routes: [],
            settings: InterceptorSettings(image: "detour:test", replicas: 2, drainSeconds: 30),
            kind: stage.kind
        )
        session.uid = "unused"
        self.steward = Steward(
            state: self.state,
            store: stage.store(transport),
            configuration: InterceptorConfiguration(session: session, decoyAddress: "10.96.0.10"),
            pod: try InterceptorRun.Identity(
                environment: ["POD_NAME": "pod-\(uid)", "POD_UID": uid, "POD_IP": "10.0.0.1"]
            ),
            fingerprint: "key-of-\(uid)",
            bystanders: Bystanders(
                count: { world.values.withLock { $0.connections } },
                arrivals: { world.values.withLock { $0.arrivals } },
                hurry: { world.values.withLock { $0.hurries += 1 } },
                announce: { world.values.withLock { $0.announcements += 1 } }
            ),
            elapsed: { world.values.withLock { $0.now } },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    var connections: Int {
        get { self.world.values.withLock { $0.connections } }
        set { self.world.values.withLock { $0.connections = newValue } }
    }
    var hurries: Int { self.world.values.withLock { $0.hurries } }
    var announcements: Int { self.world.values.withLock { $0.announcements } }

    func advance(_ duration: Duration) {
        self.world.values.withLock { $0.now += duration }
    }

    @discardableResult
    func step() async -> Bool {
        await self.steward.step()
    }

    // MARK: - What its watches tell it, each at a moment of its own

    func seeSession() {
        let object = self.stage.server.cluster[self.stage.kind.type, "shop", Stage.names.session]
        let session = object.flatMap { try? Session($0) }
        self.state.with { parts in
            parts.session = session?.incarnation == Stage.incarnation ? session : nil
            parts.hasLookedForSession = true
            let live = Set((parts.session?.routes ?? []).map(\.id))
            parts.tunnels = parts.tunnels.filter { live.contains($0.key) }
        }
    }

    func seeService() {
        let service = self.stage.server.cluster[.services, "shop", "leaf"]
        self.state.with { parts in
            parts.service = service
            parts.hasLookedForService = true
        }
    }

    func seePods() {
        let pods = self.stage.server.cluster.all(.pods).map { InterceptorPod($0) }
        self.state.with { $0.pods = Dictionary(pods.map { ($0.uid, $0) }, uniquingKeysWith: { $1 }) }
    }

    func look() {
        self.seeSession()
        self.seeService()
        self.seePods()
    }

    /// Looks at everything, then does what is due.
    @discardableResult
    func lookAndStep(after duration: Duration = .zero) async -> Bool {
        self.advance(duration)
        self.look()
        return await self.step()
    }

    /// Everything that readiness asks for but the Session and its tunnels.
    func reachDecoy() {
        self.state.with { $0.hasReachedDecoy = true }
    }

    func hold(_ tunnels: [String: UInt64]) {
        self.state.with { $0.tunnels = tunnels }
    }

    func terminate() {
        self.state.with { $0.isTerminating = true }
    }
}
