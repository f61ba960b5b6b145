import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension ElsewhereEndToEndTests {
    /// Takes its time for what it is sent.
    private static let slow = """
        import http.server, sys, time
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-length", "0")
                self.send_header("x-who", "laptop")
                self.end_headers()
            def do_POST(self):
                print("asked", file=sys.stderr, flush=True)
                self.rfile.read(int(self.headers["content-length"]))
                time.sleep(2)
                body = b'{"answeredBy": "slow"}'
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        sys.stderr.write(f"listens on {server.server_address[1]}\\n")
        server.serve_forever()
        """

    @Test("What this machine has begun to answer when its intercept ends, it answers", .timeLimit(.minutes(5)))
    func parting() async throws {
        try await OwnLeaf.with("detour-parting") { leaf in
            let before = try await leaf.snapshot()
            let python = try RunningProcess(["python3", "-c", Self.slow])
            defer { python.signal(SIGKILL) }
            try await python.says("listens on", within: .seconds(10))
            let port = try #require(python.errors.firstMatch(of: #/listens on (\d+)/#).flatMap { Int($0.1) })
            let detour = try await Intercepting.launch(port: port, flags: ["--drain", "1s"], in: leaf.namespace)
            defer { detour.signal(SIGKILL) }
            try await detour.says("ready:", within: .seconds(90))
            let flags = ["curl", "-sS", "-m", "20", "--noproxy", "*", "-H", "X-C6O-INTERCEPT: yes", "\(leaf.url)/n/7"]
            try await Cluster.eventually("requests are diverted", within: .seconds(15)) {
                try await Shell.must(flags + ["-i"]).contains("x-who: laptop")
            }
            let asking = try RunningProcess(flags + ["-d", "order"])
            try await python.says("asked", within: .seconds(15))
            detour.signal(SIGINT)
            #expect(await asking.ended() == 0, "\(asking.errors)")
            #expect(asking.output == #"{"answeredBy": "slow"}"#)
            #expect(await detour.ended() == 0, "\(detour.errors)")
            #expect(try await leaf.snapshot().differences(from: before).isEmpty)
        }
    }
}
