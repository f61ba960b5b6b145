import APIFaults
import ClusterTestSupport
import Foundation
import KubernetesModel
import Synchronization

/// The command is killed at every request of its life, in each context; several lives side by side, each where nobody else is.
struct KillScenario {
    let stage: Stage
    let settings: Settings
    let say: @Sendable (String) -> Void

    /// What the lanes have made together.
    struct Results: Sendable {
        var runs: [JSONValue] = []
        var bystanders: [JSONValue] = []
        /// How many points there are.
        var points = 0
        /// How many were to be tried.
        var asked = 0
    }

    /// Points that are still to be tried, and where the lanes put what came of them.
    private final class Queue: Sendable {
        private struct State: Sendable {
            var points: [KillPoint] = []
            var results = Results()
        }

        private let state = Mutex(State())
        let last: ContinuousClock.Instant

        init(last: ContinuousClock.Instant) { self.last = last }

        var results: Results { self.state.withLock { $0.results } }

        func fill(_ points: [KillPoint], of all: Int) {
            self.state.withLock { state in
                state.points = points
                (state.results.points, state.results.asked) = (all, points.count)
            }
        }

        /// The next point of a context; nil when there is none, or no time for it.
        func next(in context: KillPoint.Context) -> KillPoint? {
            self.state.withLock { state in
                guard ContinuousClock.now < self.last,
                    let index = state.points.firstIndex(where: { $0.context == context })
                else { return nil }
                return state.points.remove(at: index)
            }
        }

        /// Puts a point back that says nothing yet.
        func tryAgain(_ point: KillPoint) { self.state.withLock { $0.points.append(point) } }

        func take(_ run: JSONValue) -> Int {
            self.state.withLock { state in
                state.results.runs.append(run)
                return state.results.runs.count
            }
        }

        func take(bystanders: [JSONValue]) {
            self.state.withLock { $0.results.bystanders += bystanders }
        }
    }

    /// Records a life in each context, and then tries its points.
    func run() async throws -> Results {
        let queue = Queue(last: .now + .seconds(60 * self.settings.minutes))
        var all: [KillPoint] = []
        for round in self.rounds {
            all += try await self.lane(0, round, queue) { lane in
                var points: [KillPoint] = []
                for context in self.contexts(of: round) {
                    points +=
                        context == .powercut
                        ? KillPoint.powerCuts(self.settings.powerCuts, seed: self.settings.seed)
                        : try await self.record(context, lane)
                }
                return points
            }
        }
        let sample = self.settings.sample(of: all)
        queue.fill(sample, of: all.count)
        self.say("kills: \(sample.count) of \(all.count) points")
        for round in self.rounds { try await self.run(round, queue) }
        return queue.results
    }

    private func contexts(of round: KillPoint.Round) -> [KillPoint.Context] {
        self.settings.contexts.filter { $0.round == round }
    }

    private var rounds: [KillPoint.Round] { KillPoint.Round.allCases.filter { !self.contexts(of: $0).isEmpty } }

    /// Tries the points of some contexts.
    private func run(_ round: KillPoint.Round, _ queue: Queue) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...(round == .away ? 1 : max(1, self.settings.lanes)) {
                group.addTask {
                    do {
                        try await self.lane(number, round, queue) { try await self.work($0, round, queue) }
                    } catch is CancellationError {
                        throw CancellationError()
                    } catch {
                        try Task.checkCancellation()
                        // The others go on, and what was found until now is kept.
                        let end: JSONValue = ["lane": .integer(Int64(number)), "problems": [.string("\(error)")]]
                        _ = queue.take(end)
                        self.say("kills: \(end.compact)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func lane<Value: Sendable>(
        _ number: Int,
        _ round: KillPoint.Round,
        _ queue: Queue,
        _ body: @escaping @Sendable (KillLane) async throws -> Value
    ) async throws -> Value {
        let (value, bystanders) = try await KillLane.with(
            "\(round.rawValue)-\(number)",
            self.stage,
            rate: round.hasBystanders ? Self.rate : nil,
            limit: .seconds(60 * (self.settings.minutes + 10)),
            body
        )
        queue.take(bystanders: bystanders)
        return value
    }

    /// Requests a second of bystanders, for each lane, or each life where they are its own.
    static let rate = 20

    /// A life without a kill: its points.
    private func record(_ context: KillPoint.Context, _ lane: KillLane) async throws -> [KillPoint] {
        try await self.withOther(context, lane) { _ in
            var life = KillLife(lane: lane, context: context)
            let trace = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: trace) }
            if context == .syscalls { life.tracer = SystemCalls.recording(to: trace.path()) }
            let story = try await life.live(until: nil)
            guard story.outcome.problems.isEmpty, story.outcome.residue.isEmpty else {
                throw Trouble("a life without a kill went wrong (\(context.rawValue)): \(story.outcome.json.compact)")
            }
            let points =
                context == .syscalls
                ? SystemCalls.points(of: try String(contentsOf: trace, encoding: .utf8))
                : KillPoint.points(of: story.requests, told: story.told, alone: story.alone, in: context)
            self.say("kills: \(context.rawValue) has \(points.count) points")
            return points.filter { $0.concerns(self.settings.requests) }
        }
    }

    private func work(_ lane: KillLane, _ round: KillPoint.Round, _ queue: Queue) async throws {
        for context in self.contexts(of: round) {
            // Nobody joins where there is nothing to do.
            guard let first = queue.next(in: context) else { continue }
            try await self.withOther(context, lane) { other in
                var point: KillPoint? = first
                while let now = point {
                    let run = try await self.attempt(now, lane, other, queue)
                    self.say("kills \(queue.take(run)) of \(queue.results.asked): \(run.compact)")
                    if other == nil, run["problems"] != nil || run["residue"] != nil { try await self.clear(lane) }
                    if run["unseen"] != nil { queue.tryAgain(now) }
                    if other?.status != nil { break }
                    point = queue.next(in: context)
                }
            }
        }
    }

    /// One point.
    private func attempt(
        _ point: KillPoint,
        _ lane: KillLane,
        _ other: RunningProcess?,
        _ queue: Queue
    ) async throws -> JSONValue {
        var life = KillLife(lane: lane, context: point.context)
        if point.context == .syscalls { life.tracer = SystemCalls.killing(at: point) }
        var story: KillLife.Story
        if let other {
            story = try await lane.probing(self.stage.bob) { prober in
                _ = try await prober.answer("bob answers", since: .now, within: .seconds(20)) {
                    $0.by == self.stage.bob.answer
                }
                let sent = ContinuousClock.now
                var story = try await life.live(until: point)
                let others = prober.answers.filter { $0.sent >= sent && $0.by != self.stage.bob.answer }
                if let first = others.first {
                    story.outcome.problems.append("\(others.count) requests of the other were not his: \(first)")
                }
                return story
            }
            if let status = other.status {
                story.outcome.problems.append("the other's command ended (\(status)): \(other.errors)")
            }
        } else {
            story = try await life.live(until: point)
        }
        queue.take(bystanders: story.bystanders)
        var run = point.json
        for (key, value) in story.outcome.json.object ?? [:] { run[key] = value }
        // What was not seen whole says nothing, and does not count.
        run["struck"] = .bool(story.struckAt != nil && story.unseen == nil)
        if let unseen = story.unseen { run["unseen"] = .string(unseen) }
        return run
    }

    /// Makes room for the next life after one that left something.
    private func clear(_ lane: KillLane) async throws {
        let words = ["session", "close", "leaf", "--force"]
        _ = await (try lane.command(words, of: self.stage.ada, lane.direct)).ended(within: .seconds(30))
        try await Cluster.nothingIsLeft(of: "leaf", in: lane.leaf.namespace, butEnding: true)
    }

    /// Runs `body` beside bob's intercept, where the context has one; with its end all of it is gone.
    private func withOther<Value: Sendable>(
        _ context: KillPoint.Context,
        _ lane: KillLane,
        _ body: (RunningProcess?) async throws -> Value
    ) async throws -> Value {
        guard context.hasOther else { return try await body(nil) }
        let other = try await lane.bystandingIntercept(of: self.stage.bob)
        defer { other.signal(SIGKILL) }
        let value = try await body(other)
        other.signal(SIGINT)
        guard await other.ended(within: .seconds(60)) == 0 else { throw Trouble("bob's command: \(other.errors)") }
        try await Cluster.nothingIsLeft(of: "leaf", in: lane.leaf.namespace, butEnding: true)
        return value
    }
}
