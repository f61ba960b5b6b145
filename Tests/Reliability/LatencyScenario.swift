import ClusterTestSupport
import Foundation
import KubernetesModel

/// How much longer an un-diverted request takes with an intercept on the Service: one measurement without, one with.
struct LatencyScenario {
    /// Requests a second, on kept connections.
    static let rate = 1_000

    let leaf: OwnLeaf
    let developer: Stage.Developer

    /// One round: `p50_ms` and `p99_ms` of each, and the differences.
    ///
    /// - Parameter interceptedFirst: the order of the two, so that what was before neither is always the same.
    func run(interceptedFirst: Bool) async throws -> (run: JSONValue, bystanders: JSONValue) {
        var plain: JSONValue = [:]
        if !interceptedFirst { plain = try await self.measure("without an intercept") }
        let command = try await Intercepting.launch(
            port: self.developer.port,
            flags: ["-x", "\(self.developer.header.name):\(self.developer.header.value)", "--drain", "1s"],
            user: self.developer.name,
            in: self.leaf.namespace
        )
        defer { command.signal(SIGINT) }
        try await command.says("ready:", within: .seconds(90))
        // Until all of the node's rules have followed.
        try await Task.sleep(for: .seconds(2))
        let intercepted = try await self.measure("with an intercept")
        command.signal(SIGINT)
        guard await command.ended(within: .seconds(60)) == 0 else { throw Trouble("the command: \(command.errors)") }
        try await Cluster.nothingIsLeft(of: "leaf", in: self.leaf.namespace, butEnding: true)
        if interceptedFirst { plain = try await self.measure("without an intercept") }
        return (Self.difference(plain, intercepted), intercepted)
    }

    /// What the intercept has added, in milliseconds.
    static func difference(_ plain: JSONValue, _ intercepted: JSONValue) -> JSONValue {
        var run: JSONValue = [:]
        for name in ["p50_ms", "p99_ms"] {
            guard let one = plain[name]?.number, let other = intercepted[name]?.number else { continue }
            // Thousandths of a millisecond are what the generator tells.
            run["plain_\(name)"] = .seconds(one)
            run["intercepted_\(name)"] = .seconds(other)
            run["added_\(name)"] = .seconds(other - one)
        }
        return run
    }

    private func measure(_ what: String) async throws -> JSONValue {
        let flags = ["--new-connections", "0", "--post", "0"]
        let load = try await Load.start(self.leaf.url, rate: Self.rate, concurrency: 16, flags: flags)
        try await Task.sleep(for: .seconds(10))
        let report = try await load.finish()
        return Bystanders.result("\(what), kept connections", rate: Self.rate, report.json)
    }
}
