import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl
import TunnelTransport

/// The replica's eyes: Session, Service and Pods, each change taken into the state and followed by a step.
struct ReplicaWatches: Sendable {
    let state: ReplicaState
    let store: SessionStore
    let configuration: InterceptorConfiguration
    let data: DataPath
    let tunnels: TunnelServer
    let kick: @Sendable () -> Void

    /// All of them, each to be run until cancelled.
    var all: [@Sendable () async throws -> Void] {
        [
            { try await self.sessions() }, { try await self.services() }, { try await self.pods() },
            { try await self.endpoints() },
        ]
    }

    private func sessions() async throws {
        for try await update in self.store.watch() {
            switch update {
            case .reset(let objects): await self.see(objects.first)
            case .applied(let object): await self.see(object)
            case .deleted: await self.see(nil)
            }
        }
    }

    /// Takes in the Session. A malformed one changes nothing: an edit by hand must not end an intercept.
    private func see(_ object: DynamicObject?) async {
        var seen: Session?
        if let object {
            guard let session = try? Session(object) else { return }
            seen = session.incarnation == self.configuration.incarnation ? session : nil
        }
        let removed = self.state.with { parts in
            let live = Set((seen.map { $0.phase == .active ? $0.routes : [] } ?? []).map(\.id))
            parts.session = seen
            parts.hasLookedForSession = true
            parts.paused.formIntersection(live)
            // Under the lock, so that nothing older is published after it.
            self.data.update(seen, tunnels: parts.tunnels, paused: parts.paused)
            return parts.tunnels.keys.filter { !live.contains($0) }
        }
        for id in removed {
            // What the laptop has begun to answer it may answer.
            let reason = seen?.closeReason ?? "the session was deleted"
            await self.tunnels.end(route: id, reason: reason, patience: Session.parting)
        }
        self.kick()
    }

    private func services() async throws {
        for try await update in self.store.services.watch(name: self.configuration.service) {
            let service: DynamicObject? =
                switch update {
                case .reset(let objects): objects.first
                case .applied(let object): object
                case .deleted: nil
                }
            self.state.with { parts in
                parts.service = service
                parts.hasLookedForService = true
            }
            self.kick()
        }
    }

    private func endpoints() async throws {
        let endpoints = self.store.client.resources(.endpoints, in: self.configuration.namespace)
        for try await update in endpoints.watch(name: self.configuration.names.decoy) {
            let object: DynamicObject? =
                switch update {
                case .reset(let objects): objects.first
                case .applied(let object): object
                case .deleted: nil
                }
            self.data.originals.saw(object)
        }
    }

    private func pods() async throws {
        let pods = self.store.client.resources(.pods, in: self.configuration.namespace)
        for try await update in pods.watch(labels: Marks.podQuery(incarnation: self.configuration.incarnation)) {
            self.state.with { parts in
                switch update {
                case .reset(let objects):
                    parts.pods = Dictionary(
                        objects.map(InterceptorPod.init).map { ($0.uid, $0) },
                        uniquingKeysWith: { $1 }
                    )
                case .applied(let object): parts.pods[object.uid] = InterceptorPod(object)
                case .deleted(let object): parts.pods[object.uid] = nil
                }
            }
            self.kick()
        }
    }
}
