import InterceptPlanning
import KubernetesModel
import Synchronization

/// What one replica knows, from its watches and its tunnels; shared by the steward, the tunnel server and the probes.
final class ReplicaState: Sendable {
    /// The parts, together under one lock.
    struct Parts: Sendable {
        /// The Session of this replica's incarnation; nil when it is gone or another's.
        var session: Session?
        /// Whether the Session was looked for at least once.
        var hasLookedForSession = false
        /// The Service as last seen; nil when it is gone.
        var service: DynamicObject?
        /// Whether the Service was looked for at least once.
        var hasLookedForService = false
        /// The interceptor's Pods as last seen.
        var pods: [String: InterceptorPod] = [:]
        /// Routes whose tunnel ends here, with its epoch.
        var tunnels: [String: UInt64] = [:]
        /// Routes that take nothing for now, as their laptops said.
        var paused: Set<String> = []
        /// Whether every intercepted port's decoy took a connection once.
        var hasReachedDecoy = false
        /// Whether this replica stands in the Session's status.
        var isPublished = false
        /// Whether the process was asked to stop.
        var isTerminating = false
        /// Whether its Pod is being deleted.
        var isDeleted = false
        /// Whether the time that live tunnels are waited for has passed.
        var isPatienceOver = false
        /// Whether it was ready before: then it does not wait for tunnels any more.
        var hasBeenReady = false
    }

    private let parts = Mutex(Parts())

    /// Reads or changes several parts at once.
    func with<Value: Sendable>(_ body: (inout Parts) -> Value) -> Value {
        self.parts.withLock { body(&$0) }
    }

    /// Takes note of a laptop's word whether its route takes nothing for now.
    func pause(_ isPaused: Bool, route: String) {
        self.with { parts in
            if isPaused {
                parts.paused.insert(route)
            } else {
                parts.paused.remove(route)
            }
        }
    }

    /// Whether new connections should come here, or why not.
    func readiness() -> Readiness {
        self.with { parts in
            // A Pod that is being deleted is no endpoint any more, but where it is the last one, kube-proxy (1.26 and
            // later) still sends connections to it for as long as it is ready: KEP 1669, terminating endpoints.
            if parts.isTerminating, !parts.isDeleted { return .no("the replica is stopping") }
            guard parts.hasLookedForSession else { return .no("the session was not read yet") }
            guard let session = parts.session else { return .no("the session is gone") }
            guard parts.isPublished else { return .no("the replica is not in the session's status yet") }
            guard parts.hasReachedDecoy else { return .no("the decoy was not reached yet") }
            let missing = session.routes.filter { parts.tunnels[$0.id] == nil }
            // A laptop that goes away, or joins, must not take the endpoints from everybody else.
            guard missing.isEmpty || parts.isPatienceOver || parts.hasBeenReady else {
                return .no("tunnels of \(missing.map(\.owner).joined(separator: ", ")) are missing")
            }
            parts.hasBeenReady = true
            return .yes
        }
    }

    /// Whether a replica is ready.
    enum Readiness: Sendable, Hashable {
        case yes
        case no(String)
    }
}
