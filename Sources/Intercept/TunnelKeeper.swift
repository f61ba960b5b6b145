import InterceptPlanning
import KubernetesClient
import KubernetesModel
import Logging
import SessionControl
import Synchronization
import Tunnel
import TunnelTransport

/// Keeps one tunnel to every replica of the interceptor, for as long as `run` runs.
///
/// Replicas come and go with the Session's status; a tunnel that breaks is dialled again with a jittered back-off.
final class TunnelKeeper: Sendable {
    private let client: KubernetesClient
    private let store: SessionStore
    private let identity: TunnelIdentity
    private let hello: TunnelHello
    private let destination: LocalPorts
    private let traffic: RouteTraffic
    private let logger: Logger
    private let events: @Sendable (InterceptEvent) -> Void
    /// Pod UIDs of the replicas that a task looks after.
    private let kept = Mutex<Set<String>>([])
    /// Pod UIDs of the replicas whose tunnel is up.
    private let up = Mutex<Set<String>>([])
    private let isParting = Mutex(false)

    init(
        store: SessionStore,
        identity: TunnelIdentity,
        hello: TunnelHello,
        destination: LocalPorts,
        traffic: RouteTraffic,
        logger: Logger,
        events: @escaping @Sendable (InterceptEvent) -> Void
    ) {
        self.client = store.client
        self.store = store
        self.identity = identity
        self.hello = hello
        self.destination = destination
        self.traffic = traffic
        self.logger = logger
        self.events = events
    }

    /// The replicas that hold a tunnel now, by Pod UID.
    var connected: Set<String> { self.up.withLock { $0 } }

    /// From now on no tunnel is dialled; returns when those there are have ended.
    ///
    /// The route is taken out of the Session meanwhile. The replicas end each tunnel when what is under way in it has been
    /// answered; one that does not know yet is waited for no longer than it would wait.
    func part() async {
        self.isParting.withLock { $0 = true }
        let clock = ContinuousClock()
        let deadline = clock.now + Session.parting + .seconds(1)
        while !self.connected.isEmpty, clock.now < deadline { try? await clock.sleep(for: .milliseconds(20)) }
    }

    private var dials: Bool { !Task.isCancelled && !self.isParting.withLock { $0 } }

    /// Dials whoever the Session names, until it is cancelled.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for try await update in self.store.watch() {
                guard case .present(let session) = SessionSighting(update) else { continue }
                for (uid, replica) in session.replicas where session.incarnation == self.hello.session {
                    guard self.kept.withLock({ $0.insert(uid).inserted }) else { continue }
                    group.addTask {
                        await self.keep(uid: uid, replica: replica)
                        _ = self.kept.withLock { $0.remove(uid) }
                    }
                }
            }
        }
    }

    /// One replica's tunnel, dialled again until its Pod is gone.
    private func keep(uid: String, replica: Replica) async {
        var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(5))
        // An outage is told once, however often it is dialled meanwhile.
        var isKnownDown = false
        while self.dials {
            var reason: String
            do {
                var hello = self.hello
                hello.isPaused = self.traffic.isPaused
                let connection = try await self.dial(replica, hello)
                backoff.reset()
                isKnownDown = false
                self.up.withLock { _ = $0.insert(uid) }
                self.traffic.opened(to: uid, wasPaused: hello.isPaused == true) { connection.send($0) }
                self.events(.tunnelUp(pod: replica.pod))
                let end = await withTaskCancellationHandler {
                    for await line in connection.lines { self.traffic.received(line, from: uid) }
                    return await connection.closed()
                } onCancel: {
                    // owner: ends with the connection, which this very task waits for.
                    Task { await connection.close() }
                }
                self.traffic.closed(to: uid)
                self.up.withLock { _ = $0.remove(uid) }
                reason = "\(end)"
            } catch let error as KubernetesError where error.isNotFound {
                return
            } catch let error as TunnelError where error.code == .refused {
                self.logger.debug("tunnel refused", metadata: ["pod": "\(replica.pod)", "reason": "\(error)"])
                reason = "\(error)"
            } catch {
                reason = "\(error)"
            }
            guard self.dials else { return }
            if !isKnownDown { self.events(.tunnelDown(pod: replica.pod, reason: reason)) }
            isKnownDown = true
            if await self.isGone(uid: uid, pod: replica.pod) { return }
            try? await Task.sleep(for: backoff.next())
        }
    }

    private func dial(_ replica: Replica, _ hello: TunnelHello) async throws -> TunnelConnection {
        let channel = try await self.client.portForward(
            pod: replica.pod,
            in: self.store.names.namespace,
            port: UInt16(InterceptorConfiguration.tunnelPort)
        )
        return try await TunnelClient.connect(
            over: channel,
            configuration: .init(
                identity: self.identity,
                serverFingerprint: replica.fingerprint,
                hello: hello,
                destination: self.destination
            ),
            logger: self.logger
        )
    }

    /// Whether the Pod does not exist any more, or is another of the same name.
    private func isGone(uid: String, pod: String) async -> Bool {
        do {
            let found = try await self.client.resources(.pods, in: self.store.names.namespace).find(pod)
            return found?.uid != uid
        } catch {
            return false
        }
    }
}

/// What a watch of one Session's name shows.
enum SessionSighting {
    case present(Session)
    case absent
    /// The object is there and cannot be read.
    case malformed

    init(_ update: WatchUpdate) {
        switch update {
        case .reset(let objects): self = objects.first.map(Self.read) ?? .absent
        case .applied(let object): self = Self.read(object)
        case .deleted: self = .absent
        }
    }

    private static func read(_ object: DynamicObject) -> SessionSighting {
        (try? Session(object)).map(SessionSighting.present) ?? .malformed
    }
}
