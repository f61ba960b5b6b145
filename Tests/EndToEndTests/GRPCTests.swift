import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// A Service whose Pods run gRPC's own Python server, made for one test beside the fixtures.
private struct GRPCService {
    /// The Python that both ends run with.
    let python: String

    private static let programs = "/\(Shell.root)/Tests/ProxyTransportTests/GRPC"

    private static let manifest = """
        apiVersion: v1
        kind: Service
        metadata: {name: grpcio, namespace: fixtures}
        spec:
          selector: {app: grpcio}
          ports: [{name: grpc, port: 50051, targetPort: main}]
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: grpcio, namespace: fixtures}
        spec:
          selector: {matchLabels: {app: grpcio}}
          template:
            metadata: {labels: {app: grpcio}}
            spec:
              automountServiceAccountToken: false
              terminationGracePeriodSeconds: 2
              containers:
              - name: server
                image: docker.io/local/python-peers:1
                imagePullPolicy: IfNotPresent
                args: [/programs/server.py, original]
                env: [{name: PEER_ADDRESS, value: "0.0.0.0:8080"}]
                ports: [{name: main, containerPort: 8080}]
                readinessProbe: {tcpSocket: {port: main}, periodSeconds: 1}
                volumeMounts: [{name: programs, mountPath: /programs, readOnly: true}]
                securityContext: {runAsNonRoot: true, runAsUser: 65532}
              volumes: [{name: programs, configMap: {name: grpcio}}]
        """

    static func make() async throws -> GRPCService {
        let service = GRPCService(python: try await Shell.must("/\(Shell.root)/scripts/lib/python-peers"))
        // What a run that was cut off has left.
        try await service.remove()
        let image = try await Shell.must(Cluster.script, "image", "python-peers")
        try await Shell.must(Cluster.script, "load-image", image)
        try await Cluster.kubectl(
            "create",
            "configmap",
            "grpcio",
            "-n",
            "fixtures",
            "--from-file=\(Self.programs)/server.py"
        )
        let file = FileManager.default.temporaryDirectory.appending(path: "grpcio-\(UUID().uuidString).yaml")
        try Data(Self.manifest.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await Cluster.kubectl("apply", "-f", file.path())
        try await Cluster.kubectl("rollout", "status", "deployment/grpcio", "-n", "fixtures", "--timeout=60s")
        return service
    }

    func remove() async throws {
        try await Cluster.kubectl(
            "delete",
            "service/grpcio",
            "deployment/grpcio",
            "configmap/grpcio",
            "-n",
            "fixtures",
            "--ignore-not-found"
        )
    }

    /// The same server on this machine.
    func local() async throws -> (RunningProcess, port: String) {
        let process = try RunningProcess(
            [self.python, "\(Self.programs)/server.py", "laptop"],
            environment: ["PEER_ADDRESS": "127.0.0.1:0"]
        )
        try await Cluster.eventually("the server on this machine listens", within: .seconds(20)) {
            process.output.hasSuffix("\n") || process.status != nil
        }
        return (process, process.output.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// What the client says it saw at a port of this machine, line by line.
    func client(_ port: String, _ mode: String) async throws -> [String] {
        try await Shell.must(self.python, "\(Self.programs)/client.py", port, mode)
            .split(separator: "\n").map(String.init)
    }
}

extension ElsewhereEndToEndTests {
    @Test(
        "gRPC's own client and server see through Service, tunnel and laptop what they see directly, both kinds on one connection",
        .timeLimit(.minutes(5))
    )
    func grpc() async throws {
        let service = try await GRPCService.make()
        do {
            try await self.grpc(service)
        } catch {
            try await service.remove()
            throw error
        }
        try await service.remove()
    }

    private func grpc(_ service: GRPCService) async throws {
        let before = try await Cluster.snapshot("grpcio", in: "fixtures")
        let url = try await Cluster.url("fixtures/grpcio", 50_051)
        let address = try #require(url.split(separator: ":").last.map(String.init))
        let (local, port) = try await service.local()
        defer { local.signal(SIGKILL) }
        // A Service that was just made is known to kube-proxy a moment later.
        try await Cluster.eventually("the Service answers", within: .seconds(25)) {
            try await service.client(address, "once").joined().contains("StatusCode.OK")
        }
        let direct = try await service.client(address, "plain")
        let directLocal = try await service.client(port, "diverted")
        #expect(direct.count == 30 && direct.joined().contains("('x-server', 'original')"), "\(direct)")
        #expect(directLocal.count == 30 && directLocal.joined().contains("('x-server', 'laptop')"), "\(directLocal)")
        try await self.mirror(service, address, port, try await service.client(address, "diverted"))

        let detour = try RunningProcess(
            [
                Cluster.detour, "intercept", "grpcio", "-n", "fixtures", "-p", "grpc:\(port)", "-x", "x-user:alice",
                "--drain", "2s",
            ],
            environment: try await Cluster.environment()
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        try await self.leads(service, address)
        #expect(try await service.client(address, "plain") == direct)
        #expect(try await service.client(address, "diverted") == directLocal)
        #expect(try await service.client(address, "beside") == direct + directLocal)
        #expect(try await service.client(address, "mixed") == ["0 original True 200", "1 laptop True 200"])
        // A call that was cancelled is logged when the interceptor learns of it.
        var seen: [[Int]] = []
        try? await Cluster.eventually("each client's connection has its lines", within: .seconds(30)) {
            seen = try await self.answers()
            return [[30], [30], [30, 30], [200, 200]].allSatisfy { seen.contains($0) }
        }
        for calls in [[30], [30], [30, 30], [200, 200]] { #expect(seen.contains(calls), "\(seen)") }
        detour.signal(SIGINT)
        #expect(await detour.ended() == 0, "\(detour.errors)")
        #expect(try await Cluster.snapshot("grpcio", in: "fixtures").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "grpcio", in: "fixtures")
    }

    /// What is copied to the same server on this machine differs in the one field that names it, and in nothing else.
    private func mirror(_ service: GRPCService, _ address: String, _ port: String, _ direct: [String]) async throws {
        let detour = try RunningProcess(
            [
                Cluster.detour, "intercept", "grpcio", "-n", "fixtures", "-p", "grpc:\(port)", "-x", "x-user:alice",
                "--drain", "2s", "--mirror", "-o", "json", "--max-requests", "24",
            ],
            environment: try await Cluster.environment()
        )
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        try await self.leads(service, address)
        #expect(try await service.client(address, "diverted") == direct, "clients see the original's answers")
        let status = await detour.ended()
        #expect(status == 1, "\(detour.errors)\n\(detour.output)")
        let events = try detour.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        let compared = events.filter { $0["event"]?.string == "compared" }
        #expect(compared.count == 24)
        // 16 MiB, and two streams of 10 MB.
        let long = events.filter { $0["event"]?.string == "not-compared" && $0["reason"]?.string == "too-long" }
        #expect(long.reduce(0) { $0 + ($1["count"]?.integer ?? 0) } >= 3, "\(detour.output)")
        for event in compared where event["target"]?.string != "/test.Echo/missing" {
            #expect(event["differences"]?.array?.map { $0["name"]?.string } == ["x-server"], "\(event)")
        }
    }

    /// Waits until the node follows the Service to the interceptor: new connections go there, all of them.
    private func leads(_ service: GRPCService, _ address: String) async throws {
        let calls = { try await self.answers().count { $0 == [1] } }
        let before = try await calls()
        try await Cluster.eventually("a call goes through the interceptor", within: .seconds(30)) {
            _ = try await service.client(address, "once")
            return try await calls() > before
        }
    }

    /// Of each connection through the interceptors, how many calls each server has answered.
    private func answers() async throws -> [[Int]] {
        let log = try await Cluster.kubectl(
            "logs",
            "-n",
            "fixtures",
            "-l",
            "app=interceptor",
            "--prefix",
            "--tail=-1"
        )
        var answers: [String: [String: Int]] = [:]
        for line in log.split(separator: "\n") {
            guard let start = line.firstIndex(of: "{"), let record = try? JSONValue(parsing: String(line[start...])),
                record["path"]?.string?.hasPrefix("/test.Echo/") == true, let connection = record["connection"]?.integer
            else { continue }
            answers["\(line[..<start])\(connection)", default: [:]][record["served_by"]?.string ?? "", default: 0] += 1
        }
        return answers.values.map { $0.values.sorted() }
    }
}
