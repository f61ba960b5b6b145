import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// Everything under exactly the permissions that `detour install` gives, on Services of namespaces of their own.
extension AloneEndToEndTests {
    @Test("A definition of another version is told by the doctor, and mended by install", .timeLimit(.minutes(1)))
    func oldDefinition() async throws {
        func doctor() async throws -> [String] {
            let words = [Cluster.detour, "doctor", "leaf", "-n", "shop", "-o", "json"]
            return try Found(try await Shell.run(words, environment: try await Cluster.environment())).names
        }
        try await RoleScene.install(["--cluster"])
        let patch = #"[{"op": "remove", "path": "/spec/versions/0/subresources"}]"#
        try await Cluster.kubectl("patch", "crd", "sessions.detour.dev", "--type=json", "-p", patch)
        #expect(try await doctor().contains("hurts definition-old"))
        try await RoleScene.install(["--cluster"])
        #expect(try await !doctor().contains("hurts definition-old"))
    }

    @Test(
        "The same without the definition, in ConfigMaps, and where what interceptors run as was made once: that stays",
        .timeLimit(.minutes(5))
    )
    func installedWithoutDefinition() async throws {
        try await RoleScene.withoutDefinition {
            let flags = ["--service", "leaf", "--config-maps"]
            async let maps: Void = InstalledLife.run("configmaps", "detour-role-maps", flags)
            // With the least that can be had.
            async let once: Void = InstalledLife.run("configmaps", "detour-role-once", flags + ["--interceptors"])
            _ = try await (maps, once)
        }
    }
}

extension ElsewhereEndToEndTests {
    @Test(
        "Who has nothing but the installed Role intercepts, lists, explains and closes, and leaves nothing",
        .timeLimit(.minutes(5))
    )
    func installedRole() async throws {
        try await RoleScene.install(["--cluster"])
        try await InstalledLife.run("sessions.detour.dev", "detour-role", ["--service", "leaf"])
    }
}

/// All that a user does who was given the Role.
private enum InstalledLife {
    static func run(_ kind: String, _ namespace: String, _ flags: [String]) async throws {
        try await RoleScene.with(namespace, flags: flags) { place in
            try await place.unprivileged()
            try await place.install()
            if flags.contains("--interceptors") { try await self.weakIdentity(place) }
            try await self.wholeLife(place, kind)
            try await self.laptopDies(place)
        }
    }

    /// What interceptors run as, with less than they need: told by the doctor and by an intercept, and set right by the
    /// command that both name.
    private static func weakIdentity(_ place: RoleScene) async throws {
        let patch = #"[{"op": "replace", "path": "/rules", "value": []}]"#
        let words = ["patch", "role", "interceptor-leaf", "-n", place.namespace, "--type=json", "-p", patch]
        _ = try await Cluster.kubectl(words)
        let told = "Role interceptor-leaf in namespace \(place.namespace), which an administrator made, does not let"
        let found = try Found(try await place.detour("doctor", "leaf", "-o", "json"))
        #expect(found.names.contains("stops permission-missing") && found.messages.contains(told), "\(found)")
        let refused = try await place.detour("intercept", "leaf", "-p", "80:\(place.port)")
        #expect(refused.status == 1 && refused.errors.contains(told), "\(refused)")
        #expect(
            refused.errors.contains("detour install -n \(place.namespace) --interceptors --config-maps --service leaf"),
            "\(refused)"
        )
        try await place.install()
    }

    /// Intercept, list, show, explain, doctor, close; then the same once more, ended by Ctrl-C.
    private static func wholeLife(_ place: RoleScene, _ kind: String) async throws {
        let before = try await place.leaf.snapshot()
        let intercept = try await place.intercept(["--drain", "1s"])
        defer { intercept.signal(SIGKILL) }
        let held = try await Cluster.kubectl("get", kind, "-n", place.namespace, "-o", "name")
        #expect(held.contains("intercept-\(place.namespace)-leaf"), "\(held)")
        try await Cluster.eventually("matching requests are answered by the laptop", within: .seconds(25)) {
            try await place.leaf.answeredBy(matching: true) == "leaf/laptop"
        }
        #expect(try await place.leaf.answeredBy(matching: false).hasPrefix("leaf/leaf-"))

        let list = try await place.detour("session", "list", "-o", "json")
        #expect(try JSONValue(parsing: list.output)[0]?[path: "spec", "phase"] == "Active", "\(list)")
        #expect(try await place.detour("session", "show", "leaf").output.contains("fingerprint"))
        let explained = try await place.detour("explain", "leaf", "-H", "X-C6O-INTERCEPT:yes", "-o", "json")
        #expect(try JSONValue(parsing: explained.output)["route"]?.string != nil, "\(explained)")
        let found = try Found(
            try await place.detour("doctor", "leaf", "-o", "json"),
            but: ClusterIllness.health + ["note not-seen"]
        )
        let missing = kind == "configmaps" ? ["note definition-missing"] : []
        #expect(found.names == missing + ["note session-active"], "\(found)")

        let closed = try await place.detour("session", "close", "leaf")
        #expect(closed.status == 0, "\(closed)")
        #expect(await intercept.ended() != 0, "the command says that its intercept was ended")
        #expect(try await place.leaf.snapshot().differences(from: before).isEmpty)
        try await place.nothingIsLeft()

        let again = try await place.intercept(["--drain", "1s"])
        again.signal(SIGINT)
        #expect(await again.ended() == 0, "\(again.errors)")
        #expect(try await place.leaf.snapshot().differences(from: before).isEmpty)
        try await place.nothingIsLeft()
    }

    /// Without the Service's name the Role deletes Sessions only; the garbage collector does the rest. What interceptors
    /// run as, where that was made once, is of a Service that is named.
    private static func laptopDies(_ place: RoleScene) async throws {
        let hasIdentity = place.flags.contains("--interceptors")
        if !hasIdentity {
            let flags = place.flags.filter { $0 == "--config-maps" }
            try await RoleScene.install(["-n", place.namespace, "--user", place.user] + flags)
        }
        #expect(try await place.mayDelete("deployment") == false)
        let before = try await place.leaf.snapshot()
        let intercept = try await place.intercept(["--ttl", "5s", "--drain", "1s"])
        intercept.losePower()
        try await Cluster.eventually("the cluster restores itself", within: .seconds(25)) {
            try await place.leaf.snapshot().differences(from: before).isEmpty
        }
        try await place.nothingIsLeft(within: .seconds(120))
        if hasIdentity {
            #expect(try await Cluster.residue(of: "leaf", in: place.namespace, butEnding: true).count == 3)
        }
    }
}
