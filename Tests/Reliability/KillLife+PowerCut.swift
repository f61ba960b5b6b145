import ClusterTestSupport
import Foundation
import KubernetesModel

/// A command that dies together with its guardian, so that only its interceptor is left, which is killed too.
extension KillLife {
    /// Start, ready, one diverted request, the end of both, and a while later that of the interceptor's processes.
    func losePower(_ delay: Duration, _ prober: Prober, _ story: inout Story) async throws {
        let (lane, prey) = (self.lane, self.context.prey)
        lane.striker.aim { await lane.strike(prey) }
        let crowd = try await self.crowd()
        defer { crowd?.abandon() }
        let words = lane.intercept(of: self.ada, ttl: KillLane.ttl)
        let command = try lane.command(words, of: self.ada, lane.direct)
        defer { command.losePower() }
        try await command.says("ready:", within: .seconds(90))
        _ = try await prober.answer("the laptop answers", since: command.startedAt, within: .seconds(20)) {
            $0.by == self.ada.answer
        }
        let died = ContinuousClock.now
        command.losePower()
        story.outcome.measured["status"] = .integer(Int64(await self.end(of: command, &story)))
        try await Task.sleep(until: died + delay)
        let victims = PodProcesses.ofInterceptors(in: lane.leaf.namespace)
        await lane.striker.strike()
        if lane.striker.foundNobody { story.outcome.measured["nobody"] = true }
        async let restart = self.restart(of: victims)
        let restored = try await self.leadsToOriginal(since: died)
        var limit = KillLane.limit
        if let restart = await restart {
            story.outcome.measured["restart_s"] = .seconds(restart.seconds)
            limit += restart
        }
        try await self.isRestored(since: died, limit: limit, after: crowd, &story)
        try await self.originalAnswers(prober, since: died, &story, forgiven: self.forgiven(until: restored))
    }

    /// How long the kubelet took to start another process in the place of the one that was struck; nil where there was none to
    /// start, because the Pod was ending or nobody was struck.
    private func restart(of victims: [Int32]) async -> Duration? {
        guard let struck = self.lane.striker.struckAt else { return nil }
        let namespace = self.lane.leaf.namespace
        // The dead are in /proc for a moment yet.
        while PodProcesses.ofInterceptors(in: namespace).allSatisfy(victims.contains) {
            guard self.lane.watch.history.liveInterceptors > 0, !Task.isCancelled else { return nil }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return ContinuousClock.now - struck
    }
}
