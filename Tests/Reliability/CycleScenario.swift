import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesModel

/// Start, divert, Ctrl-C, restored: how long each takes on a warm cluster, and what it leaves.
struct CycleScenario {
    let stage: Stage
    /// Who lets it start, where others start too: what a start takes is what one takes alone.
    var starts = OneAtATime()

    func run() async throws -> JSONValue {
        try await self.stage.round { outcome in
            try await self.stage.probing(self.stage.ada) { prober in
                let detour = try await self.starts.run { () async throws -> RunningProcess in
                    let detour = try await self.stage.launch(self.stage.ada)
                    do {
                        try await self.start(detour, prober, &outcome)
                    } catch {
                        detour.signal(SIGINT)
                        throw error
                    }
                    return detour
                }
                defer { detour.signal(SIGINT) }
                try await self.stop(detour, &outcome)
                try await prober.settle()
                if let complaint = prober.complaint { outcome.problems.append(complaint) }
            }
        }
    }

    private func start(_ detour: RunningProcess, _ prober: Prober, _ outcome: inout Stage.Outcome) async throws {
        let started = detour.startedAt
        let first = try await prober.answer("the laptop answers", since: started, within: .seconds(60)) {
            $0.by == self.stage.ada.answer
        }
        outcome.measured["start_s"] = .seconds((first.received - started).seconds)
        try await detour.says("ready:", within: .seconds(5))
        // Where the time went.
        let history = self.stage.watch.history
        func reached(_ name: String, _ holds: (ServiceHistory.Sight) -> Bool) {
            guard let at = history.first(since: started, where: holds) else { return }
            outcome.measured["\(name)_after_s"] = .seconds((at - started).seconds)
        }
        reached("session") { if case .session(.some) = $0 { true } else { false } }
        reached("tunnel") { if case .session(let session?) = $0 { session.hasTunnel } else { false } }
        reached("pods_made") { if case .interceptors(let live, _) = $0 { live > 0 } else { false } }
        reached("pods_ready") {
            if case .interceptors(let live, let ready) = $0 { ready > 0 && ready == live } else { false }
        }
        reached("swapped") { if case .service(let selector) = $0 { selector["app"] == "interceptor" } else { false } }
        reached("endpoints") { $0.leadsToInterceptor(of: self.stage.names.service) }
        try await Task.sleep(for: .milliseconds(500))
    }

    private func stop(_ detour: RunningProcess, _ outcome: inout Stage.Outcome) async throws {
        let interrupted = ContinuousClock.now
        detour.signal(SIGINT)
        let status = await detour.ended()
        outcome.measured["ended_after_s"] = .seconds((.now - interrupted).seconds)
        if status != 0 { outcome.problems.append("exit status \(status): \(detour.errors.suffix(400))") }
        let restored = try await self.stage.selectorIsBack(since: interrupted, within: .seconds(5))
        outcome.measured["stop_s"] = .seconds((restored - interrupted).seconds)
        let led = try await self.stage.watch.moment("the endpoints are back", since: interrupted, within: .seconds(5)) {
            $0.leadsToOriginal(of: self.stage.names.service)
        }
        outcome.measured["endpoints_back_after_s"] = .seconds((led - interrupted).seconds)
    }
}
