import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// Restarts what a Service leads to, once an intercept is ready: connections from before the swap end with the Pods they
/// lead to, and their clients open new ones, through the interceptor.
struct TargetRestart: Sendable {
    let client: KubernetesClient
    let names: InterceptNames
    let clock: any Clock<Duration>
    let events: @Sendable (InterceptEvent) -> Void
    /// The moment of the restart, as RFC 3339 has it.
    var now: @Sendable () -> String = { Date().formatted(.iso8601) }

    /// How many seconds a roll-out is waited for; the intercept goes on all the same.
    private static let patience = 600

    /// The workloads behind the Service, all of which can be restarted by this user.
    ///
    /// - Throws: ``InterceptError``: `noWorkload` where none can be restarted, `forbidden` where the user may not.
    func workloads(selector: [String: String]) async throws -> [RolloutRestart] {
        let found = RolloutRestart.workloads(of: try await self.pods(selector))
        guard !found.isEmpty else {
            throw InterceptError(
                .noWorkload,
                "--restart-target: no Deployment, StatefulSet or DaemonSet keeps the Pods of service \(self.names.service) in "
                    + "namespace \(self.names.namespace); leave the flag out, and restart the callers instead"
            )
        }
        let preflight = Preflight(client: self.client, names: self.names)
        for workload in found {
            let denied = try await preflight.denied(workload.permissions)
            guard denied.isEmpty else {
                throw InterceptError(
                    .forbidden,
                    "--restart-target: you may not \(denied.joined(separator: "; ")) in namespace \(self.names.namespace). "
                        + "Nothing was changed; an administrator gives you that by detour install -n \(self.names.namespace) "
                        + "--user YOU --restart \(workload), with the flags it was said with before; or leave the flag out"
                )
            }
            let object = try await self.client.resources(workload.type, in: self.names.namespace).get(workload.name)
            if let obstacle = workload.obstacle(object) {
                throw InterceptError(
                    .noWorkload,
                    "--restart-target: \(workload) in namespace \(self.names.namespace) cannot be restarted: \(obstacle)"
                )
            }
        }
        return found
    }

    /// Restarts them all and waits until none of their Pods of before is left; what goes wrong is a warning.
    func run(selector: [String: String]) async throws {
        var current: RolloutRestart?
        do {
            // What no roll-out replaces stays where it is: failed and finished Pods, and those that nothing keeps.
            let before = Set(
                try await self.pods(selector)
                    .filter { InterceptorPod($0).isLive && !RolloutRestart.workloads(of: [$0]).isEmpty }.map(\.uid)
            )
            let workloads = try await self.workloads(selector: selector)
            for workload in workloads {
                current = workload
                self.events(.step("restarting \(workload)"))
                _ = try await self.client.resources(workload.type, in: self.names.namespace)
                    .patch(workload.name, workload.patch(at: self.now()))
            }
            for workload in workloads {
                current = workload
                try await self.finish(workload)
            }
            try await self.wait {
                try await self.pods(selector).contains { before.contains($0.uid) } ? "old Pods are ending" : nil
            }
            self.events(.targetRestarted(workloads.map(\.description)))
        } catch {
            try Task.checkCancellation()
            let what = current.map(\.description) ?? "the target"
            self.events(
                .warning(
                    "\(what) in namespace \(self.names.namespace) is not restarted: \(error); connections from before the "
                        + "intercept stay with the original"
                )
            )
        }
    }

    private func finish(_ workload: RolloutRestart) async throws {
        try await self.wait {
            let object = try await self.client.resources(workload.type, in: self.names.namespace).get(workload.name)
            switch workload.progress(object) {
            case .done: return nil
            case .waiting(let why): return why
            case .failed(let why): throw InterceptError(.notReady, why)
            }
        }
    }

    /// Asks again until there is nothing to wait for; a server that is away for a moment is asked again, too.
    private func wait(_ reason: () async throws -> String?) async throws {
        var last = ""
        for _ in 0..<Self.patience {
            do {
                guard let why = try await reason() else { return }
                last = why
            } catch let error as KubernetesError where error.isUnreachable || error.isTimeout || error.isRetryable {
                last = "\(error)"
            }
            try await self.clock.sleep(for: .seconds(1))
        }
        throw InterceptError(.notReady, "not within \(Self.patience) s: \(last)")
    }

    private func pods(_ selector: [String: String]) async throws -> [DynamicObject] {
        let query = selector.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        return try await self.client.resources(.pods, in: self.names.namespace).list(labels: query).items
    }
}
