import ClusterTestSupport
import Foundation
import KubernetesModel

/// Requests that no route is for, at a set rate, while something is done to the Service: none of them may notice.
struct Bystanders: Sendable {
    private let loads: [(what: String, rate: Int, load: Load)]

    /// Starts them: half through the shop's chain on kept connections, half to the Service on a new connection each.
    ///
    /// - Parameter rate: requests a second, all together.
    static func start(_ shop: ShopAddresses, rate: Int, limit: Duration) async throws -> Bystanders {
        try await self.start(
            kept: ("through the chain, kept connections", shop.frontend),
            fresh: ("to the service, new connections", shop.leaf),
            rate: rate,
            concurrency: 16,
            limit: limit
        )
    }

    /// Starts them at a leaf in a namespace of its own: half on kept connections, half on a new connection each.
    static func start(
        of leaf: OwnLeaf,
        rate: Int,
        concurrency: Int = 4,
        limit: Duration
    ) async throws -> Bystanders {
        try await self.start(
            kept: ("to \(leaf.namespace)/leaf, kept connections", leaf.url),
            fresh: ("to \(leaf.namespace)/leaf, new connections", leaf.url),
            rate: rate,
            concurrency: concurrency,
            limit: limit
        )
    }

    private static func start(
        kept: (what: String, url: String),
        fresh: (what: String, url: String),
        rate: Int,
        concurrency: Int,
        limit: Duration
    ) async throws -> Bystanders {
        let half = max(1, rate / 2)
        let first = try await Load.start(kept.url, rate: half, concurrency: concurrency, limit: limit)
        do {
            let second = try await Load.start(
                fresh.url,
                rate: half,
                concurrency: concurrency,
                limit: limit,
                flags: ["--new-connections", "1"]
            )
            return Bystanders(loads: [(kept.what, half, first), (fresh.what, half, second)])
        } catch {
            first.process.signal(SIGKILL)
            throw error
        }
    }

    /// Ends them without asking what became of their requests.
    func abandon() {
        for entry in self.loads { entry.load.process.signal(SIGKILL) }
    }

    /// Ends them, and says what became of their requests.
    func finish() async throws -> [JSONValue] {
        var results: [JSONValue] = []
        for entry in self.loads {
            let report = try await entry.load.finish()
            results.append(Self.result(entry.what, rate: entry.rate, report.json))
        }
        return results
    }

    /// One load's report in the words of the document. Whoever got a laptop's answer got an altered one.
    ///
    /// - Parameter isRight: whether it had to be answered by who calls itself so; by default by the original.
    static func result(
        _ what: String,
        rate: Int,
        _ report: JSONValue,
        by isRight: (String) -> Bool = { $0.hasPrefix("leaf/leaf-") }
    ) -> JSONValue {
        func count(_ key: String) -> Int64 { report[key]?.integer ?? 0 }
        let answeredBy = report["answeredBy"]?.object ?? [:]
        let right = answeredBy.filter { isRight($0.key) }.values.reduce(0) { $0 + ($1.integer ?? 0) }
        var result: JSONValue = [
            "what": .string(what), "rate": .integer(Int64(rate)),
            "seconds": .seconds(report["seconds"]?.number ?? 0),
            "achieved_rate": .seconds(report["requestsPerSecond"]?.number ?? 0),
            "requests": .integer(count("ok") + count("failed") + count("wrong")),
            "failed": .integer(count("failed")),
            "altered": .integer(count("wrong") + count("ok") - right),
            "retried": .integer(count("retried")),
            "p50_ms": report["p50Milliseconds"] ?? 0, "p99_ms": report["p99Milliseconds"] ?? 0,
            "max_ms": report["maxMilliseconds"] ?? 0,
        ]
        for key in ["errors", "slow"] {
            if let lines = report[key], lines.array?.isEmpty == false { result[key] = lines }
        }
        return result
    }

    /// The sums of some loads' counts, and their slowest request: one entry for all that are called the same.
    static func summed(_ results: [JSONValue]) -> [JSONValue] {
        Dictionary(grouping: results) { $0["what"]?.string ?? "" }.sorted { $0.key < $1.key }.map { what, loads in
            var sum: JSONValue = ["what": .string(what), "rate": loads[0]["rate"] ?? 0]
            for name in ["requests", "failed", "altered", "retried"] {
                sum[name] = .integer(loads.reduce(0) { $0 + ($1[name]?.integer ?? 0) })
            }
            let seconds = loads.reduce(0) { $0 + ($1["seconds"]?.number ?? 0) }
            sum["seconds"] = .seconds(seconds)
            if seconds > 0 { sum["achieved_rate"] = .seconds(Double(sum["requests"]?.integer ?? 0) / seconds) }
            sum["max_ms"] = .seconds(loads.compactMap { $0["max_ms"]?.number }.max() ?? 0)
            for name in ["errors", "slow"] {
                let lines = loads.flatMap { $0[name]?.array ?? [] }
                if !lines.isEmpty { sum[name] = .array(Array(lines.prefix(10))) }
            }
            return sum
        }
    }
}

/// Where the shop is reached from this machine.
struct ShopAddresses: Sendable {
    var frontend: String
    var leaf: String

    static func ask() async throws -> ShopAddresses {
        ShopAddresses(
            frontend: try await Cluster.url("shop/frontend", 80),
            leaf: try await Cluster.url("shop/leaf", 80)
        )
    }
}
