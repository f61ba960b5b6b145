import InterceptPlanning
import TunnelTransport

/// Who may hold a tunnel: only a laptop whose key the Session names, for its own route, of this incarnation.
struct TunnelGate: Sendable {
    let state: ReplicaState
    let incarnation: String
    let runDirectory: String
    let version: String

    /// Asked at the TLS handshake.
    func isAllowed(_ fingerprint: String) -> Bool {
        self.state.with { parts in
            (parts.session?.routes ?? []).contains { constantTimeEquals($0.fingerprint, fingerprint) }
        }
    }

    /// Asked when the laptop has said who it is.
    func admit(_ hello: TunnelHello, _ fingerprint: String) -> TunnelVerdict {
        self.state.with { parts in
            guard let session = parts.session, session.phase == .active,
                constantTimeEquals(session.incarnation, hello.session)
            else { return .refuse(reason: "no such session, or it is closing") }
            guard
                let route = session.routes.first(where: {
                    constantTimeEquals($0.id, hello.route) && constantTimeEquals($0.fingerprint, fingerprint)
                })
            else { return .refuse(reason: "no such route for this key") }
            guard UInt64(route.epoch) == hello.epoch else {
                return .refuse(reason: "stale epoch: another tunnel of this route is newer")
            }
            // Known before the tunnel is up: a pause lasts through a tunnel's end, and a new replica starts with it.
            if hello.isPaused == true {
                parts.paused.insert(route.id)
            } else {
                parts.paused.remove(route.id)
            }
            return .accept(socketPath: self.socketPath(route: route.id), welcome: ["version": self.version])
        }
    }

    /// The Unix socket through which a route's tunnel is reached.
    func socketPath(route id: String) -> String { "\(self.runDirectory)/\(id).sock" }
}
