import NIOCore
import ResponseDiff
import Synchronization
import Tunnel
import TunnelTransport

/// Compares what this machine answers with what the original answered, for as long as the intercept runs: across tunnels
/// and joins.
final class MirrorStation: Sendable {
    /// One exchange to be compared.
    struct Job: Sendable {
        var exchange: MirroredExchange
        /// The local port, and where to try for it.
        var port: Int
        var addresses: [SocketAddress]
        /// Said when it is over.
        var done: @Sendable () -> Void
    }

    /// How long the local process may take for an answer.
    static let patience = TimeAmount.seconds(30)
    /// The longest local answer that is read; the original's is never longer than what is copied.
    static let longestAnswer = 4 << 20

    private let rules: IgnoreRules
    private let service: LocalService
    private let patience: TimeAmount
    private let events: @Sendable (InterceptEvent) -> Void
    private let found = Mutex(MirrorSummary())

    init(
        _ rules: IgnoreRules,
        service: LocalService,
        patience: TimeAmount = MirrorStation.patience,
        events: @escaping @Sendable (InterceptEvent) -> Void
    ) {
        self.rules = rules
        self.service = service
        self.patience = patience
        self.events = events
    }

    /// What was found so far.
    var summary: MirrorSummary { self.found.withLock { $0 } }

    /// Compares what comes, several at once, until it is cancelled or nothing more comes.
    func serve(_ jobs: AsyncStream<Job>) async {
        await withDiscardingTaskGroup { group in
            for await job in jobs { group.addTask { await self.compare(job) } }
        }
    }

    /// Takes note of exchanges that were not compared.
    func miss(_ reason: String, count: Int = 1) {
        self.found.withLock { $0.missed[reason, default: 0] += count }
        self.events(.notCompared(reason: reason, count: count))
    }

    private func compare(_ job: Job) async {
        defer { job.done() }
        guard let copy = ComparedExchange(job.exchange, longestAnswer: Self.longestAnswer) else {
            self.service.became(.abandoned, port: job.port)
            return self.miss(MirrorMiss.cutShort.token)
        }
        let outcome = await LocalExchange.ask(job.addresses, copy.dialogue, patience: self.patience)
        guard !Task.isCancelled else { return self.service.became(.abandoned, port: job.port) }
        switch outcome {
        case .refused:
            self.service.became(.refused, port: job.port)
            self.miss("local-refused")
        case .answered(let address, let answer):
            self.service.became(.accepted(address), port: job.port)
            self.note(copy, answer)
            self.service.became(.ended, port: job.port)
        }
    }

    private func note(_ copy: ComparedExchange, _ answer: ResponseReader.Outcome) {
        let differences: [ResponseDifference] =
            switch answer {
            case .whole(let local): local.differences(from: copy.expected, ignoring: self.rules)
            case .unreadable(let reason): [.noAnswer(reason)]
            case .more: [.noAnswer("the answer is cut short")]
            }
        self.found.withLock { found in
            found.compared += 1
            if !differences.isEmpty { found.different += 1 }
        }
        self.events(
            .compared(
                MirroredAnswer(
                    method: copy.method,
                    target: copy.target,
                    status: copy.expected.status,
                    differences: differences
                )
            )
        )
    }
}

/// The way of one stream's copy to the station.
struct MirrorIntake: MirrorTaker {
    let station: MirrorStation
    let service: LocalService
    let port: Int
    let addresses: [SocketAddress]
    let jobs: AsyncStream<MirrorStation.Job>.Continuation

    func take(_ exchange: MirroredExchange, done: @escaping @Sendable () -> Void) {
        for (reason, count) in exchange.missed.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            self.station.miss(reason.token, count: count)
        }
        if exchange.request.readableBytes > 0 {
            let job = MirrorStation.Job(exchange: exchange, port: self.port, addresses: self.addresses, done: done)
            if case .enqueued = self.jobs.yield(job) { return }
        }
        self.service.became(.abandoned, port: self.port)
        done()
    }

    func abandoned() {
        self.service.became(.abandoned, port: self.port)
    }
}
