public import InterceptPlanning
public import KubernetesClient
import KubernetesModel
public import Logging
import SessionControl
import TrafficMatch
import Tunnel
import TunnelTransport

/// One intercept, from the first check to the last trace removed.
public struct InterceptRun: Sendable {
    let options: InterceptOptions
    let store: SessionStore
    private(set) var events: @Sendable (InterceptEvent) -> Void
    let prepare: Preparation?
    let guarding: Guarding
    let localService: LocalService
    let station: MirrorStation?
    /// What the replicas see of its traffic, and are told of it.
    public let traffic = RouteTraffic()
    let clock: any Clock<Duration>
    /// Whether the target has been restarted: once, however often this machine joins.
    let restart = Once()
    let logger: Logger
    var client: KubernetesClient { self.store.client }
    var names: InterceptNames { self.store.names }

    /// What the local side has to be ready for.
    public struct LocalSide: Sendable, Hashable {
        /// The Service's names.
        public var names: InterceptNames
        /// What the Service is without any hijack.
        public var original: OriginalService
        /// Service ports, by number, and the local ports that take their place.
        public var ports: [InterceptOptions.PortPair]
        /// Whether they get copies of requests only.
        public var isMirror = false

        /// Says where nothing listens yet.
        public func warnOfClosedPorts(_ events: @Sendable (InterceptEvent) -> Void) async {
            for port in self.ports where await !LocalPort.isOpen(port.local) {
                events(
                    .warning(
                        "nothing listens on port \(port.local) of this machine yet; "
                            + (self.isMirror ? "nothing is compared" : "the original answers") + " until something does"
                    )
                )
            }
        }
    }

    /// Makes the local side ready; what it throws stops the start before anything is changed. Called at each joining.
    public typealias Preparation = @Sendable (LocalSide) async throws -> Void

    /// Told what there would be to put back if this process died, before each write from which on that is so; nil once there
    /// is nothing.
    public typealias Guarding = @Sendable (GuardianOrder?) -> Void

    /// An intercept that was not started yet.
    ///
    /// - Parameters:
    ///   - guarding: told what there would be to put back.
    ///   - prepare: makes the local side ready before the Session is joined; without it a warning says where nothing
    ///     listens yet.
    ///   - events: told of every step, from any thread.
    /// - Throws: ``InterceptError`` with code `badArgument` where the local service's authority cannot be read.
    public init(
        options: InterceptOptions,
        client: KubernetesClient,
        logger: Logger = Logger(label: "detour.intercept", factory: { _ in SwiftLogNoOpLogHandler() }),
        guarding: @escaping Guarding = { _ in },
        prepare: Preparation? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        events: @escaping @Sendable (InterceptEvent) -> Void
    ) throws {
        let names = InterceptNames(namespace: options.namespace ?? client.namespace, service: options.service)
        self.options = options
        self.store = SessionStore(client: client, names: names)
        self.events = events
        self.prepare = prepare
        self.guarding = guarding
        let localService = LocalService(
            requestLimit: options.requestLimit,
            scheme: try options.localScheme.scheme(),
            isMirror: options.mirror != nil,
            events: events
        )
        self.localService = localService
        self.station = options.mirror.map { MirrorStation($0, service: localService, events: events) }
        self.clock = clock
        self.logger = logger
    }

    /// Intercepts until `stop` returns or a limit is reached, then puts everything back.
    ///
    /// - Throws: ``InterceptError``, `PlanningError`, `SessionControlError` or `KubernetesError`; the cluster is put
    ///   back first, as far as it can be reached.
    public func run(until stop: @escaping @Sendable () async -> Void) async throws {
        defer { if let summary = self.mirrorSummary { self.events(.mirrorEnded(summary)) } }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            // Trapped from the first moment on: an early Ctrl-C must find somebody who puts things back.
            group.addTask {
                await stop()
                return true
            }
            group.addTask {
                self.events(.finished(try await self.limitReached()))
                return true
            }
            group.addTask { try await self.intercept() }
            let wasStopped = try await group.next()
            group.cancelAll()
            guard wasStopped == true else { return }
            // What the clean-up throws is the command's failure too.
            while true {
                do {
                    guard try await group.next() != nil else { return }
                } catch is CancellationError {}
            }
        }
    }

    var targetRestart: TargetRestart {
        TargetRestart(client: self.client, names: self.names, clock: self.clock, events: self.events)
    }

    /// What a mirror has found so far; nil where nothing is mirrored.
    public var mirrorSummary: MirrorSummary? { self.station?.summary }

    /// Returns when the intercept is to end by itself, and says why; never where it has no limit.
    private func limitReached() async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { try await self.localService.limitReached() }
            group.addTask {
                let limit = self.options.timeLimit
                try await self.clock.sleep(for: limit?.duration ?? .seconds(Int32.max))
                return limit?.reason ?? ""
            }
            defer { group.cancelAll() }
            guard let reason = try await group.next() else { throw CancellationError() }
            return reason
        }
    }

    /// Joins, holds and leaves; joins again when the laptop slept so long that the cluster gave it up.
    private func intercept() async throws -> Bool {
        if let notice = self.options.localScheme.notice { self.events(.step(notice)) }
        var membership = try await self.join()
        var isAgain = false
        while true {
            let holding = HeldIntercept(run: self, membership: membership, isAgain: isAgain)
            do {
                guard try await holding.hold() == .expired else { return false }
                self.guarding(nil)
                await holding.tunnels.end()
                self.events(.warning("the cluster gave this machine up while it could not be reached; joining again"))
            } catch {
                self.summarize()
                // owner: awaited below; beside the leaving, which makes the replicas take nothing more for this machine.
                let parting = Task { await holding.tunnels.part() }
                do {
                    try await self.leave(routeID: membership.route.id, of: membership.session, because: error)
                } catch let failure {
                    await parting.value
                    throw failure
                }
                await parting.value
                throw error
            }
            membership = try await self.joinAgain()
            isAgain = true
        }
    }

    func joinAgain() async throws -> Membership {
        // A try whose answer was lost is no rival of the next one.
        let routeID = Random.hex(bytes: 8)
        let told = Told()
        var quiet = self
        quiet.events = { event in
            switch event {
            case .step(let text), .warning(let text): if told.isNew(text) { self.events(event) }
            default: self.events(event)
            }
        }
        return try await quiet.persist { [quiet] in
            try await quiet.join(again: routeID)
        } notYet: {
            quiet.events(.step("not joined again yet: \($0)"))
        }
    }

    /// Does something as often as it takes: a network that was away comes and goes, and so does a server.
    func persist<Result>(
        _ body: () async throws -> Result,
        notYet: (KubernetesError) -> Void
    ) async throws -> Result {
        var pauses = Backoff(initial: .seconds(1), maximum: .seconds(5))
        while true {
            do {
                return try await body()
            } catch let error as KubernetesError where error.isRetryable {
                notYet(error)
                try await self.clock.sleep(for: max(pauses.next(), min(error.retryAfter ?? .zero, .seconds(60))))
            }
        }
    }

    /// What arrived, once anything has.
    private func summarize() {
        let report = self.report(self.traffic.sightings)
        if report.sightings.connections > 0 { self.events(.summary(report)) }
    }

    func report(_ sightings: RouteSightings) -> TrafficReport {
        TrafficReport(
            sightings: sightings,
            match: self.options.match,
            service: "\(self.names.namespace)/\(self.names.service)"
        )
    }

    /// Leaves although the surrounding task may be cancelled: putting back is not optional.
    func leave(routeID: String, of session: Session, because error: any Error) async throws {
        let reason =
            Task.isCancelled || error is CancellationError
            ? "\(self.options.owner) ended the intercept" : "the intercept of \(self.options.owner) failed: \(error)"
        // owner: awaited below; a task of its own because cancellation must not stop the clean-up.
        let leaving = Task {
            try await Leaving(store: self.store, events: self.events)
                .leave(routeID: routeID, of: session, reason: reason)
        }
        self.events(.step("ending the intercept"))
        do {
            try await leaving.value
            self.guarding(nil)
        } catch let failure {
            // Whoever guards goes on with it after this process.
            self.events(
                .warning(
                    "could not put everything back: \(failure). The interceptor restores the Service within "
                        + "\(self.options.ttlSeconds) s; `detour session close \(self.names.service) "
                        + "-n \(self.names.namespace)` does it at once"
                )
            )
            throw failure
        }
    }
}

/// What a developer holds while an intercept lasts.
struct Membership: Sendable {
    var session: Session
    var route: Route
    var identity: TunnelIdentity
    /// Service port → local port.
    var localPorts: [Int: Int]
}
