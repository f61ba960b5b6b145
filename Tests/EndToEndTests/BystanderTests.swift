import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension AloneEndToEndTests {
    @Test(
        "Starts and ends under load lose nothing, as little as no intercept at all",
        .timeLimit(.minutes(8))
    )
    func cycles() async throws {
        let frontend = try await Cluster.url("shop/frontend", 80)
        let peak = try await Load.start(frontend, rate: 0, concurrency: 16)
        try await Task.sleep(for: .seconds(4))
        let rate = Int(Double(try await peak.finish().ok) / 4 / 2)

        let baseline = try await Load.start(frontend, rate: rate, concurrency: 16)
        try await Task.sleep(for: .seconds(10))
        let calm = try await baseline.finish()
        #expect(calm.bad == 0, "the baseline itself: \(calm)")

        let load = try await Load.start(frontend, rate: rate, concurrency: 16)
        // On connections of their own: those that core has kept from before a swap stay with the original.
        let matching = try await Load.start(
            try await Cluster.url("shop/leaf", 80),
            rate: 20,
            flags: ["--new-connections", "1", "--header", "X-C6O-INTERCEPT:yes"]
        )
        // Hundreds of them are for `make reliability`.
        for _ in 0..<4 {
            let intercept = try await Intercepting.start(["--drain", "2s"])
            try await Task.sleep(for: .milliseconds(500))
            #expect(await intercept.stop() == 0)
            #expect(try await Cluster.snapshot("leaf").differences(from: intercept.before).isEmpty)
        }
        let report = try await load.finish()
        print("cycles at \(rate) requests/s: \(report)")
        #expect(report.bad == 0, "\(report)")
        let matched = try await matching.finish()
        print("matching requests meanwhile: \(matched)")
        #expect(matched.bad == 0, "\(matched)")
        #expect((matched.json[path: "answeredBy", "leaf/laptop"]?.integer ?? 0) > 0, "\(matched)")
        try await Cluster.nothingIsLeft(of: "leaf")
    }

}

extension ElsewhereEndToEndTests {
    @Test(
        "WebSocket, raw TCP, a server that speaks first and gRPC work behind an intercepted Service",
        .timeLimit(.minutes(5)),
        arguments: [
            "ws", "tcp", "banner", "grpc",
        ]
    )
    func protocols(name: String) async throws {
        let port = ["ws": 80, "tcp": 7, "banner": 25, "grpc": 50_051][name] ?? 0
        let address = try await Cluster.url("fixtures/\(name)", port)
        let fixtures = try Cluster.program("DETOUR_FIXTURES")
        let before = try await Cluster.snapshot(name, in: "fixtures")
        try await Shell.must(fixtures, "client", name, "--addr", address, "--rounds", "3")

        let detour = try RunningProcess(
            [Cluster.detour, "intercept", name, "-n", "fixtures", "-p", "\(port):9", "--drain", "2s"],
            environment: try await Cluster.environment()
        )
        try await detour.says("ready:", within: .seconds(90))
        #expect(detour.errors.contains("nothing listens on port 9"), "a closed local port is a warning")
        // The listener of `expose` opens a new connection for each of these: all go through the interceptor.
        let result = try await Shell.run(
            fixtures,
            "client",
            name,
            "--addr",
            address,
            "--rounds",
            "5",
            "--hold",
            "500ms"
        )
        #expect(result.status == 0, "\(result)")
        detour.signal(SIGINT)
        #expect(await detour.ended() == 0)
        #expect(try await Cluster.snapshot(name, in: "fixtures").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: name, in: "fixtures")
    }
}
