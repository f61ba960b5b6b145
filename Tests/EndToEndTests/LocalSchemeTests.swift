import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// How the local process may be spoken to: four developers on one Service, each with another one.
extension ElsewhereEndToEndTests {
    /// Python's own server, inside TLS; it says what it was asked.
    private static let server = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                body = b'{"answeredBy": "%s/tls"}' % self.request.version().encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        sys.stderr.write(f"listens on {server.server_address[1]}\\n")
        server.serve_forever()
        """

    @Test(
        "The local process listens on ::1, or speaks TLS, verified or not to be, or HTTP/2 without TLS",
        .timeLimit(.minutes(5))
    )
    func localSchemes() async throws {
        let place = Workloads(namespace: "schemes")
        let folder = FileManager.default.temporaryDirectory.appending(path: "detour-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await place.make()
        do {
            try await self.localSchemes(place, folder.path())
        } catch {
            try await place.remove()
            throw error
        }
        try await place.remove()
    }

    private func localSchemes(_ place: Workloads, _ folder: String) async throws {
        let before = try await Cluster.snapshot("pair", in: place.namespace)
        let pair = try await SelfSigned(name: "\(folder)/local", names: "DNS:local")
        let another = try await SelfSigned(name: "\(folder)/another", names: "DNS:another")
        let (leaf, leafPort) = try await LocalLeaf.start(host: "::1", name: "six")
        let python = try RunningProcess(["python3", "-c", Self.server, pair.certificate, pair.key])
        let fixtures = try Cluster.program("DETOUR_FIXTURES")
        let grpc = try RunningProcess([fixtures, "serve", "grpc", "--host", "127.0.0.1", "--port", "0"])
        var running = [leaf, python, grpc]
        defer { for process in running { process.signal(SIGKILL) } }
        for process in [python, grpc] { try await process.says("listens on", within: .seconds(10)) }
        let tlsPort = try #require(python.errors.firstMatch(of: #/listens on (\d+)/#)?.1)
        let grpcPort = try #require(grpc.errors.firstMatch(of: #/listens on 127\.0\.0\.1:(\d+)/#)?.1)
        let lines = [
            ("six", "-p 80:\(leafPort)"),
            ("tls", "-p 80:\(tlsPort) --local-scheme https --local-ca \(pair.certificate)"),
            ("lax", "-p 80:\(tlsPort) --local-scheme https"),
            ("strict", "-p 80:\(tlsPort) --local-scheme https --local-ca \(another.certificate)"),
            ("grpc", "-p 82:\(grpcPort) --local-scheme h2c"),
        ]
        var intercepts: [String: RunningProcess] = [:]
        for (user, flags) in lines {
            let words = ["pair", "-x", "X-Dev:\(user)"] + flags.split(separator: " ").map(String.init)
            let process = try await place.intercept(words, user: user)
            intercepts[user] = process
            running.append(process)
        }
        for process in intercepts.values { try await process.says("ready:", within: .seconds(90)) }

        let url = try await Cluster.url("\(place.namespace)/pair", 80)
        try await place.untilAnswered(by: "leaf/six", url, ["-H", "x-dev: six"])
        for user in ["tls", "lax"] {
            #expect(try await place.answeredBy(url, ["-H", "x-dev: \(user)"]) == "TLSv1.3/tls", "\(user)")
        }
        for _ in 0..<3 {
            let head = try await Shell.must("curl", "-sSi", "-m", "5", "--noproxy", "*", "-H", "x-dev: strict", url)
            #expect(head.contains("\"http/pair-") && head.contains("x-detour-reason: local-refused"), "\(head)")
        }
        let strict = try #require(intercepts["strict"])
        #expect(
            strict.errors.components(separatedBy: "--local-ca").count == 2,
            "told once, with the flag: \(strict.errors)"
        )

        let second = try await Cluster.url("\(place.namespace)/pair", 82)
        let call =
            "curl -sSi -m 5 --noproxy * -H content-type:application/grpc -H te:trailers"
            .split(separator: " ").map(String.init) + ["-d", "", "\(second)/fixtures.Echo/Chat"]
        let here = "x-fixture-host: \(ProcessInfo.processInfo.hostName)"
        for (user, isHere) in [("grpc", true), ("nobody", false)] {
            let head = try await Shell.must(call + ["--http2-prior-knowledge", "-H", "x-dev: \(user)"])
            #expect(head.contains(here) == isHere && head.contains("x-fixture-host: "), "\(head)")
        }
        try await Shell.must(fixtures, "client", "grpc", "--addr", second, "--header", "x-dev:grpc", "--rounds", "3")
        // Nothing translates between the versions: HTTP/1.1 stays with the original, which does not speak it either.
        let http1 = try await Shell.run(call + ["--http1.1", "--http0.9", "-H", "x-dev: grpc"])
        #expect(!http1.output.contains("x-fixture-host"), "\(http1)")

        for process in intercepts.values { process.signal(SIGINT) }
        for process in intercepts.values { #expect(await process.ended() == 0, "\(process.errors)") }
        #expect(try await Cluster.snapshot("pair", in: place.namespace).differences(from: before).isEmpty)
    }
}
