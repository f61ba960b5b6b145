import InterceptPlanning
import KubernetesModel
import NIOCore
import Synchronization

/// Where new connections find the original: through the decoy, and straight at its Pods when that fails or is gone.
///
/// Whoever deletes the Session takes the decoy with it, a moment before kube-proxy knows that the Service selects the
/// original again; connections of that moment must get through too.
final class OriginalAddresses: Sendable {
    private struct State: Sendable {
        var pods: [Int: [SocketAddress]] = [:]
        var isDecoyGone = false
    }

    private let state = Mutex(State())
    private let incarnation: String
    private let ports: [InterceptedPort]

    /// The original of one Session, whose decoy's Endpoints are still to be seen.
    init(_ configuration: InterceptorConfiguration) {
        self.incarnation = configuration.incarnation
        self.ports = configuration.ports
    }

    /// The Endpoints of the decoy's name changed; nil when there are none any more, and then its Pods as last seen are all there is.
    ///
    /// The next Session has a decoy of the same name, with another address, and with no Pods at first. It is not this one's: whoever
    /// took it for that sent connections to an address that nobody has, and lost them after 3 s.
    func saw(_ endpoints: DynamicObject?) {
        guard let endpoints, [nil, self.incarnation].contains(endpoints.labels[Marks.sessionLabel]) else {
            return self.state.withLock { $0.isDecoyGone = true }
        }
        let pods = OriginalEndpoints(endpoints, ports: self.ports).addresses.mapValues { addresses in
            addresses.compactMap { try? SocketAddress(ipAddress: $0.host, port: $0.port) }
        }
        self.state.withLock { $0 = State(pods: pods, isDecoyGone: false) }
    }

    /// The addresses to try for one connection, in order.
    func candidates(servicePort: Int, decoy: SocketAddress) -> [SocketAddress] {
        self.state.withLock { state in
            let pods = (state.pods[servicePort] ?? []).shuffled()
            return state.isDecoyGone && !pods.isEmpty ? pods : [decoy] + pods
        }
    }
}
