import InterceptPlanning
import KubernetesClient
import KubernetesModel
import Logging
import NIOCore
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
    /// How long a replica may take from an open port-forward to its welcome.
    private let handshake: Duration
    private let events: @Sendable (InterceptEvent) -> Void
    /// The replicas that a task looks after, by Pod UID, as the Session shows them now: one whose container was started again
    /// has another key.
    private let replicas = Mutex<[String: Replica]>([:])
    /// The tunnels that are up, by their replicas' Pod UIDs.
    private let up = Mutex<[String: TunnelConnection]>([:])
    private let isParting = Mutex(false)
    private let absence = Mutex(Absence(at: .now))

    init(
        store: SessionStore,
        identity: TunnelIdentity,
        hello: TunnelHello,
        destination: LocalPorts,
        traffic: RouteTraffic,
        logger: Logger,
        handshake: Duration = .seconds(4),
        events: @escaping @Sendable (InterceptEvent) -> Void
    ) {
        self.client = store.client
        self.store = store
        self.identity = identity
        self.hello = hello
        self.destination = destination
        self.traffic = traffic
        self.logger = logger
        self.handshake = handshake
        self.events = events
    }

    /// The replicas that hold a tunnel now, by Pod UID.
    var connected: Set<String> { Set(self.up.withLock { $0 }.keys) }

    /// Whether the cluster may have given this machine up, because it held no tunnel for as long as `ttl`.
    func mayBeGivenUp(after ttl: Duration) -> Bool {
        self.absence.withLock { $0.mayBeGivenUp(after: ttl, at: .now) }
    }

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
            group.addTask { await self.feelPulse() }
            for try await update in self.store.watch() {
                guard case .present(let session) = SessionSighting(update) else { continue }
                for (uid, replica) in session.replicas where session.incarnation == self.hello.session {
                    guard self.replicas.withLock({ $0.updateValue(replica, forKey: uid) }) == nil else { continue }
                    group.addTask {
                        await self.keep(uid: uid, pod: replica.pod)
                        _ = self.replicas.withLock { $0.removeValue(forKey: uid) }
                    }
                }
            }
        }
    }

    /// Notes when this machine was last there, and ends what a sleep has left of its tunnels; returns on cancellation.
    private func feelPulse() async {
        // One of them counts sleep, the other does not.
        let (start, awakeSince) = (ContinuousClock.now, SuspendingClock.now)
        while !Task.isCancelled {
            let tunnels = self.up.withLock { $0 }
            let asleep = (ContinuousClock.now - start) - (SuspendingClock.now - awakeSince)
            let hasSlept = self.absence.withLock { absence in
                absence.pulse(isConnected: !tunnels.isEmpty, at: .now, asleep: asleep)
            }
            if hasSlept { for tunnel in tunnels.values { await tunnel.close() } }
            try? await Task.sleep(for: Absence.interval)
        }
    }

    /// One replica's tunnel, dialled again until its Pod is gone.
    private func keep(uid: String, pod: String) async {
        var redial = Redial()
        // An outage is told once, however often it is dialled meanwhile.
        var isKnownDown = false
        func isDown(_ reason: String) {
            if !isKnownDown { self.events(.tunnelDown(pod: pod, reason: reason)) }
            isKnownDown = true
        }
        while self.dials, let replica = self.replicas.withLock({ $0[uid] }) {
            let reason: String
            var failure = Redial.Failure.answer
            var isOpen = false
            do {
                let channel = try await self.open(replica) { error in
                    self.absence.withLock { $0.lost() }
                    isDown("\(error)")
                }
                isOpen = true
                var hello = self.hello
                hello.isPaused = self.traffic.isPaused
                let connection = try await self.greet(replica, hello, over: channel)
                redial.succeeded()
                isKnownDown = false
                self.up.withLock { $0[uid] = connection }
                self.absence.withLock { $0.connected(at: .now) }
                self.traffic.opened(to: uid, wasPaused: hello.isPaused == true) { connection.send($0) }
                self.events(.tunnelUp(pod: pod))
                let end = await withTaskCancellationHandler {
                    for await line in connection.lines { self.traffic.received(line, from: uid) }
                    return await connection.closed()
                } onCancel: {
                    // owner: ends with the connection, which this very task waits for.
                    Task { await connection.close() }
                }
                self.traffic.closed(to: uid)
                self.up.withLock { _ = $0.removeValue(forKey: uid) }
                if end.code == .lost { self.absence.withLock { $0.lost() } }
                reason = "\(end)"
            } catch let error as KubernetesError where error.isNotFound {
                return
            } catch {
                self.logger.debug("no tunnel", metadata: ["pod": "\(pod)", "reason": "\(error)"])
                // Behind an open port-forward it is the replica that fails, whatever it does: the API server has answered.
                if !isOpen { failure = .init(opening: error) }
                if failure != .answer { self.absence.withLock { $0.lost() } }
                reason = "\(error)"
            }
            guard self.dials else { return }
            isDown(reason)
            try? await Task.sleep(for: redial.pause(after: failure))
        }
    }

    /// The API server answered. Where it had not before, what else waits for it is told not to.
    private func answered() {
        guard self.absence.withLock({ $0.answered() }) else { return }
        self.logger.debug("the API server answers again")
        self.client.renew()
    }

    /// A connection to the replica's port of tunnels.
    ///
    /// - Parameter failed: told of a try in vain that others go on beside.
    private func open(_ replica: Replica, failed: (any Error) -> Void) async throws -> any Channel {
        // Ahead of all limits: a plugin may be asking the user for a code.
        try await self.client.transport.authenticate()
        func isAnswer(_ error: any Error) -> Bool { Redial.Failure(opening: error) == .answer }
        let channel: any Channel
        do {
            channel = try await FreshStarts().first(
                isAnswer: isAnswer,
                failed: failed,
                discard: { $0.close(promise: nil) }
            ) {
                try await self.client.portForward(
                    pod: replica.pod,
                    in: self.store.names.namespace,
                    port: UInt16(InterceptorConfiguration.tunnelPort)
                )
            }
        } catch {
            if isAnswer(error) { self.answered() }
            throw error
        }
        self.answered()
        return channel
    }

    /// Makes a tunnel of a connection.
    private func greet(
        _ replica: Replica,
        _ hello: TunnelHello,
        over channel: any Channel
    ) async throws -> TunnelConnection {
        var configuration = TunnelClient.Configuration(
            identity: self.identity,
            serverFingerprint: replica.fingerprint,
            hello: hello,
            destination: self.destination
        )
        configuration.timing.handshake = self.handshake
        return try await TunnelClient.connect(over: channel, configuration: configuration, logger: self.logger)
    }
}

/// What a watch of one Session's name shows.
enum SessionSighting {
    case present(Session)
    /// It was not there when somebody looked.
    case absent
    /// It was deleted, and all that came before has been seen.
    case deleted
    /// The object is there and cannot be read.
    case malformed

    init(_ update: WatchUpdate) {
        switch update {
        case .reset(let objects): self = objects.first.map(Self.read) ?? .absent
        case .applied(let object): self = Self.read(object)
        case .deleted: self = .deleted
        }
    }

    private static func read(_ object: DynamicObject) -> SessionSighting {
        (try? Session(object)).map(SessionSighting.present) ?? .malformed
    }
}
