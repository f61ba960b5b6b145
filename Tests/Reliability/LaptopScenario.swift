import ClusterFaults
import ClusterTestSupport
import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// The day of two laptops, beside each other: one whose route survives all that happens, and one whose route expires each time.
struct LaptopScenario {
    let stage: Stage
    let lengths: Absence.Lengths
    /// Requests of bystanders a second, all together.
    let rate: Int
    let say: @Sendable (String) -> Void

    /// As many days as are asked for and there is time for.
    func run(
        _ count: Int,
        until last: ContinuousClock.Instant
    ) async throws -> (
        runs: [JSONValue], bystanders: [JSONValue]
    ) {
        var (runs, bystanders): ([JSONValue], [JSONValue]) = ([], [])
        while runs.count < count, ContinuousClock.now < last {
            async let first = self.day(self.stage.ada, expires: false)
            async let second = self.day(self.stage.bob, expires: true)
            let (surviving, expiring) = try await (first, second)
            runs.append(Self.merged(surviving.outcome, expiring.outcome))
            bystanders += surviving.bystanders + expiring.bystanders
            self.say("laptop \(runs.count) of \(count): \(runs.last?.compact ?? "")")
        }
        return (runs, bystanders)
    }

    /// Both days as one run: the longer of two times, all steps, all that was wrong.
    static func merged(_ surviving: Stage.Outcome, _ expiring: Stage.Outcome) -> JSONValue {
        var whole = surviving
        for (name, value) in expiring.measured.object ?? [:] {
            switch (name, whole.measured[name], value.number) {
            case ("start_s", _, _): whole.measured["expiring_start_s"] = value
            case (_, .array(let steps)?, _): whole.measured[name] = .array(steps + (value.array ?? []))
            case (_, let other?, let number?): whole.measured[name] = .seconds(max(number, other.number ?? 0))
            default: whole.measured[name] = value
            }
        }
        whole.problems += expiring.problems
        whole.residue += expiring.residue
        return whole.json
    }

    private func day(
        _ developer: Stage.Developer,
        expires: Bool
    ) async throws -> (outcome: Stage.Outcome, bystanders: [JSONValue]) {
        let leaf = try await OwnLeaf(in: "reliability-laptop\(expires ? "-expiring" : "")")
        let result = await Result { () async throws -> (Stage.Outcome, [JSONValue]) in
            let network = try await UnsteadyNetwork.start()
            let folder = try await ConnectionFolder()
            let client = try KubernetesClient(try ClusterConnection.load())
            let done = await Result { () async throws -> (Stage.Outcome, [JSONValue]) in
                let account = try await LaptopLane.account(in: leaf.namespace, folder, through: network.address)
                let names = InterceptNames(namespace: leaf.namespace, service: "leaf")
                let watch = ServiceWatch(client: client, names: names)
                let lane = LaptopLane(
                    leaf: leaf,
                    developer: developer,
                    network: network,
                    folder: folder,
                    account: account,
                    watch: watch,
                    http: self.stage.http,
                    lengths: self.lengths,
                    ttl: Absence.ttl(self.lengths, expires: expires),
                    say: self.say
                )
                let limit = Duration.seconds(900 + 5 * self.lengths.away + self.lengths.asleep)
                let bystanders = try await Bystanders.start(of: leaf, rate: self.rate / 2, limit: limit)
                defer { bystanders.abandon() }
                let outcome = try await watch.following {
                    try await lane.live(expires ? Absence.expiring : Absence.surviving)
                }
                return (outcome, try await bystanders.finish())
            }
            try? await client.shutdown()
            folder.remove()
            await network.stop()
            return try done.get()
        }
        try? await leaf.remove()
        let (outcome, bystanders) = try result.get()
        return (outcome, bystanders)
    }
}
