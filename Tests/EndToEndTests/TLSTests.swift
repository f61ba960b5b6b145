import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// A Service that speaks TLS, made for one test beside the fixtures, or elsewhere.
struct TLSService: Sendable {
    var namespace = "fixtures"
    let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "detour-\(UUID().uuidString)")
    var host: String { "tls.\(self.namespace)" }

    /// The Service, its workload, and the Secret that holds its certificate.
    private static let manifest = """
        apiVersion: v1
        kind: Service
        metadata: {name: tls}
        spec:
          selector: {app: tls}
          ports: [{name: https, port: 443, targetPort: main}]
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: tls}
        spec:
          selector: {matchLabels: {app: tls}}
          template:
            metadata: {labels: {app: tls}}
            spec:
              automountServiceAccountToken: false
              containers:
              - name: fixtures
                image: docker.io/local/fixtures:1
                imagePullPolicy: IfNotPresent
                args: [serve, tls]
                ports: [{name: main, containerPort: 8080}]
                readinessProbe: {tcpSocket: {port: main}, periodSeconds: 1}
                volumeMounts: [{name: tls, mountPath: /tls, readOnly: true}]
                securityContext: {runAsNonRoot: true, runAsUser: 65532}
              securityContext: {fsGroup: 65532}
              volumes: [{name: tls, secret: {secretName: tls}}]
        """

    func make() async throws {
        // What a run that was cut off has left.
        try await self.remove()
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        try await self.secret("tls")
        try await self.secret("another")
        let file = self.folder.appending(path: "tls.yaml")
        try Data(Self.manifest.utf8).write(to: file)
        try await Cluster.kubectl("apply", "-n", self.namespace, "-f", file.path())
        try await Cluster.kubectl("rollout", "status", "deployment/tls", "-n", self.namespace, "--timeout=60s")
    }

    /// A self-signed certificate in a Secret, and beside it in a file.
    private func secret(_ name: String) async throws {
        let pair = try await SelfSigned(name: "\(self.folder.path())/\(name)", names: "DNS:\(self.host)")
        let files = ["--cert", pair.certificate, "--key", pair.key]
        try await Cluster.kubectl(["create", "secret", "tls", name, "-n", self.namespace] + files)
    }

    func remove() async throws {
        try await Cluster.kubectl(
            "delete",
            "service/tls",
            "deployment/tls",
            "secret/tls",
            "secret/another",
            "-n",
            self.namespace,
            "--ignore-not-found"
        )
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// What a client gets that verifies the Service's name.
    func ask(_ port: Int, _ flags: String...) async throws -> String {
        try await Shell.run(
            [
                "curl", "-sS", "-m", "5", "--noproxy", "*", "--cacert", "\(self.folder.path())/tls.crt", "--connect-to",
                "\(self.host):443:127.0.0.1:\(port)",
            ] + flags + ["https://\(self.host)/n/7"]
        ).output
    }
}

extension ElsewhereEndToEndTests {
    @Test("A Service that speaks TLS is intercepted with its Secret, and refused with another", .timeLimit(.minutes(5)))
    func tls() async throws {
        let service = TLSService()
        try await service.make()
        do {
            try await self.tls(service)
        } catch {
            try await service.remove()
            throw error
        }
        try await service.remove()
    }

    private func tls(_ service: TLSService) async throws {
        let before = try await Cluster.snapshot("tls", in: "fixtures")
        let url = try await Cluster.url("fixtures/tls", 443)
        let address = try #require(Int(url.split(separator: ":").last ?? ""))
        // A Service that was just made is known to kube-proxy a moment later.
        try await Cluster.eventually("the Service answers", within: .seconds(25)) {
            try await service.ask(address, "--http1.1").hasSuffix("HTTP/1.1 /n/7\n")
        }
        let (local, port) = try await LocalLeaf.start()
        defer { local.signal(SIGKILL) }
        func intercept(_ line: String, as name: String) async throws -> RunningProcess {
            let words = "\(name) intercept \(line) -n fixtures --drain 2s".split(separator: " ").map(String.init)
            return try await CommandBench(name: name).start(words)
        }

        let wrong = try await intercept("tls -p https:\(port) --tls-secret another", as: "detour")
        #expect(await wrong.ended() == 1)
        #expect(wrong.errors.contains("name the Secret that the Service's Pods use"), "\(wrong.errors)")
        #expect(try await Cluster.snapshot("tls", in: "fixtures").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "tls", in: "fixtures", butEnding: true)

        // The same flag as czctl's documentation spells it.
        let detour = try await intercept("service tls -r https -l \(port) --tlsSecretName tls", as: "czctl")
        defer { detour.signal(SIGKILL) }
        try await detour.says("ready:", within: .seconds(90))
        try await Cluster.eventually("matching requests are answered by the laptop", within: .seconds(25)) {
            try await service.ask(address, "--http1.1", "-H", "X-C6O-INTERCEPT: yes").contains("leaf/laptop")
        }
        for version in ["1.1", "2"] {
            let answer = try await service.ask(address, "--http\(version)")
            #expect(answer.hasSuffix("HTTP/\(version == "2" ? "2.0" : version) /n/7\n"), "\(answer)")
        }
        let plain = try await Shell.run("curl", "-sS", "-m", "5", "--noproxy", "*", url)
        #expect(plain.output.contains("HTTP request to an HTTPS server"), "as without an intercept: \(plain)")
        detour.signal(SIGINT)
        #expect(await detour.ended() == 0)
        #expect(try await Cluster.snapshot("tls", in: "fixtures").differences(from: before).isEmpty)
        try await Cluster.nothingIsLeft(of: "tls", in: "fixtures", butEnding: true)
    }
}
