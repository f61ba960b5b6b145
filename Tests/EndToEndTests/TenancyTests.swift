import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing
import TunnelTransport

/// What others in the namespace can do to an intercept.
extension ElsewhereEndToEndTests {
    private static let secret = "of-nobody-elses-business"

    @Test(
        "Another Pod of the namespace gets no tunnel and no diverted byte, and keeps nobody from theirs",
        .timeLimit(.minutes(4))
    )
    func otherPods() async throws {
        try await OwnLeaf.with("detour-tenancy") { leaf in
            let intercept = try await Intercepting.start(["--drain", "1s"], of: leaf)
            defer { intercept.kill() }
            try await intercept.untilDiverted()
            let stream = try await Load.start(
                leaf.url,
                rate: 40,
                flags: [
                    "--new-connections", "0.5", "--header", "X-C6O-INTERCEPT:yes", "--header",
                    "Authorization:Bearer \(Self.secret)",
                ]
            )
            defer { stream.process.signal(SIGKILL) }
            let interloper = try await Interloper(in: leaf.namespace)

            var heard = Evidence()
            try await self.fromOutside(interloper, &heard)
            try await self.atTheDoor(interloper, &heard)
            let crowds = try await [
                interloper.crowd(200, in: interloper.interceptor, to: "127.0.0.1", 15_099),
                interloper.crowd(200, in: interloper.pod, to: interloper.address, 15_020),
                interloper.crowd(200, in: interloper.pod, to: interloper.address, 15_100),
            ]
            defer { crowds.forEach { $0.signal(SIGKILL) } }
            try await self.byTheSession(leaf, interloper)

            let report = try await stream.finish()
            print("matching requests while others tried to get in: \(report)")
            #expect(report.bad == 0 && report.ok > 100, "\(report)")
            // On a machine with no time to spare an answer may come from the original, and from nobody else.
            let answers = (report.json["answeredBy"]?.object ?? [:]).compactMapValues(\.integer)
            #expect(answers.keys.allSatisfy { $0 == "leaf/laptop" || $0.hasPrefix("leaf/leaf-") }, "\(report)")
            #expect(answers["leaf/laptop", default: 0] > report.ok * 9 / 10, "\(report)")
            #expect(heard.places(of: ["a diverted request": Self.secret, "an answer": "leaf/laptop"]).isEmpty)
            let restarts = try await Self.restarts(leaf)
            #expect(restarts == [0], "a container was started again")
            #expect(await intercept.stop() == 0)
            #expect(try await leaf.snapshot().differences(from: intercept.before).isEmpty)
        }
    }

    /// How often each container of the interceptor was started again.
    private static func restarts(_ leaf: OwnLeaf) async throws -> [Int] {
        let fields = "jsonpath={.items[*].status.containerStatuses[*].restartCount}"
        return try await Cluster.kubectl("get", "pods", "-n", leaf.namespace, "-l", "app=interceptor", "-o", fields)
            .split(separator: " ").compactMap { Int($0) }
    }

    /// The ports there are, and what they say to a Pod that is no laptop.
    private func fromOutside(_ interloper: Interloper, _ heard: inout Evidence) async throws {
        let listeners = try await interloper.listeners()
        #expect(listeners == ["127.0.0.1:15099", "0.0.0.0:15020", "0.0.0.0:15100"])
        let from = interloper.pod
        func curl(_ words: String...) async throws -> ShellResult {
            let result = try await Shell.run(
                [Cluster.script, "pod-netns", from, "curl", "-sS", "-m", "5", "--noproxy", "*"] + words
            )
            heard.add(words.joined(separator: " "), result)
            return result
        }
        let tunnel = try await curl("http://\(interloper.address):15099/")
        #expect(tunnel.status == 7, "no connection: \(tunnel)")
        for (path, expected) in [("healthz", "ok"), ("readyz", "ok"), ("stats/prometheus", "detour_requests_total")] {
            let answer = try await curl("http://\(interloper.address):15020/\(path)")
            #expect(answer.output.contains(expected), "\(path): \(answer)")
        }
        for path in [
            "", "routes", "session", "config", "debug/pprof/", "run/detour/", "../../etc/detour/interceptor.json",
        ] {
            let answer = try await curl(
                "--path-as-is",
                "-w",
                "%{http_code}",
                "http://\(interloper.address):15020/\(path)"
            )
            #expect(answer.output.hasSuffix("404"), "\(path): \(answer)")
        }
        // What comes first when the interceptor itself asks a route's socket means nothing here.
        let preamble = try await curl("--haproxy-protocol", "http://\(interloper.address):15100/n/7")
        #expect(!preamble.output.contains("laptop"), "\(preamble)")
        let plain = try await curl("http://\(interloper.address):15100/n/7")
        #expect(plain.output.contains("leaf/leaf-"), "\(plain)")
    }

    /// Who does get to the port of the tunnels, which needs the right to port-forward, or a neighbour's tricks with packets.
    private func atTheDoor(_ interloper: Interloper, _ heard: inout Evidence) async throws {
        let inside = interloper.interceptor
        let plain = try await interloper.run(
            in: inside,
            "curl",
            "-sS",
            "-m",
            "5",
            "--noproxy",
            "*",
            "http://127.0.0.1:15099/"
        )
        heard.add("without TLS", plain)
        #expect(plain.status != 0 && plain.output.isEmpty, "\(plain)")
        let folder = FileManager.default.temporaryDirectory.appending(path: "interloper-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let own = try await SelfSigned(name: folder.appending(path: "own").path(), names: "DNS:detour")
        for flags in ["-tls1_3", "-tls1_3 -cert \(own.certificate) -key \(own.key)", "-tls1_2"] {
            // Standard input stays open, so that what ends it is the other end.
            let script = "sleep 3 | timeout 5 openssl s_client -connect 127.0.0.1:15099 \(flags)"
            let result = try await interloper.run(in: inside, "sh", "-c", script)
            heard.add(flags, result)
            #expect(result.errors.contains("alert"), "\(flags): \(result)")
        }
    }

    /// A co-tenant who may write Sessions gets a route of his own, and with its key nothing else; keys alone get nothing.
    private func byTheSession(_ leaf: OwnLeaf, _ interloper: Interloper) async throws {
        let name = "intercept-\(leaf.namespace)-leaf"
        func session() async throws -> JSONValue {
            try JSONValue(
                parsing: try await Cluster.kubectl("get", "session", name, "-n", leaf.namespace, "-o", "json")
            )
        }
        func write(_ operation: JSONValue) async throws {
            let words = ["patch", "session", name, "-n", leaf.namespace, "--type=json", "-p"]
            try await Cluster.kubectl(words + [JSONValue.array([operation]).compact])
        }
        let known = try await session()
        let incarnation = try #require(known[path: "spec", "session"]?.string)
        let replica = try #require(known[path: "status", "replicas"]?.object?.values.first)
        let interceptor = try #require(replica["fingerprint"]?.string)
        var route = try #require(known[path: "spec", "routes"]?[0])
        let victim = try #require(route["id"]?.string)

        let (doorway, port) = try await interloper.doorway(to: 15_099)
        defer { doorway.signal(SIGKILL) }
        let mallory = try TunnelIdentity()
        func knock(_ route: String, _ session: String, _ epoch: UInt64) async throws -> String {
            let hello = TunnelHello(route: route, session: session, epoch: epoch, version: "0")
            return try await Interloper.knock(port, as: mallory, of: interceptor, hello)
        }
        let stranger = try await knock(victim, incarnation, 1)
        #expect(stranger.hasPrefix("handshake-failed"), "a key that no route names: \(stranger)")

        let own = "feedfeedfeedfeed"
        route["id"] = .string(own)
        route["owner"] = "mallory@elsewhere"
        route["fingerprint"] = .string(mallory.fingerprint)
        route["epoch"] = 5
        let match = try JSONValue(parsing: try #require(route["match"]).compact.replacing("yes", with: "mallory"))
        route["match"] = match
        try await write(["op": "add", "path": "/spec/routes/-", "value": route])
        try await Cluster.eventually("the replica knows the new route", within: .seconds(10)) {
            try await knock(own, incarnation, 5) == "welcome"
        }
        for (what, answer, why) in [
            ("an older epoch", try await knock(own, incarnation, 4), "stale"),
            ("an epoch to come", try await knock(own, incarnation, 6), "stale"),
            ("a guess at the session", try await knock(own, String(repeating: "0", count: 40), 5), "no such session"),
            ("somebody else's route", try await knock(victim, incarnation, 5), "no such route for this key"),
            ("no route", try await knock("../\(victim)", incarnation, 5), "no such route for this key"),
        ] { #expect(answer.hasPrefix("refused") && answer.contains(why), "\(what): \(answer)") }
        #expect(try await knock(own, incarnation, 5) == "welcome", "it was the words that were refused")

        // Of the same key, once its route has been joined anew.
        try await write(["op": "replace", "path": "/spec/routes/1/epoch", "value": 6])
        try await Cluster.eventually("the replica knows the new epoch", within: .seconds(10)) {
            try await knock(own, incarnation, 6) == "welcome"
        }
        #expect(try await knock(own, incarnation, 5).contains("stale"), "the epoch of before")
        try await write(["op": "remove", "path": "/spec/routes/1"])
        try await Cluster.eventually("the key is known no more", within: .seconds(10)) {
            try await knock(own, incarnation, 6).hasPrefix("handshake-failed")
        }
    }
}
