import KubernetesModel
import Testing

@testable import reliability

@Suite("Disruptions and comparisons, and what the table says of them")
struct DisruptionTests {
    private func load(
        _ what: String,
        requests: Int64,
        failed: Int64 = 0,
        altered: Int64 = 0,
        slowest: Double = 2
    ) -> JSONValue {
        [
            "what": .string(what), "rate": 50, "requests": .integer(requests), "failed": .integer(failed),
            "altered": .integer(altered), "retried": 0, "errors": ["x"], "max_ms": .double(slowest),
        ]
    }

    private func run(isIntercepted: Bool, _ steps: [String: [JSONValue]]) -> JSONValue {
        let steps = steps.map { name, loads -> JSONValue in ["step": .string(name), "bystanders": .array(loads)] }
        return ["intercepted": .bool(isIntercepted), "steps": .array(steps)]
    }

    private func section(_ scenario: Settings.Scenario, _ runs: [JSONValue]) throws -> Document {
        var document = Document(nil)
        let bystanders = Disruption.bystanders(runs)
        let batch = Document.Batch(scenario: scenario, about: ["commit": "c"], runs: runs, bystanders: bystanders)
        try document.take(batch, appends: false)
        return document
    }

    private func runs(lost: Int64 = 0) -> [JSONValue] {
        [
            self.run(
                isIntercepted: false,
                [
                    "restart workload": [self.load("kept", requests: 90, failed: 4)],
                    "kill workload": [self.load("kept", requests: 10, failed: 3)],
                ]
            ),
            self.run(
                isIntercepted: true,
                [
                    "restart interceptor": [
                        self.load("kept", requests: 1_000, slowest: 28_500),
                        self.load("new", requests: 200, altered: lost),
                    ],
                    "kill interceptor": [self.load("kept", requests: 20, failed: 2)],
                    "kill etcd": [self.load("kept", requests: 600_000)],
                ]
            ),
        ]
    }

    @Test(
        "Requests are summed by step; those that had an intercept and a warning are everybody's, those of a kill are told apart"
    )
    func totals() throws {
        let document = try self.section(.disruptions, self.runs() + self.runs(lost: 1))
        let steps = try #require(document.json[path: "scenarios", "disruptions", "steps"])
        #expect(steps[path: "plain", "restart workload", "requests"] == 180)
        #expect(steps[path: "plain", "kill workload", "failed"] == 6)
        #expect(
            steps[path: "intercepted", "restart interceptor"] == [
                "requests": 2_400, "failed": 0, "altered": 1, "retried": 0, "max_ms": .double(28_500),
            ]
        )
        #expect(document.json["requests"] == 1_202_400 && document.json["failed_requests"] == 1)
    }

    @Test(
        "The bar is none of those with an intercept, whatever is lost without; a kill has no bar, and is shown",
        arguments: [0, 1]
    )
    func bars(lost: Int64) throws {
        let done = ["restart interceptor", "kill kube-apiserver", "kill etcd"]
        let rest = Disruption.gracefulSteps.filter { !done.contains($0) }
        let more = self.run(
            isIntercepted: true,
            Dictionary(uniqueKeysWithValues: (rest + [done[1]]).map { ($0, [self.load("kept", requests: 100)]) })
        )
        let bars = Bars(try self.section(.disruptions, self.runs(lost: lost) + [more]).json)
        #expect(bars.lines[0].isMet == (lost == 0) && bars.lines[1].isMet)
        let all = 601_200 + 100 * (rest.count + 1)
        #expect(
            bars.lines[0].measured == "\(lost) of \(Bars.count(.integer(Int64(all)))) "
                + "(the same without an intercept: 4 of 90); the slowest took 28.5 s"
        )
        #expect(
            bars.lines[1].measured == "2 of 20 (the same without an intercept: 3 of 10); the slowest took 0 s"
        )
    }

    @Test("Only steps that were made are named, and a round without one of them misses the bar")
    func incomplete() throws {
        let line = try #require(Bars(try self.section(.disruptions, self.runs()).json).lines.first)
        #expect(line.what.hasSuffix("(restart interceptor, kill etcd)") && !line.isMet)
        #expect(line.measured.contains("; not measured: start command, evict interceptor,"))
        #expect(Disruption.gracefulSteps.contains("kill kube-apiserver"))
        #expect(Set(Disruption.gracefulSteps).count == Disruption.gracefulSteps.count)
        // A step that nobody asked anything in was not measured either.
        let silent = self.run(isIntercepted: true, ["cut tunnel": [self.load("kept", requests: 0)]])
        let bars = Bars(try self.section(.disruptions, self.runs() + [silent]).json)
        #expect(bars.lines[0].measured.contains("cut tunnel"))
    }

    @Test("Rounds without one kind of requests have no line")
    func half() throws {
        let document = try self.section(.disruptions, [self.run(isIntercepted: false, [:])])
        #expect(!Bars(document.json).lines.contains { $0.what.contains("disruptions") })
    }

    @Test(
        "A round with an intercept begins with a start and ends with a stop, and has a counterpart for what is done to its Pods"
    )
    func rounds() {
        #expect(Disruption.intercepted.first?.kind == .start && Disruption.intercepted.last?.kind == .stop)
        let plain = Set(Disruption.plain.map(\.kind))
        #expect(Disruption.intercepted.filter { $0.target == .interceptor }.allSatisfy { plain.contains($0.kind) })
        #expect(Set(Disruption.intercepted.map(\.name)).count == Disruption.intercepted.count)
    }

    @Test("Only where Pods are killed may anything be lost: not where a laptop or a server of the cluster dies")
    func deaths() {
        let lossy = (Disruption.intercepted + Disruption.plain + Disruption.deaths).filter { !$0.isGraceful }.map(
            \.name
        )
        #expect(Set(lossy) == ["kill interceptor", "kill workload"])
        #expect(Set(Disruption.deaths.filter { $0.kind == .kill }.map(\.target)) == [.apiServer, .etcd, .command])
        #expect(Disruption.isGraceful("kill kube-apiserver") && !Disruption.isGraceful("kill workload"))
    }

    @Test("What an intercept adds is the difference in a round, and the median of the rounds is told")
    func latency() throws {
        func run(_ plain: Double, _ intercepted: Double) -> JSONValue {
            LatencyScenario.difference(
                ["p50_ms": .double(plain), "p99_ms": .double(plain * 2)],
                ["p50_ms": .double(intercepted), "p99_ms": .double(intercepted * 2)]
            )
        }
        let document = try self.section(.latency, [run(1, 1.25), run(2, 2.5), run(1, 4)])
        #expect(document.json["added_p50_ms"] == .double(0.5) && document.json["added_p99_ms"] == .double(1))
        let line = try #require(Bars(document.json).lines.first { $0.what.hasPrefix("added") })
        #expect(line.measured == "+ p50 0.5 ms, p99 1 ms (without an intercept: p50 1 ms, p99 2 ms)")
    }

    @Test("A request that fails through the tunnel is a problem of the round, one through port-forward is shown")
    func tunnelFailures() throws {
        let (bad, good): (JSONValue, JSONValue) = (["failed": 2, "errors": ["reset"]], ["failed": 0])
        let problem = TunnelScenario.round(tunnel: bad, forward: good)["problems"]
        #expect(problem == ["2 requests through the tunnel failed: reset"])
        let run = TunnelScenario.round(tunnel: good, forward: bad)
        #expect(run["problems"] == nil && run["forward_failed"] == 2)
    }

    @Test(
        "The tunnel's ratios are those of a round, their medians have bars",
        arguments: [(18.0, true), (17.9, false)]
    )
    func tunnel(down: Double, isMet: Bool) throws {
        let run = TunnelScenario.withRatios([
            "tunnel_down_mib_per_second": .double(down), "forward_down_mib_per_second": .double(20),
            "tunnel_up_mib_per_second": .double(30), "forward_up_mib_per_second": .double(0),
            "tunnel_requests_per_second": .double(300), "forward_requests_per_second": .double(100),
        ])
        let document = try self.section(.tunnel, [run])
        #expect(document.json["tunnel_requests_ratio"] == .double(3))
        #expect(document.json["tunnel_upload_ratio"] == nil, "nothing was measured to compare with")
        let lines = Bars(document.json).lines.filter { $0.what.hasPrefix("the tunnel") }
        #expect(lines.map(\.isMet) == [isMet, true])
        #expect(lines.last?.measured == "3 × (300 and 100 a second)")
    }
}
