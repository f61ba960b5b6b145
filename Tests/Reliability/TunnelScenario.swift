import ClusterTestSupport
import Foundation
import KubernetesModel

/// Detour's tunnel beside `kubectl port-forward`: the same client asks the same server at the other end of either.
///
/// Both pass the API server, the kubelet and one of its streams into a Pod. The client of port-forward is on this machine and
/// the server in the Pod; that of the tunnel is on the node, and the server on this machine.
struct TunnelScenario {
    /// How large the bodies of `bulk` are, in bytes.
    static let size = 256 << 20
    /// How many clients ask at a time, each request on a connection of its own.
    static let clients = 64

    /// A leaf, and beside it a Deployment and a Service of large bodies.
    let leaf: OwnLeaf
    let developer: Stage.Developer
    /// Where large bodies are served on this machine.
    let bulkPort: Int

    static let bulk = "bulk"

    /// One round of each.
    ///
    /// - Parameter tunnelFirst: the order of the two, so that what was before neither is always the same.
    func run(tunnelFirst: Bool) async throws -> JSONValue {
        var tunnel: JSONValue = [:]
        if tunnelFirst { tunnel = try await self.tunnel() }
        let forward = try await self.portForward()
        if !tunnelFirst { tunnel = try await self.tunnel() }
        return Self.round(tunnel: tunnel, forward: forward)
    }

    /// What was measured of either, in one round: a request that failed through the tunnel is a problem, one of the other is shown.
    static func round(tunnel: JSONValue, forward: JSONValue) -> JSONValue {
        var run: JSONValue = [:]
        for (key, value) in tunnel.object ?? [:] { run["tunnel_\(key)"] = value }
        for (key, value) in forward.object ?? [:] { run["forward_\(key)"] = value }
        let failed = tunnel["failed"]?.integer ?? 0
        if failed > 0 {
            let why = tunnel["errors"]?[0]?.string ?? "no reason given"
            run["problems"] = [.string("\(failed) requests through the tunnel failed: \(why)")]
        }
        return Self.withRatios(run)
    }

    /// The ratios of the tunnel's figures to those of port-forward.
    static func withRatios(_ run: JSONValue) -> JSONValue {
        var run = run
        for name in ["down_mib_per_second", "up_mib_per_second", "requests_per_second"] {
            guard let ours = run["tunnel_\(name)"]?.number, let others = run["forward_\(name)"]?.number, others > 0
            else { continue }
            run["\(name)_ratio"] = .seconds(ours / others)
        }
        return run
    }

    private func portForward() async throws -> JSONValue {
        let (large, largeURL) = try await self.forward(Self.bulk)
        defer { large.signal(SIGKILL) }
        let (small, smallURL) = try await self.forward("leaf")
        defer { small.signal(SIGKILL) }
        return try await self.figures(bulk: largeURL, requests: smallURL, under: [], [])
    }

    private func forward(_ deployment: String) async throws -> (RunningProcess, url: String) {
        let words = ["port-forward", "-n", self.leaf.namespace, "deployment/\(deployment)", ":8080"]
        let process = try RunningProcess([Cluster.script, "kubectl"] + words)
        do {
            try await Cluster.eventually("port-forward listens", within: .seconds(20)) {
                process.output.contains("Forwarding from 127.0.0.1:")
            }
        } catch {
            process.signal(SIGKILL)
            throw error
        }
        guard let match = process.output.firstMatch(of: #/127\.0\.0\.1:(\d+)/#) else {
            throw Trouble("no port in: \(process.output)")
        }
        return (process, "http://127.0.0.1:\(match.1)")
    }

    private func tunnel() async throws -> JSONValue {
        let large = try await self.intercept(Self.bulk, self.bulkPort)
        defer { large.signal(SIGINT) }
        let small = try await self.intercept("leaf", self.developer.port)
        defer { small.signal(SIGINT) }
        try await large.says("ready:", within: .seconds(90))
        try await small.says("ready:", within: .seconds(90))
        try await Task.sleep(for: .seconds(2))
        let header = ["--header", "\(self.developer.header.name):\(self.developer.header.value)"]
        let figures = try await self.figures(
            bulk: try await self.address(Self.bulk),
            requests: try await self.address("leaf"),
            under: [Cluster.script, "node"],
            header
        )
        for (name, command) in [(Self.bulk, large), ("leaf", small)] {
            command.signal(SIGINT)
            guard await command.ended(within: .seconds(60)) == 0 else {
                throw Trouble("the command: \(command.errors)")
            }
            try await Cluster.nothingIsLeft(of: name, in: self.leaf.namespace, butEnding: true)
        }
        return figures
    }

    private func intercept(_ service: String, _ port: Int) async throws -> RunningProcess {
        let match = "\(self.developer.header.name):\(self.developer.header.value)"
        let words = ["intercept", service, "-n", self.leaf.namespace, "-p", "80:\(port)", "-x", match, "--drain", "1s"]
        var environment = try await Cluster.environment()
        environment["USER"] = self.developer.name
        return try RunningProcess([Cluster.detour] + words, environment: environment)
    }

    private func address(_ service: String) async throws -> String {
        let words = ["get", "service", service, "-n", self.leaf.namespace, "-o", "jsonpath={.spec.clusterIP}"]
        return "http://\(try await Cluster.kubectl(words))"
    }

    /// What the clients count, each alone.
    ///
    /// - Parameter place: the words before theirs, which say where they run.
    private func figures(
        bulk: String,
        requests: String,
        under place: [String],
        _ header: [String]
    ) async throws -> JSONValue {
        let fixtures = place + [try Cluster.program("DETOUR_FIXTURES")]
        let start = ProcessorTime.now()
        let large = try await Shell.run(
            fixtures + ["bulk", "--url", bulk, "--size", String(Self.size), "--slow", "0"] + header,
            within: .seconds(120)
        )
        let bytes = try JSONValue(parsing: large.output)
        guard large.status == 0 else { throw Trouble("bulk: \(large)") }
        let before = ProcessorTime.now()
        let small = try await Shell.run(
            fixtures + ["load", "--url", requests, "--rate", "0", "--concurrency", String(Self.clients)]
                + ["--new-connections", "1", "--post", "0", "--duration", "8s", "--timeout", "10s"] + header,
            within: .seconds(120)
        )
        let after = ProcessorTime.now()
        let report = try JSONValue(parsing: small.output)
        // Only those that this end of the path answered.
        let answered = (report["answeredBy"]?.object ?? [:])
            .filter { header.isEmpty || $0.key == self.developer.answer }
            .values.reduce(0) { $0 + ($1.integer ?? 0) }
        // One body went each way.
        let mebibytes = Int64(2 * Self.size >> 20)
        let bulkTime = ProcessorTime.members(before.since(start), of: mebibytes, named: "cpu_us_mib")
        let time = ProcessorTime.members(after.since(before), of: report["ok"]?.integer ?? 0, named: "cpu_us")
        var figures = bulkTime.merging(time)
        let measured: JSONValue = [
            "down_mib_per_second": bytes["downMiBPerSecond"] ?? 0, "up_mib_per_second": bytes["upMiBPerSecond"] ?? 0,
            "requests_per_second": .seconds(Double(answered) / (report["seconds"]?.number ?? 1)),
            "failed": .integer(
                ["failed", "wrong", "retried"].reduce(0) { $0 + (report[$1]?.integer ?? 0) }
            ),
            "answered_elsewhere": .integer((report["ok"]?.integer ?? 0) - answered),
        ]
        for (name, value) in measured.object ?? [:] { figures[name] = value }
        if let errors = report["errors"], errors.array?.isEmpty == false { figures["errors"] = errors }
        return figures
    }
}

extension TunnelScenario {
    /// A Deployment and a Service of large bodies beside the leaf.
    static func objects() async throws -> [JSONValue] {
        var deployment = try JSONValue(
            parsing: try await Cluster.kubectl("get", "deployment", "ws", "-n", "fixtures", "-o", "json")
        )
        deployment["metadata"] = ["name": .string(Self.bulk)]
        deployment["status"] = nil
        let labels: JSONValue = ["app": .string(Self.bulk)]
        deployment["spec"]?["replicas"] = 1
        deployment["spec"]?["selector"]?["matchLabels"] = labels
        deployment["spec"]?["template"]?["metadata"]?["labels"] = labels
        if var container = deployment[path: "spec", "template", "spec", "containers"]?[0] {
            container["args"] = ["serve", "bulk"]
            container["readinessProbe"] = ["tcpSocket": ["port": "main"], "periodSeconds": 1]
            deployment["spec"]?["template"]?["spec"]?["containers"] = [container]
        }
        let ports: JSONValue = [["name": "http", "port": 80, "targetPort": "main"]]
        let service: JSONValue = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(Self.bulk)],
            "spec": ["selector": labels, "ports": ports],
        ]
        return [deployment, service]
    }
}
