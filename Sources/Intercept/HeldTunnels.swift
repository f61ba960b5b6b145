import InterceptPlanning
import SessionControl
import TunnelTransport

/// The tunnels of an intercept, and what answers copies that come through them: they outlast its watching until what is under
/// way has been answered.
final class HeldTunnels: Sendable {
    let keeper: TunnelKeeper
    private let task: Task<Void, Never>
    private let failures: AsyncThrowingStream<Never, any Error>

    /// Begins to dial; ``end()`` or ``part()`` has to be called.
    init(_ run: InterceptRun, _ membership: Membership) {
        let jobs = AsyncStream<MirrorStation.Job>.makeStream()
        let keeper = TunnelKeeper(
            store: run.store.preferring(membership.session.kind),
            identity: membership.identity,
            hello: TunnelHello(
                route: membership.route.id,
                session: membership.session.incarnation,
                epoch: UInt64(membership.route.epoch),
                version: run.options.version
            ),
            destination: LocalPorts(
                service: run.localService,
                ports: membership.localPorts,
                mirror: run.station.map { ($0, jobs.continuation) }
            ),
            traffic: run.traffic,
            logger: run.logger,
            events: run.events
        )
        let (failures, failed) = AsyncThrowingStream<Never, any Error>.makeStream()
        self.keeper = keeper
        self.failures = failures
        // owner: this object, whose `end` waits for it.
        self.task = Task {
            await withTaskGroup { group in
                group.addTask {
                    do {
                        try await keeper.run()
                        failed.finish()
                    } catch {
                        failed.finish(throwing: error)
                    }
                }
                if let station = run.station { group.addTask { await station.serve(jobs.stream) } }
            }
        }
    }

    /// Waits until tunnels cannot be kept any more, and throws why; on cancellation of its caller it returns.
    func failure() async throws {
        for try await _ in self.failures {}
    }

    /// Ends them now.
    func end() async {
        self.task.cancel()
        await self.task.value
    }

    /// Ends them when what is under way has been answered, in a few seconds at most.
    func part() async {
        await self.keeper.part()
        await self.end()
    }
}
