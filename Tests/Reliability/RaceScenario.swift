import ClusterTestSupport
import Foundation
import KubernetesModel
import TestSupport

/// Two developers in turns: each joins while the other leaves as the last one, at a random moment.
///
/// When a command is started is aimed at: as long before that moment as joining took in the races before. Half of the moments
/// are around the write that closes the Session, the others anywhere until it is gone. Races come in chains, so that one
/// finds what the races before it have left; with the end of a chain everything has to be as it was.
struct RaceScenario {
    /// How many races a chain has.
    static let chain = 10

    /// How it went for who joined.
    enum Entrance: String {
        /// He wrote his route into the Session that was there.
        case joined
        /// He found it closing, waited, and made one of his own.
        case waited
        /// It was gone already.
        case alone
    }

    /// What the races so far have taught, in seconds.
    struct Experience: Sendable {
        var joins: [Double] = []
        var ends: [Double] = []

        /// From the start of a command to its route in a Session.
        var join: Double { Figures(self.joins)?.median ?? 0.5 }
        /// From Ctrl-C to the moment that the Session is gone.
        var end: Double { Figures(self.ends)?.median ?? 3 }

        /// When a joiner's write is to arrive, in seconds since the other's Ctrl-C.
        func aim(_ random: inout some RandomNumberGenerator) -> Double {
            Bool.random(using: &random)
                ? Double.random(in: -0.25...0.25, using: &random)
                : Double.random(in: 0...self.end + 0.2, using: &random)
        }

        mutating func take(_ race: JSONValue) {
            if race["entrance"] == .string(Entrance.joined.rawValue), let join = race["join_s"]?.number {
                self.joins.append(join)
            }
            if let end = race["gone_after_s"]?.number { self.ends.append(end) }
        }
    }

    let stage: Stage

    /// Runs a chain of races; what is wrong with the whole of it is noted with the last.
    func run(_ seeds: some Sequence<UInt64>, _ experience: inout Experience) async throws -> [JSONValue] {
        var races: [JSONValue] = []
        let end = try await self.stage.round { outcome in
            var (leaver, joiner) = (self.stage.ada, self.stage.bob)
            var holder = try await self.stage.launch(leaver)
            defer { holder.signal(SIGINT) }
            try await holder.says("ready:", within: .seconds(90))
            for seed in seeds {
                var random = SplitMix64(seed: seed)
                let aim = experience.aim(&random)
                var race = Stage.Outcome()
                race.measured["seed"] = .integer(Int64(bitPattern: seed))
                race.measured["aim_s"] = .seconds(aim)
                let offset = Duration.seconds(aim - experience.join)
                defer { races.append(race.json) }
                holder = try await self.race(holder, joiner, offset: offset, &race)
                experience.take(race.json)
                (leaver, joiner) = (joiner, leaver)
            }
            try await self.last(holder, &outcome)
        }
        guard let race = races.popLast() else { return [end] }
        return races + [race.adding(end)]
    }

    /// Interrupts who holds the Service, and starts another, so much later or earlier; who holds it then.
    private func race(
        _ holder: RunningProcess,
        _ developer: Stage.Developer,
        offset: Duration,
        _ race: inout Stage.Outcome
    ) async throws -> RunningProcess {
        let began = ContinuousClock.now
        let next = try await self.stage.probing(developer) { prober in
            let (interrupted, joiner) = try await self.cross(holder, developer, offset)
            do {
                async let leaving = holder.ended()
                try await self.check(joiner, of: developer, since: interrupted, prober, &race)
                let status = await leaving
                if status != 0 { race.problems.append("who left has status \(status): \(holder.errors.suffix(400))") }
            } catch {
                joiner.signal(SIGINT)
                throw error
            }
            return joiner
        }
        let deadEnds = self.stage.watch.history.deadEnds(since: began)
        if !deadEnds.isEmpty { race.problems.append("the Service had no endpoint, \(deadEnds.count) times") }
        return next
    }

    private func cross(
        _ holder: RunningProcess,
        _ developer: Stage.Developer,
        _ offset: Duration
    ) async throws -> (interrupted: ContinuousClock.Instant, joiner: RunningProcess) {
        if offset >= .zero {
            let interrupted = ContinuousClock.now
            holder.signal(SIGINT)
            try await Task.sleep(until: interrupted + offset)
            return (interrupted, try await self.stage.launch(developer))
        }
        let joiner = try await self.stage.launch(developer)
        do {
            try await Task.sleep(until: joiner.startedAt - offset)
        } catch {
            joiner.signal(SIGINT)
            throw error
        }
        let interrupted = ContinuousClock.now
        holder.signal(SIGINT)
        return (interrupted, joiner)
    }

    /// Whatever became of the race, who joined is served now.
    private func check(
        _ joiner: RunningProcess,
        of developer: Stage.Developer,
        since interrupted: ContinuousClock.Instant,
        _ prober: Prober,
        _ race: inout Stage.Outcome
    ) async throws {
        try await joiner.says("ready:", within: .seconds(90))
        let ready = ContinuousClock.now
        race.measured["ready_after_s"] = .seconds((ready - joiner.startedAt).seconds)
        _ = try await prober.answer("the laptop answers", since: ready, within: .seconds(5)) {
            $0.by == developer.answer
        }
        // New connections, one after the other: from now on, all of them are his.
        let settled = ContinuousClock.now
        try await Task.sleep(for: .milliseconds(500))
        let strays = prober.answers.filter { $0.sent >= settled && $0.by != developer.answer }
        if let stray = strays.first { race.problems.append("\(strays.count) of his requests went elsewhere: \(stray)") }
        let other = developer.name == self.stage.ada.name ? self.stage.bob : self.stage.ada
        if prober.answers.contains(where: { $0.by == other.answer }) {
            race.problems.append("\(other.name) got requests of \(developer.name)")
        }
        let lost = prober.answers.compactMap(\.failure)
        if !lost.isEmpty { race.problems.append("\(lost.count) of his requests were answered by nobody: \(lost[0])") }

        let history = self.stage.watch.history
        guard let joined = history.joining(of: developer.name, since: joiner.startedAt) else {
            return race.problems.append("his route was in no Session")
        }
        race.measured["join_s"] = .seconds((joined.at - joiner.startedAt).seconds)
        race.measured["joined_after_s"] = .seconds((joined.at - interrupted).seconds)
        let entrance: Entrance =
            joined.incarnation == history.incarnation(before: min(interrupted, joiner.startedAt))
            ? .joined : joiner.errors.contains("waiting for the previous intercept") ? .waited : .alone
        race.measured["entrance"] = .string(entrance.rawValue)
        if entrance != .joined, let gone = history.first(since: interrupted, where: { $0 == .session(nil) }) {
            race.measured["gone_after_s"] = .seconds((gone - interrupted).seconds)
        }
    }

    /// The last one leaves, and nobody joins.
    private func last(_ holder: RunningProcess, _ outcome: inout Stage.Outcome) async throws {
        let interrupted = ContinuousClock.now
        holder.signal(SIGINT)
        let status = await holder.ended()
        if status != 0 { outcome.problems.append("the last one's status \(status): \(holder.errors.suffix(400))") }
        let restored = try await self.stage.selectorIsBack(since: interrupted, within: .seconds(5))
        outcome.measured["stop_s"] = .seconds((restored - interrupted).seconds)
    }
}

extension JSONValue {
    /// An object with another's members too; lists of the same name are joined.
    func adding(_ other: JSONValue) -> JSONValue {
        var sum = self
        for (key, value) in other.object ?? [:] {
            if let mine = sum[key]?.array, let theirs = value.array {
                sum[key] = .array(mine + theirs)
            } else {
                sum[key] = value
            }
        }
        return sum
    }
}
