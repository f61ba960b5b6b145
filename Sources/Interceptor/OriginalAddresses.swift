import InterceptPlanning
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

    /// The decoy's Endpoints changed.
    func update(_ endpoints: OriginalEndpoints) {
        let pods = endpoints.addresses.mapValues { addresses in
            addresses.compactMap { try? SocketAddress(ipAddress: $0.host, port: $0.port) }
        }
        self.state.withLock { $0 = State(pods: pods, isDecoyGone: false) }
    }

    /// The decoy is gone; its Pods as last seen are all there is.
    func decoyIsGone() {
        self.state.withLock { $0.isDecoyGone = true }
    }

    /// The addresses to try for one connection, in order.
    func candidates(servicePort: Int, decoy: SocketAddress) -> [SocketAddress] {
        self.state.withLock { state in
            let pods = (state.pods[servicePort] ?? []).shuffled()
            return state.isDecoyGone && !pods.isEmpty ? pods : [decoy] + pods
        }
    }
}
