import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// Intercepts that are, were, or cannot be; what the doctor says of them, and what becomes of its mends.
struct Patients: Sendable {
    let leaf: OwnLeaf
    private let folder = URL(filePath: NSTemporaryDirectory())
    private static let image = "docker.io/local/shop:1"

    private var namespace: String { self.leaf.namespace }
    private var session: String { "intercept-\(self.namespace)-leaf" }

    private func doctor(_ flags: [String] = ["--image", Self.image]) async throws -> Found {
        let words = [Cluster.detour, "doctor", "leaf", "-n", self.namespace, "-o", "json"] + flags
        return try Found(
            try await Shell.run(words, environment: try await Cluster.environment()),
            but: ClusterIllness.health
        )
    }

    private func start(_ flags: String...) async throws -> RunningProcess {
        try RunningProcess(
            [Cluster.detour, "intercept", "leaf", "-n", self.namespace, "-p", "80:1", "--drain", "1s"] + flags,
            environment: try await Cluster.environment()
        )
    }

    /// Waits until these are found, and says what is when they are not.
    private func until(_ expected: [String], says text: String? = nil, _ flags: [String]? = nil) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        var found = try await self.doctor(flags ?? ["--image", Self.image])
        while found.names != expected.sorted(), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(100))
            found = try await self.doctor(flags ?? ["--image", Self.image])
        }
        #expect(found.names == expected.sorted(), "\(found)")
        if let text { #expect(found.messages.contains(text), "\(found)") }
    }

    /// Its Pods too: the decoy stays as long as they do, and is a stranger's to what is made by hand here.
    private func nothingIsLeft() async throws {
        try await Cluster.nothingIsLeft(of: "leaf", in: self.namespace)
    }

    /// An intercept that runs, and what such ones leave when they die.
    func past() async throws {
        try await self.running()
        try await self.leftovers()
    }

    /// An intercept that runs is a note; keeps what is there meanwhile for what follows.
    private func running() async throws {
        let intercept = try await self.start()
        defer { intercept.signal(SIGKILL) }
        try await intercept.says("ready:", within: .seconds(60))
        try await self.until(["note session-active"], says: "x-c6o-intercept: yes", [])
        try await self.until(["note session-active", "note session-image"])
        for (kind, name) in [("session", self.session), ("service", "leaf")] {
            let text = try await Cluster.kubectl("get", kind, name, "-n", self.namespace, "-o", "json")
            try Data(text.utf8).write(to: self.kept(kind))
        }
        intercept.signal(SIGINT)
        #expect(await intercept.ended() == 0)
        try await self.nothingIsLeft()
    }

    private func kept(_ kind: String) -> URL { self.folder.appending(path: "\(self.namespace)-\(kind).json") }

    /// An object of the intercept that ran, as one that is made anew.
    private func relic(_ kind: String) throws -> JSONValue {
        var object = try JSONValue(parsing: String(contentsOf: self.kept(kind), encoding: .utf8))
        for key in ["uid", "resourceVersion", "creationTimestamp", "generation", "ownerReferences", "managedFields"] {
            object["metadata"]?[key] = nil
        }
        return object
    }

    /// The Session in a ConfigMap beside that in an object of its own.
    private func second(_ session: JSONValue) -> JSONValue {
        let spec = session["spec"] ?? [:]
        return [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": .string(self.session), "labels": ["detour.dev/holds": "session"]],
            "data": [
                "spec": .string(spec.compact), "ops": .string((spec[path: "restore-service", "ops"] ?? []).compact),
                "members": .string(JSONValue.object(["phase": "Active", "routes": spec["routes"] ?? []]).compact),
            ],
        ]
    }

    /// What dead intercepts leave, made by hand; the doctor's mend takes each away.
    private func leftovers() async throws {
        let session = try self.relic("session")
        func changed(_ key: String, _ value: JSONValue) -> JSONValue {
            var session = session
            session["spec"]?[key] = value
            return session
        }
        let hijacked = try self.relic("service")
        let before = try await self.leaf.snapshot()
        let cases: [(objects: [JSONValue], expected: String)] = [
            ([changed("phase", "Closing")], "hurts session-closing"),
            ([changed("routes", [])], "hurts session-stale"),
            ([changed("serviceUID", "another")], "hurts session-stale"),
            ([changed("restore-service", ["ops": []])], "stops session-damaged"),
            ([session, self.second(session)], "stops session-twice"),
            ([session, hijacked], "hurts session-stale"),
            ([hijacked], "stops hijacked-without-session"),
        ]
        let bench = try await CommandBench(name: "detour")
        for (objects, expected) in cases {
            // Written as it is: the last intercept's annotation of `apply` is not the matter.
            try await Cluster.apply(objects, in: self.namespace, ["--server-side", "--force-conflicts"])
            try await self.until([expected])
            let commands = try await self.doctor().commands
            #expect(commands.count == 1, "\(expected): \(commands)")
            for command in commands {
                let result = try await bench.run(command)
                #expect(result.status == 0, "\(expected): \(command): \(result)")
            }
            try await self.until([])
            #expect(try await self.leaf.snapshot()["spec"] == before["spec"], "\(expected)")
            try await self.nothingIsLeft()
        }
    }

    /// What the doctor says stops an intercept does; it says why, and takes back what it has made.
    func refused() async throws {
        let cases: [(JSONValue, String, says: String)] = [
            (ClusterIllness.quota(["pods": "1"]), "stops quota", "exceeded quota: team"),
            (
                ClusterIllness.limits(["type": "Container", "max": ["memory": "256Mi"]]), "stops limit-range",
                "maximum memory usage per Container is 256Mi"
            ),
        ]
        for (object, expected, text) in cases {
            try await Cluster.apply([object], in: self.namespace)
            try await self.until([expected])
            try await self.fails(try await self.start(), says: "the cluster refuses the interceptor's Pods", text)
            try await Cluster.delete([object], in: self.namespace)
        }
        let images = [
            ("registry.invalid/detour:1", "stops image-pull", "cannot pull the interceptor's image"),
            // Runs, and ends at once: it knows no `serve interceptor`.
            ("docker.io/local/fixtures:1", "stops interceptor-not-starting", "does not start"),
        ]
        for (image, expected, text) in images {
            let intercept = try await self.start("--image", image)
            defer { intercept.signal(SIGKILL) }
            // It would take back what it made as soon as it sees that itself.
            try await Cluster.eventually("the interceptor is made", within: .seconds(20)) {
                let words = ["get", "deployment", "interceptor-leaf", "-n", self.namespace, "-o", "name"]
                return try await !Cluster.kubectl(words + ["--ignore-not-found"]).isEmpty
            }
            intercept.signal(SIGSTOP)
            try await self.until([expected, "note session-active"], ["--image", image])
            intercept.signal(SIGCONT)
            try await self.fails(intercept, says: text)
        }
    }

    private func fails(_ intercept: RunningProcess, says texts: String...) async throws {
        #expect(await intercept.ended(within: .seconds(60)) == 1)
        for text in texts { #expect(intercept.errors.contains(text), "\(intercept.errors)") }
        try await self.nothingIsLeft()
    }

    /// Where no node takes Pods, both say so; once one does, the intercept goes on by itself.
    func withoutNode() async throws {
        let node = try await Cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
        let nodes = node.split(separator: " ").map(String.init)
        _ = try await Cluster.kubectl(["cordon"] + nodes)
        do {
            let intercept = try await self.start()
            defer { intercept.signal(SIGKILL) }
            try await self.until(
                ["stops interceptor-not-starting", "note session-active", "note session-image"],
                says: "no node takes the interceptor's Pod"
            )
            try await intercept.says("no node takes its Pod", within: .seconds(20))
            _ = try await Cluster.kubectl(["uncordon"] + nodes)
            try await intercept.says("ready:", within: .seconds(60))
            intercept.signal(SIGINT)
            #expect(await intercept.ended() == 0)
        } catch {
            _ = try await Cluster.kubectl(["uncordon"] + nodes)
            throw error
        }
        try await self.nothingIsLeft()
    }
}
