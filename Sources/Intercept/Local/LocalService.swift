import NIOCore
import Synchronization
import Tunnel
import TunnelTransport

/// The process on this machine that the intercept leads to, for as long as the intercept runs: across tunnels and joins.
final class LocalService: Sendable {
    private struct State: Sendable {
        var memory = LocalPortMemory()
        var budget: RequestBudget
    }

    private let state: Mutex<State>
    private let limit: Int?
    let scheme: LocalScheme
    private let isMirror: Bool
    private let events: @Sendable (InterceptEvent) -> Void
    private let end: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// - Parameters:
    ///   - requestLimit: how many requests it takes; nil for no limit.
    ///   - scheme: how it is spoken to.
    ///   - isMirror: whether it gets copies of requests only.
    init(
        requestLimit: Int?,
        scheme: LocalScheme = .plain,
        isMirror: Bool = false,
        events: @escaping @Sendable (InterceptEvent) -> Void
    ) {
        self.state = Mutex(State(budget: RequestBudget(limit: requestLimit)))
        self.limit = requestLimit
        self.scheme = scheme
        self.isMirror = isMirror
        self.events = events
        self.end = AsyncStream.makeStream()
    }

    /// Returns when the last request of the limit has been answered, and says so; never where there is no limit.
    func limitReached() async throws -> String {
        for await _ in self.end.stream {}
        try Task.checkCancellation()
        let verb = self.isMirror ? "compared" : "taken"
        return self.limit == 1 ? "1 request was \(verb)" : "\(self.limit ?? 0) requests were \(verb)"
    }

    /// The addresses of a port to try for a connection; none when the limit is used up.
    func addresses(port: Int) -> [SocketAddress] {
        let hosts = self.state.withLock { $0.budget.take() ? $0.memory.hosts(port: port) : [] }
        return hosts.compactMap { try? SocketAddress(ipAddress: $0, port: port) }
    }

    /// What became of a connection that `addresses(port:)` had addresses for.
    func became(_ outcome: LocalOutcome, port: Int) {
        let (change, isLast) = self.state.withLock { state -> (LocalPortMemory.Change?, Bool) in
            switch outcome {
            case .accepted(let address):
                return (state.memory.accepted(port: port, host: address.ipAddress ?? ""), false)
            case .refused, .unfit:
                state.budget.giveBack()
                return (state.memory.refused(port: port), false)
            case .abandoned:
                state.budget.giveBack()
                return (nil, false)
            case .ended: return (nil, state.budget.finish())
            }
        }
        switch change {
        case .lost(let port):
            if case .unfit(let why) = outcome {
                self.events(.warning(self.scheme.complaint(port: port, why)))
            } else {
                self.events(.localPortLost(port))
            }
        case .back(let port): self.events(.localPortBack(port))
        case nil: break
        }
        if isLast { self.end.continuation.finish() }
    }
}

/// The local ports that take the place of a Service's.
struct LocalPorts: LocalDestination {
    let service: LocalService
    /// Service port → local port.
    let ports: [Int: Int]
    /// Where copies go, if this is a mirror.
    var mirror: (station: MirrorStation, jobs: AsyncStream<MirrorStation.Job>.Continuation)?

    func addresses(for header: ProxyHeader) -> [SocketAddress] {
        // A mirror takes nothing, whatever an interceptor of another version takes it for.
        guard self.mirror == nil else { return [] }
        return self.port(header).map { self.service.addresses(port: $0) } ?? []
    }

    func scheme(for header: ProxyHeader) -> LocalScheme { self.service.scheme }

    func became(_ outcome: LocalOutcome, _ header: ProxyHeader) {
        if let port = self.port(header) { self.service.became(outcome, port: port) }
    }

    func taker(for header: ProxyHeader) -> (any MirrorTaker)? {
        guard let mirror, let port = self.port(header) else { return nil }
        let addresses = self.service.addresses(port: port)
        guard !addresses.isEmpty else { return nil }
        return MirrorIntake(
            station: mirror.station,
            service: self.service,
            port: port,
            addresses: addresses,
            jobs: mirror.jobs
        )
    }

    private func port(_ header: ProxyHeader) -> Int? {
        header.servicePort.flatMap { self.ports[Int($0)] }
    }
}
